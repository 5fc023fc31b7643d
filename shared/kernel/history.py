"""Folding decisions into snapshots: the one place that knows how versions, sequences, causes and marks move."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache

from shared.kernel.aggregate import AggregateType, Cause, Decision, S, Snapshot, Stamp

REMEMBERED_CAUSES = 256
_SPREAD, _POSITIVE = 0x9E3779B97F4A7C15, 2**63 - 1


def cause_hash(cause: Cause) -> int:
    """64 bits of (source, id), signed as BSON's integers are."""
    return _hash(cause.source, cause.id)


@lru_cache(maxsize=4096)  # a cause is first looked for, then remembered, within one batch
def _hash(source: str, cause_id: str) -> int:
    raw = hashlib.blake2b(f"{source}\n{cause_id}".encode(), digest_size=8).digest()
    return int.from_bytes(raw, "big", signed=True)


def place_hash(cause: Cause) -> int:
    """Of one copy of a record alone; cheap, since it is asked for at every decision."""
    place = (cause.offset or 0) << 10 | (cause.partition or 0)
    return cause_hash(cause) ^ ((place + 1) * _SPREAD & _POSITIVE)


def document_version(snapshot: Snapshot[S], cause: Cause) -> int | None:
    """The first version of the log document that holds `cause`; None if the remembered causes lack it."""
    wanted, placed = cause_hash(cause), place_hash(cause)
    for known, first in reversed(snapshot.causes):
        if known in (wanted, placed):
            return first
    return None


def forgets_causes(snapshot: Snapshot[S]) -> bool:
    """Whether older causes than the remembered ones exist, so that only the log can rule one out."""
    return snapshot.version > REMEMBERED_CAUSES


def states_after(kind: AggregateType[S], before: S | None, decision: Decision) -> list[S]:
    """The state after each event of `decision`, for rendering its records."""
    if not decision.events:
        return []
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
    # What was refused before there was an aggregate is known by its place: a dead letter sent back is decided anew.
    unborn = snapshot.state is None and not states
    remembered = place_hash(decision.cause) if unborn else cause_hash(decision.cause)
    marks = snapshot.marks if decision.mark is None else {**snapshot.marks, decision.mark[0]: decision.mark[1]}
    after = Snapshot(
        id=snapshot.id,
        state=states[-1] if states else snapshot.state,
        version=decision.version,
        sequence=decision.sequence + len(decision.events),
        at=decision.at,
        causes=(*snapshot.causes[1 - REMEMBERED_CAUSES :], (remembered, first)),
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
