"""Intake without Kafka and MongoDB: the real runner on a log and a projection in memory."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.intake.domain.reference import Reference
from shared.kernel.aggregate import AggregateType, Cause, Command, Decision, Facts, Snapshot
from shared.kernel.clock import Clock
from shared.kernel.ports import Decided, Declined, Held, Item, Known
from shared.kernel.refusal import Refusal
from shared.kernel.runner import Runner
from shared.persistence.driver import Database
from shared.runtime.context import Executed
from shared.runtime.settings import Settings
from shared.testing.memory import MemoryLog, MemoryProjection

COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$in": lambda value, wanted: value in wanted,
}


def fits(document: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    """As much of MongoDB's query language as intake asks for."""
    return all(_fits(document, name, wanted) for name, wanted in where.items())


def _fits(document: Mapping[str, Any], name: str, wanted: Any) -> bool:
    match name, wanted:
        case ("$and", conditions):
            return all(fits(document, condition) for condition in conditions)
        case ("$or", conditions):
            return any(fits(document, condition) for condition in conditions)
        case (_, dict()):
            return name in document and all(
                COMPARISONS[sign](document[name], value) for sign, value in wanted.items()
            )
    return bool(document.get(name) == wanted)


class MemoryCollection:
    """As much of a collection as the code under test asks for."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}

    async def find_one(self, where: Mapping[str, Any], _projection: Any = None) -> dict[str, Any] | None:
        return next((d for d in self.documents.values() if fits(d, where)), None)

    def find(self, where: Mapping[str, Any], *_: Any, **__: Any) -> "MemoryCursor":
        return MemoryCursor([d for d in self.documents.values() if fits(d, where)])

    async def update_one(self, where: Mapping[str, Any], update: Any, upsert: bool = False) -> Any:
        found = await self.find_one(where)
        if found is None and upsert:
            self.documents[where["_id"]] = {"_id": where["_id"], **update.get("$set", {})}
        elif found is not None:
            found.update(update.get("$set", {}))
        matched = int(found is not None)
        return type("Result", (), {"matched_count": matched, "modified_count": matched, "upserted_id": None})

    async def find_one_and_update(self, where: Mapping[str, Any], update: Any, **_: Any) -> dict[str, Any]:
        return self.documents.setdefault(where["_id"], {"_id": where["_id"], **update["$setOnInsert"]})

    async def delete_one(self, where: Mapping[str, Any]) -> Any:
        found = await self.find_one(where)
        if found is not None:
            del self.documents[found["_id"]]
        return type("Result", (), {"deleted_count": int(found is not None)})


class MemoryCursor:
    def __init__(self, documents: list[dict[str, Any]]) -> None:
        self._documents = documents

    async def to_list(self, _: int | None) -> list[dict[str, Any]]:
        return self._documents


class MemoryDatabase(dict[str, MemoryCollection]):
    name = "memory"

    def __missing__(self, name: str) -> MemoryCollection:
        return self.setdefault(name, MemoryCollection())


@dataclass
class MemoryContext:
    """A running intake; commands are decided one at a time."""

    settings: Settings
    clock: Clock
    reference: Reference = field(default_factory=Reference)
    name: str = "intake"
    raw: MemoryDatabase = field(default_factory=MemoryDatabase)
    log: MemoryLog = field(default_factory=MemoryLog)
    projection: MemoryProjection = field(default_factory=MemoryProjection)
    database: Database = field(init=False)

    def __post_init__(self) -> None:
        self.database = Database(self.raw)

    def facts(self) -> Facts:
        return Facts(self.clock.now(), self.reference)

    async def execute(
        self, kind: AggregateType[Any], aggregate_id: str, command: Command, cause: Cause
    ) -> Executed | Refusal:
        item = Item(aggregate_id, command, cause, records_refusals=False)
        (result,), _, changed = await Runner(kind, self.log, self.projection).run([item], self.facts())
        await self.projection.save(changed)
        match result:
            case Decided():
                return Executed(result.snapshot, result.decision.events)
            case Held():
                return Executed(result.snapshot)
            case Declined():
                return result.refusal
            case Known(first):
                return self._replay(aggregate_id, first, cause)
        raise AssertionError(result)

    def _replay(self, aggregate_id: str, first: int | None, cause: Cause) -> Executed | Refusal:
        decision = next(d for d in self._decisions(aggregate_id) if d.version == first)
        if decision.cause.digest != cause.digest:
            return Refusal("idempotency_key_reused")
        return Executed(self.projection.snapshots[aggregate_id], decision.events, replayed=True)

    async def get(self, kind: AggregateType[Any], aggregate_id: str) -> Snapshot[Any] | None:
        return self.projection.snapshots.get(aggregate_id)

    async def find(
        self, kind: AggregateType[Any], where: Mapping[str, Any], sort: Sequence[tuple[str, int]], limit: int
    ) -> list[Snapshot[Any]]:
        rows = [({**kind.index(s), "_id": s.id}, s) for s in self.projection.snapshots.values()]
        found = [(row, snapshot) for row, snapshot in rows if fits(row, where)]
        for name, direction in reversed(sort):
            found.sort(key=lambda pair: pair[0][name], reverse=direction < 0)
        return [snapshot for _, snapshot in found][:limit]

    async def history(self, kind: AggregateType[Any], aggregate_id: str) -> list[Decision]:
        return self._decisions(aggregate_id)

    def _decisions(self, aggregate_id: str) -> list[Decision]:
        return [decision for document in self.log.store.of(aggregate_id) for decision in document.decisions]
