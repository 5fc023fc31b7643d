"""Projections in MongoDB: the newest state of each aggregate, written so that an older one never wins."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic

import bson
from bson.raw_bson import RawBSONDocument

from shared.kernel.aggregate import AggregateType, S, Snapshot
from shared.kernel.ports import OutcomeUnknown
from shared.persistence.driver import Collection, Database, Document, DriverError
from shared.persistence.snapshots import snapshot_document, snapshot_of

CHUNK_BYTES = 8 * 1024 * 1024

_NEWER: Mapping[str, Any] = {
    "$or": [
        {"$gt": ["$$new.schema", "$schema"]},
        {"$and": [{"$eq": ["$$new.schema", "$schema"]}, {"$gt": ["$$new.v", "$v"]}]},
    ]
}


def collection_name(kind: AggregateType[Any]) -> str:
    return f"{kind.name}_{kind.schema}"


class MongoProjection(Generic[S]):
    """Implements the runner's projection port for one kind; it has no unique index but `_id`."""

    def __init__(self, kind: AggregateType[S], database: Database) -> None:
        self.kind = kind
        self._database = database
        self.collection: Collection = database.collection(collection_name(kind))

    async def load(self, ids: Sequence[str]) -> dict[str, Snapshot[S]]:
        try:
            raw = await self.collection.find({"_id": {"$in": list(ids)}})
        except DriverError as error:
            raise OutcomeUnknown(str(error)) from error
        return {document["_id"]: snapshot_of(self.kind, document) for document in raw}

    async def find(
        self, where: Mapping[str, Any], sort: Sequence[tuple[str, int]] | None = None, limit: int = 0
    ) -> list[Snapshot[S]]:
        return [snapshot_of(self.kind, document) for document in await self.collection.find(where, sort, limit)]

    async def save(self, changed: Mapping[str, tuple[int, Snapshot[S]]]) -> None:
        """Writes snapshots, given with the version each was loaded at. Raises OutcomeUnknown; safe to repeat.

        What has only been refused so far has a log, but nothing to show.
        """
        born = [(loaded, snapshot) for loaded, snapshot in changed.values() if snapshot.state is not None]
        new = [self._document(snapshot) for loaded, snapshot in born if loaded == 0]
        known = [self._document(snapshot) for loaded, snapshot in born if loaded]
        try:
            taken = await self.collection.insert_many(new)
            await self._merge(known + [new[position] for position in sorted(taken)])
        except DriverError as error:
            raise OutcomeUnknown(str(error)) from error

    async def _merge(self, documents: Sequence[RawBSONDocument]) -> None:
        for chunk in _chunks(documents):
            await self._database.aggregate(
                [
                    # Without $literal, a customer's "$100" or "$$ROOT" would be evaluated.
                    {"$documents": {"$literal": chunk}},
                    {
                        "$merge": {
                            "into": collection_name(self.kind),
                            "on": "_id",
                            "whenMatched": [{"$replaceWith": {"$cond": [_NEWER, "$$new", "$$ROOT"]}}],
                            "whenNotMatched": "insert",
                        }
                    },
                ]
            )

    def _document(self, snapshot: Snapshot[S]) -> RawBSONDocument:
        raw: Document = {**self.kind.index(snapshot), **snapshot_document(self.kind, snapshot)}
        return RawBSONDocument(bson.encode(raw))


def _chunks(documents: Sequence[RawBSONDocument]) -> list[list[RawBSONDocument]]:
    chunks: list[list[RawBSONDocument]] = []
    size = CHUNK_BYTES
    for document in documents:
        if size + len(document.raw) > CHUNK_BYTES:
            chunks.append([])
            size = 0
        chunks[-1].append(document)
        size += len(document.raw)
    return chunks
