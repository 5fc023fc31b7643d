"""I10: what a projection holds is what the log folds to, index fields included."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any

import bson
from bson.codec_options import CodecOptions

from shared.kernel.aggregate import AggregateType, Snapshot
from shared.persistence.snapshots import snapshot_document
from shared.reconcile.histories import History
from shared.reconcile.verdict import Violation

_AS_READ: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)


def expected_document(kind: AggregateType[Any], snapshot: Snapshot[Any]) -> dict[str, Any]:
    """The projection of `snapshot` as a driver reads it back."""
    raw = {**kind.index(snapshot), **snapshot_document(kind, snapshot)}
    return bson.decode(bson.encode(raw), _AS_READ)


def stale(histories: Sequence[History], stored: Mapping[str, Mapping[str, Any]]) -> Iterator[Violation]:
    """`stored`: the projection's documents of these aggregates, by id."""
    for history in histories:
        if history.faults or history.in_flight or not history.steps:
            continue
        fault = _fault(history, stored.get(history.id))
        if fault is not None:
            yield Violation("I10", history.id, fault)


def _fault(history: History, found: Mapping[str, Any] | None) -> str | None:
    version = history.snapshot.version
    if found is None:
        return f"is not projected, the log has version {version}"
    if found.get("v") != version:
        return f"is projected at version {found.get('v')}, the log has version {version}"
    wanted = expected_document(history.kind, history.snapshot)
    fields = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    return f"its projection differs in {', '.join(fields)}" if fields else None
