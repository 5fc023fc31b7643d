"""A snapshot as a document: what the projection keeps, and the log now and then. `s` is the state as JSON."""

import struct
from typing import Any

from shared.kernel.aggregate import AggregateType, S, Snapshot
from shared.persistence.codec import read, written
from shared.persistence.driver import Document

_CAUSE = struct.Struct(">qI")  # hash of the cause, first version of its log document


def snapshot_document(kind: AggregateType[S], snapshot: Snapshot[S]) -> Document:
    return {
        "_id": snapshot.id,
        "schema": kind.schema,
        "v": snapshot.version,
        "n": snapshot.sequence,
        "at": snapshot.at,
        "causes": b"".join(_CAUSE.pack(*cause) for cause in snapshot.causes),
        "marks": [[binding, sequence] for binding, sequence in snapshot.marks.items()],
        "s": None if snapshot.state is None else written(snapshot.state),
    }


def snapshot_of(kind: AggregateType[S], raw: Document) -> Snapshot[S]:
    state: Any = None if raw["s"] is None else read(raw["s"], kind.state)
    return Snapshot(
        id=raw["_id"],
        state=state,
        version=raw["v"],
        sequence=raw["n"],
        at=raw["at"],
        causes=tuple(_CAUSE.iter_unpack(raw["causes"])),
        marks=dict(raw["marks"]),
    )
