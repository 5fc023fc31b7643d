"""I10: what a projection holds is what the log folds to, index fields included."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from shared.kernel.aggregate import AggregateType, Snapshot
from shared.persistence.snapshots import snapshot_document
from shared.reconcile.histories import History
from shared.reconcile.verdict import Violation

_AS_READ: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)


def stale(histories: Sequence[History], stored: Mapping[str, RawBSONDocument]) -> Iterator[Violation]:
    """`stored`: the projection's documents of these aggregates, by id."""
    for history in histories:
        if history.faults or history.in_flight or history.snapshot.state is None:
            continue  # the last: only refused so far, which shows nothing
        fault = _fault(history, stored.get(history.id))
        if fault is not None:
            yield Violation("I10", history.id, fault)


def _fault(history: History, found: RawBSONDocument | None) -> str | None:
    if found is None:
        return f"is not projected, the log has version {history.snapshot.version}"
    expected = projected(history.kind, history.snapshot)
    if found.raw == expected:
        return None
    wanted, is_there = (bson.decode(raw, _AS_READ) for raw in (expected, found.raw))
    if is_there.get("v") != wanted["v"]:
        return f"is projected at version {is_there.get('v')}, the log has version {wanted['v']}"
    fields = sorted(name for name in wanted.keys() | is_there.keys() if wanted.get(name) != is_there.get(name))
    return f"its projection differs in {', '.join(fields)}" if fields else None


def projected(kind: AggregateType[Any], snapshot: Snapshot[Any]) -> bytes:
    """The document that the projection of `snapshot` is."""
    return bson.encode({**kind.index(snapshot), **snapshot_document(kind, snapshot)})
