"""Folding decisions into snapshots: the one place that knows how versions, sequences, causes and marks move."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from shared.kernel.aggregate import AggregateType, Cause, Decision, S, Snapshot, Stamp

REMEMBERED_CAUSES = 256


def cause_hash(cause: Cause) -> int:
    """64 bits of (source, id), signed as BSON's integers are."""
    raw = hashlib.blake2b(f"{cause.source}\n{cause.id}".encode(), digest_size=8).digest()
    return int.from_bytes(raw, "big", signed=True)


def document_version(snapshot: Snapshot[S], cause: Cause) -> int | None:
    """The first version of the log document that holds `cause`; None if the remembered causes lack it."""
    wanted = cause_hash(cause)
    return next((first for known, first in reversed(snapshot.causes) if known == wanted), None)


def forgets_causes(snapshot: Snapshot[S]) -> bool:
    """Whether older causes than the remembered ones exist, so that only the log can rule one out."""
    return snapshot.version > REMEMBERED_CAUSES


def states_after(kind: AggregateType[S], before: S | None, decision: Decision) -> list[S]:
    """The state after each event of `decision`, for rendering its records."""
    stamp = Stamp(decision.at, decision.occurred_at, decision.actor)
    states: list[S] = []
    state = before
    for event in decision.events:
        state = kind.evolve(state, event, stamp)
        states.append(state)
    return states


def step(
    kind: AggregateType[S], snapshot: Snapshot[S], decision: Decision, first: int
) -> tuple[Snapshot[S], list[S]]:
    """The snapshot after `decision`, which stands in the log document that begins with version `first`, and the
    state after each of its events.

    Raises ValueError when the decision does not follow the snapshot: a hole in the log is never folded over.
    """
    if decision.version != snapshot.version + 1 or decision.sequence != snapshot.sequence:
        raise ValueError(
            f"{snapshot.id}: decision {decision.version} (sequence {decision.sequence}) does not follow "
            f"version {snapshot.version} (sequence {snapshot.sequence})"
        )
    states = states_after(kind, snapshot.state, decision)
    marks = snapshot.marks if decision.mark is None else {**snapshot.marks, decision.mark[0]: decision.mark[1]}
    after = replace(
        snapshot,
        state=states[-1] if states else snapshot.state,
        version=decision.version,
        sequence=decision.sequence + len(decision.events),
        at=decision.at,
        causes=(*snapshot.causes, (cause_hash(decision.cause), first))[-REMEMBERED_CAUSES:],
        marks=marks,
    )
    return after, states


def apply(kind: AggregateType[S], snapshot: Snapshot[S], decision: Decision, first: int) -> Snapshot[S]:
    """The snapshot after `decision`; as `step`, without the states on the way."""
    return step(kind, snapshot, decision, first)[0]


def fold(
    kind: AggregateType[S], snapshot: Snapshot[S], documents: Iterable[tuple[int, Iterable[Decision]]]
) -> Snapshot[S]:
    """The snapshot after all `documents` (first version, decisions), skipping what it holds already."""
    for first, decisions in documents:
        for decision in decisions:
            if decision.version > snapshot.version:
                snapshot = apply(kind, snapshot, decision, first)
    return snapshot
