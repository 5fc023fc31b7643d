"""The event log in MongoDB: one document per aggregate per append; its `_id` is the only lock.

`d` holds the decisions: `e` their events as [type, JSON], `c` the cause, `on` when it happened if that is not `at`,
`by` the actor, `r` the refusal, `m` the mark, `tp` the trace; what says nothing is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Generic

import bson
from bson.errors import InvalidDocument
from bson.raw_bson import RawBSONDocument

from shared.events.catalogue import by_type, wire_type
from shared.kernel.aggregate import Actor, AggregateType, Cause, Decision, S, Snapshot
from shared.kernel.ports import LogDocument, OutcomeUnknown
from shared.kernel.refusal import Refusal
from shared.persistence.codec import read, restored, stored, written
from shared.persistence.driver import Database, Document, DriverError
from shared.persistence.snapshots import snapshot_document, snapshot_of

COLLECTION = "log"
CHUNK_BYTES = 8 * 1024 * 1024
LARGEST_BYTES = 15 * 1024 * 1024
RANGES_PER_QUERY = 500
BEYOND_ALL_VERSIONS = "~"  # sorts after every digit


def log_id(aggregate_id: str, version: int) -> str:
    return f"{aggregate_id}:{version:010d}"


class MongoLog(Generic[S]):
    """Implements the runner's log port for aggregates of one kind, and the reads that history and repair need."""

    def __init__(self, kind: AggregateType[S], database: Database) -> None:
        self.kind = kind
        self._events = by_type(kind.events)
        self._log = database.collection(COLLECTION)

    def prepare(self, document: LogDocument[S]) -> LogDocument[S] | None:
        try:
            encoded = bson.encode(self._stored(document))
        except (InvalidDocument, OverflowError, ValueError):
            return None
        return replace(document, prepared=encoded) if len(encoded) <= LARGEST_BYTES else None

    async def append(self, documents: Sequence[LogDocument[S]]) -> set[str]:
        taken: set[str] = set()
        for chunk in self._chunks(documents):
            try:
                refused = await self._log.insert_many([raw for _, raw in chunk])
            except DriverError as error:
                raise OutcomeUnknown(str(error)) from error
            taken |= {chunk[position][0] for position in refused}
        return taken

    async def tail(self, after: Mapping[str, int]) -> dict[str, list[LogDocument[S]]]:
        """Documents beyond the given versions. Raises OutcomeUnknown."""
        return await self.documents([beyond(aggregate_id, version) for aggregate_id, version in after.items()])

    async def documents(self, ranges: Sequence[Mapping[str, Any]]) -> dict[str, list[LogDocument[S]]]:
        """Log documents in any of the `_id` ranges, by aggregate, oldest first. Raises OutcomeUnknown."""
        found: dict[str, list[LogDocument[S]]] = {}
        for start in range(0, len(ranges), RANGES_PER_QUERY):
            chosen = [{"_id": one} for one in ranges[start : start + RANGES_PER_QUERY]]
            where = chosen[0] if len(chosen) == 1 else {"$or": chosen}
            try:
                raw = await self._log.find(where, sort=[("_id", 1)])
            except DriverError as error:
                raise OutcomeUnknown(str(error)) from error
            for document in raw:
                found.setdefault(aggregate_of(document), []).append(self.restored(document))
        return found

    async def histories(self, ids: Sequence[str]) -> dict[str, list[LogDocument[S]]]:
        """Everything of the aggregates, oldest first. Raises OutcomeUnknown."""
        return await self.documents([beyond(aggregate_id, 0) for aggregate_id in ids])

    async def older_causes(self, wanted: Sequence[tuple[str, Cause]]) -> dict[tuple[str, str, str], int]:
        found: dict[tuple[str, str, str], int] = {}
        for aggregate_id, cause in wanted:
            match = {"$elemMatch": {"c.s": cause.source, "c.i": cause.id}}
            try:
                document = await self._log.find_one({"_id": beyond(aggregate_id, 0), "d": match}, {"_id": 1})
            except DriverError as error:
                raise OutcomeUnknown(str(error)) from error
            if document is not None:
                found[(aggregate_id, cause.source, cause.id)] = int(document["_id"].rpartition(":")[2])
        return found

    async def published(self, ids: Sequence[str]) -> None:
        """Takes the mark off documents whose events were projected and published. Raises DriverError."""
        if ids:
            await self._log.update_many({"_id": {"$in": list(ids)}}, {"$unset": {"unpublished": ""}})

    async def unpublished(self, before: datetime, limit: int) -> list[tuple[str, int]]:
        """(document id, last version) of documents that carry the mark since before `before` (machine time)."""
        prefix = {"$gte": self.kind.prefix, "$lt": self.kind.prefix + BEYOND_ALL_VERSIONS}
        where = {"unpublished": {"$lt": before}, "_id": prefix}
        return [(raw["_id"], raw["to"]) for raw in await self._log.find(where, limit=limit, projection={"to": 1})]

    def _chunks(self, documents: Sequence[LogDocument[S]]) -> list[list[tuple[str, RawBSONDocument]]]:
        chunks: list[list[tuple[str, RawBSONDocument]]] = [[]]
        size = 0
        for document in documents:
            encoded: bytes = document.prepared
            if size and size + len(encoded) > CHUNK_BYTES:
                chunks.append([])
                size = 0
            chunks[-1].append((document.aggregate_id, RawBSONDocument(encoded)))
            size += len(encoded)
        return [chunk for chunk in chunks if chunk]

    def _stored(self, document: LogDocument[S]) -> Document:
        raw: Document = {
            "_id": log_id(document.aggregate_id, document.first),
            "to": document.last,
            "d": [_stored_decision(decision) for decision in document.decisions],
        }
        if document.state is not None:
            raw["state"] = snapshot_document(self.kind, document.state)
        if document.unpublished:
            raw["unpublished"] = datetime.now(UTC)
        return raw

    def restored(self, raw: Document) -> LogDocument[S]:
        state: Snapshot[S] | None = None
        if "state" in raw and raw["state"]["schema"] == self.kind.schema:
            state = snapshot_of(self.kind, raw["state"])
        decisions = tuple(self._decision(one) for one in raw["d"])
        return LogDocument(aggregate_of(raw), decisions, state, "unpublished" in raw)

    def _decision(self, raw: Document) -> Decision:
        cause = raw["c"]
        return Decision(
            version=raw["v"],
            sequence=raw["n"],
            at=raw["at"],
            occurred_at=raw["on"] if "on" in raw else raw["at"],
            actor=Actor(kind=raw["by"]["kind"], id=raw["by"]["id"], org=raw["by"].get("org")),
            cause=Cause(cause["s"], cause["i"], cause.get("t"), cause.get("p"), cause.get("o"), cause.get("h")),
            events=tuple(read(text, self._events[name]) for name, text in raw.get("e", ())),
            refusal=None if "r" not in raw else restored(raw["r"], Refusal),
            mark=None if "m" not in raw else (raw["m"][0], raw["m"][1]),
            trace=raw.get("tp"),
        )


def aggregate_of(raw: Mapping[str, Any]) -> str:
    return str(raw["_id"]).rpartition(":")[0]


def beyond(aggregate_id: str, version: int) -> dict[str, str]:
    """The range of `_id` of the aggregate's documents after that of `version`."""
    return {"$gt": log_id(aggregate_id, version), "$lt": f"{aggregate_id}:{BEYOND_ALL_VERSIONS}"}


def _stored_decision(decision: Decision) -> Document:
    raw: Document = {
        "v": decision.version,
        "n": decision.sequence,
        "at": decision.at,
        "by": _stored_actor(decision.actor),
        "c": _stored_cause(decision.cause),
    }
    if decision.occurred_at != decision.at:
        raw["on"] = decision.occurred_at
    if decision.events:
        raw["e"] = [[wire_type(type(event)), written(event)] for event in decision.events]
    if decision.refusal is not None:
        raw["r"] = stored(decision.refusal)
    if decision.mark is not None:
        raw["m"] = list(decision.mark)
    if decision.trace is not None:
        raw["tp"] = decision.trace
    return raw


def _stored_actor(actor: Actor) -> Document:
    raw: Document = {"kind": actor.kind, "id": actor.id}
    if actor.org is not None:
        raw["org"] = actor.org
    return raw


def _stored_cause(cause: Cause) -> Document:
    raw: Document = {"s": cause.source, "i": cause.id}
    if cause.topic is not None:
        raw["t"], raw["p"], raw["o"] = cause.topic, cause.partition, cause.offset
    if cause.digest is not None:
        raw["h"] = cause.digest
    return raw
