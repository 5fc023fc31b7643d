"""The notifier without Kafka and MongoDB: the real runner over logs, projections and collections in memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pymongo.errors import DuplicateKeyError

from services.notifier.domain import NOTICE
from services.notifier.domain.commands import RequestNotice
from services.notifier.domain.reference import Reference
from services.notifier.domain.state import Delivery, Notice
from services.notifier.settings import Settings
from shared.kernel.aggregate import AggregateType, Cause, Command, Decision, Facts, Snapshot
from shared.kernel.clock import Clock
from shared.kernel.ports import Decided, Declined, Failed, Held, Item, Known
from shared.kernel.refusal import Refusal
from shared.kernel.runner import Runner
from shared.persistence.driver import Database
from shared.runtime import settings as shared
from shared.runtime.context import Executed, Unavailable
from shared.testing.memory import MemoryLog, MemoryProjection
from tests.unit.notifier.notices import NOON, REFERENCE

Document = dict[str, Any]


def matches(document: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    """MongoDB's answer for the operators that the notifier uses; nothing is equal to a value of another type."""
    return all(_holds(document, name, wanted) for name, wanted in where.items())


def _holds(document: Mapping[str, Any], name: str, wanted: Any) -> bool:
    if name == "$and":
        return all(matches(document, part) for part in wanted)
    if name == "$or":
        return any(matches(document, part) for part in wanted)
    value = document.get(name)
    values = [*value, value] if isinstance(value, list | tuple) else [value]
    if not isinstance(wanted, dict):
        return wanted in values
    tests: Mapping[str, Callable[[Any, Any], bool]] = {
        "$in": lambda one, many: one in many,
        "$lte": lambda one, other: one is not None and one <= other,
        "$lt": lambda one, other: one is not None and one < other,
        "$gt": lambda one, other: one is not None and one > other,
    }
    return all(any(tests[operator](one, operand) for one in values) for operator, operand in wanted.items())


def ordered(documents: list[Any], sort: Sequence[tuple[str, int]], field_of: Callable[[Any, str], Any]) -> list[Any]:
    for name, direction in reversed(sort):
        documents = sorted(documents, key=lambda one: field_of(one, name), reverse=direction < 0)
    return documents


@dataclass
class Found:
    documents: list[Document]

    async def to_list(self, _: int | None) -> list[Document]:
        return self.documents


class MemoryCollection:
    """As much of a driver's collection as the notifier asks for."""

    def __init__(self) -> None:
        self.documents: dict[str, Document] = {}

    def find(self, where: Mapping[str, Any], _: Any, sort: Any, limit: int) -> Found:
        found = [document for document in self.documents.values() if matches(document, where)]
        found = ordered(found, sort or (), lambda document, name: document[name])
        return Found(found[: limit or None])

    async def find_one(self, where: Mapping[str, Any], _: Any) -> Document | None:
        return next((d for d in self.documents.values() if matches(d, where)), None)

    async def insert_one(self, document: Document) -> None:
        if document["_id"] in self.documents:
            raise DuplicateKeyError("_id")
        self.documents[document["_id"]] = document

    async def update_one(self, where: Mapping[str, Any], update: Any, **_: Any) -> Any:
        found = await self.find_one(where, None)
        if found is not None:
            found.update(update["$set"])
        count = int(found is not None)
        return type("Result", (), {"matched_count": count, "modified_count": count, "upserted_id": None})

    async def find_one_and_update(self, where: Mapping[str, Any], update: Any, **_: Any) -> Document:
        return self.documents.setdefault(where["_id"], {"_id": where["_id"], **update["$setOnInsert"]})


class MemoryDatabase(dict[str, MemoryCollection]):
    name = "memory"

    def __missing__(self, name: str) -> MemoryCollection:
        return self.setdefault(name, MemoryCollection())


def a_clock(at: datetime) -> Clock:
    """Stands still until it is moved."""
    return Clock(origin=at, anchor=0.0, rate=0.0)


@dataclass
class MemoryService:
    """One process of the notifier; two over the same log and projection are two processes of one service."""

    settings: shared.Settings
    reference: Reference = REFERENCE
    log: MemoryLog = field(default_factory=MemoryLog)
    projection: MemoryProjection = field(default_factory=MemoryProjection)
    raw: MemoryDatabase = field(default_factory=MemoryDatabase)
    clock: Clock = field(default_factory=lambda: a_clock(NOON))
    name: str = "notifier"
    reachable: bool = True

    def __post_init__(self) -> None:
        self.database = Database(self.raw)

    def facts(self) -> Facts:
        return Facts(self.clock.now(), self.reference)

    async def execute(
        self, kind: AggregateType[Any], aggregate_id: str, command: Command, cause: Cause
    ) -> Executed | Refusal:
        if not self.reachable:
            raise Unavailable("memory is out of reach")
        runner: Runner[Any] = Runner(kind, self.log, self.projection)
        item = Item(aggregate_id, command, cause, records_refusals=False)
        [result], _, changed = await runner.run([item], self.facts())
        await self.projection.save(changed)
        match result:
            case Decided():
                return Executed(result.snapshot, result.decision.events)
            case Held():
                return Executed(result.snapshot)
            case Declined():
                return result.refusal
            case Known():
                return Executed((await self.projection.load([aggregate_id]))[aggregate_id], replayed=True)
            case Failed():
                raise result.error
        raise AssertionError(result)

    async def get(self, _: AggregateType[Any], aggregate_id: str) -> Snapshot[Any] | None:
        return self.projection.snapshots.get(aggregate_id)

    async def find(
        self, kind: AggregateType[Any], where: Mapping[str, Any], sort: Sequence[tuple[str, int]], limit: int
    ) -> list[Snapshot[Any]]:
        if not self.reachable:
            raise Unavailable("memory is out of reach")
        rows = [({**kind.index(each), "_id": each.id}, each) for each in self.projection.snapshots.values()]
        found = ordered([row for row in rows if matches(row[0], where)], sort, lambda row, name: row[0][name])
        return [snapshot for _, snapshot in found][:limit]

    async def history(self, _: AggregateType[Any], aggregate_id: str) -> list[Decision]:
        return [decision for document in self.log.store.of(aggregate_id) for decision in document.decisions]

    # -- steps of tests -------------------------------------------------------------------------------------------

    async def hear(self, request: RequestNotice) -> str:
        """What a record's trigger does; returns the notice's id."""
        cause = Cause("/closedloop/workflow", request.cause)
        result = await self.execute(NOTICE, request.notice_id, request, cause)
        assert isinstance(result, Executed), result
        return request.notice_id

    def notice(self, notice_id: str) -> Notice:
        state: Notice | None = self.projection.snapshots[notice_id].state
        assert state is not None
        return state

    def delivery(self, notice_id: str) -> Delivery:
        return self.notice(notice_id).deliveries[-1]

    async def events(self, notice_id: str) -> list[str]:
        history = await self.history(NOTICE, notice_id)
        return [type(event).__name__ for decision in history for event in decision.events]


def some_settings(**given: Any) -> Settings:
    return Settings(kafka_bootstrap="nowhere:1", mongo_uri="mongodb://nowhere", **given)
