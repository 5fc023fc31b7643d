"""The stores and runners of one service's aggregates, and what follows an append: project, publish, reply."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from shared.events.topics import DEAD_LETTERS
from shared.kernel.aggregate import AggregateType, Cause, Decision, Facts, Snapshot
from shared.kernel.history import apply, fold, states_after
from shared.kernel.ports import Decided, Item, Known, LogDocument, OutcomeUnknown, Result
from shared.kernel.runner import Runner
from shared.messaging.contract import record_of
from shared.messaging.publisher import Publisher, PublishRefused
from shared.messaging.records import OutRecord
from shared.persistence.driver import Database
from shared.persistence.event_log import MongoLog, log_id
from shared.persistence.projection import MongoProjection
from shared.runtime.context import Unavailable
from shared.runtime.logging import get_logger
from shared.runtime.telemetry import ALERTS, APPENDS, PUBLISHED

log = get_logger()
DEAD_LETTER_TOPICS = frozenset(topic.name for topic in DEAD_LETTERS)
T = TypeVar("T")
Stores = Callable[[AggregateType[Any], Database], tuple[Any, Any]]
"""The log and the projection of one kind, or doubles of both."""
Step = tuple[Decision, Any, Snapshot[Any]]
"""A decision, the state before it, the snapshot after it."""
RETRY_FOR = 30.0  # seconds; longer would outlive the consumer's poll interval
LONGEST_PAUSE = 2.0


async def until_answered(attempt: Callable[[], Awaitable[T]], retry_for: float = RETRY_FOR) -> T:
    """Repeats `attempt`, which is safe to repeat, while its outcome is unknown. Raises Unavailable in the end."""
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + retry_for, 0.05
    while True:
        try:
            return await attempt()
        except OutcomeUnknown as error:
            if loop.time() + pause > deadline:
                raise Unavailable(str(error)) from error
            log.warning("database_does_not_answer", error=type(error.__cause__).__name__)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


@dataclass(slots=True)
class Ran:
    """What one run of items came to: results in the items' order, snapshots to project, documents appended."""

    results: list[Result]
    documents: list[LogDocument[Any]]
    changed: dict[str, tuple[int, Snapshot[Any]]]


@dataclass(frozen=True, slots=True)
class Recalled:
    """A decision found again in the log, with the states it met and left."""

    decision: Decision
    before: Any
    snapshot: Snapshot[Any]


class InFlight:
    """Serialises work on one aggregate within this process, from deciding until publishing."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._users: dict[str, int] = defaultdict(int)

    @asynccontextmanager
    async def hold(self, ids: Iterable[str]) -> Any:
        held: list[str] = []
        wanted = sorted(set(ids))  # one order for all, so that two holders never wait for each other
        for aggregate_id in wanted:
            self._users[aggregate_id] += 1
        try:
            for aggregate_id in wanted:
                await self._locks.setdefault(aggregate_id, asyncio.Lock()).acquire()
                held.append(aggregate_id)
            yield
        finally:
            for aggregate_id in held:
                self._locks[aggregate_id].release()
            for aggregate_id in wanted:
                self._users[aggregate_id] -= 1
                if not self._users[aggregate_id]:
                    del self._users[aggregate_id]
                    self._locks.pop(aggregate_id, None)


def mongo_stores(kind: AggregateType[Any], database: Database) -> tuple[Any, Any]:
    return MongoLog(kind, database), MongoProjection(kind, database)


@dataclass(slots=True)
class Engine:
    """Everything that runs the aggregates of one service."""

    service: str
    database: Database
    publisher: Publisher
    kinds: tuple[AggregateType[Any], ...]
    stores: Stores = mongo_stores
    logs: dict[str, MongoLog[Any]] = field(init=False)
    projections: dict[str, MongoProjection[Any]] = field(init=False)
    runners: dict[str, Runner[Any]] = field(init=False)
    in_flight: InFlight = field(default_factory=InFlight)

    def __post_init__(self) -> None:
        self.logs, self.projections, self.runners = {}, {}, {}
        for kind in self.kinds:
            log, projection = self.stores(kind, self.database)
            self.logs[kind.name], self.projections[kind.name] = log, projection
            self.runners[kind.name] = Runner(kind, log, projection)

    def kind_of(self, aggregate_id: str) -> AggregateType[Any] | None:
        return next((kind for kind in self.kinds if aggregate_id.startswith(kind.prefix)), None)

    async def run(
        self, kind: AggregateType[Any], items: Sequence[Item], facts: Facts, unpublished: bool = False
    ) -> Ran:
        """Decides and appends. Raises Unavailable; whatever was appended then is found again by its causes."""
        runner = self.runners[kind.name]
        ran = Ran(*await until_answered(lambda: runner.run(items, facts, unpublished)))
        APPENDS.labels(kind.name, "unpublished" if unpublished else "kafka").inc(len(ran.documents))
        return ran

    async def project(self, kind: AggregateType[Any], changed: Mapping[str, tuple[int, Snapshot[Any]]]) -> None:
        if changed:
            await until_answered(lambda: self.projections[kind.name].save(changed))

    async def unmark(self, kind: AggregateType[Any], documents: Sequence[LogDocument[Any]]) -> None:
        await self.logs[kind.name].published([log_id(d.aggregate_id, d.first) for d in documents])

    def records(
        self, kind: AggregateType[Any], aggregate_id: str, before: Any, decision: Decision
    ) -> list[OutRecord]:
        """The records of a decision's events, the same whenever they are rendered."""
        return self._rendered(kind, aggregate_id, decision, states_after(kind, before, decision))

    def decided_records(self, kind: AggregateType[Any], result: Decided[Any]) -> list[OutRecord]:
        return self._rendered(kind, result.snapshot.id, result.decision, result.states)

    def _rendered(
        self, kind: AggregateType[Any], aggregate_id: str, decision: Decision, states: Sequence[Any]
    ) -> list[OutRecord]:
        return [
            record_of(kind, decision, position, state, aggregate_id, self.service)
            for position, state in enumerate(states)
        ]

    async def publish(self, records: Sequence[OutRecord]) -> None:
        """Publishes and waits. What Kafka refuses for good is alerted; a dead letter then goes without its value.

        Raises Unavailable.
        """
        try:
            await self.publisher.publish(records)
            for topic, number in Counter(record.topic for record in records).items():
                PUBLISHED.labels(topic).inc(number)
        except PublishRefused as error:
            ALERTS.labels("unpublishable").inc(len(error.reasons))
            refused = [records[position] for position in error.reasons]
            log.error("unpublishable", topics=sorted({record.topic for record in refused}))
            letters = [replace(r, value=b"") for r in refused if r.topic in DEAD_LETTER_TOPICS and r.value]
            if letters:
                await self.publish(letters)

    async def recall(
        self, kind: AggregateType[Any], known: Sequence[tuple[Item, Known]]
    ) -> dict[tuple[str, str, str], Recalled]:
        """(aggregate, cause source, cause id) -> the decision that the cause led to, from the log."""
        if not known:
            return {}
        wanted = {(item.aggregate_id, item.cause.source, item.cause.id) for item, _ in known}
        steps = await self.walk(kind, {item.aggregate_id for item, _ in known})
        return {
            key: Recalled(decision, before, after)
            for aggregate_id, decided in steps.items()
            for decision, before, after in decided
            if (key := (aggregate_id, decision.cause.source, decision.cause.id)) in wanted
        }

    async def walk(self, kind: AggregateType[Any], ids: Iterable[str]) -> dict[str, list[Step]]:
        """Every decision of the aggregates with the state before and the snapshot after it. Raises Unavailable."""
        found = await until_answered(lambda: self.logs[kind.name].histories(list(ids)))
        walked: dict[str, list[Step]] = {}
        for aggregate_id, documents in found.items():
            snapshot: Snapshot[Any] = Snapshot(aggregate_id)
            for document in documents:
                for decision in document.decisions:
                    before = snapshot.state
                    snapshot = apply(kind, snapshot, decision, document.first)
                    walked.setdefault(aggregate_id, []).append((decision, before, snapshot))
        return walked

    async def current(self, kind: AggregateType[Any], aggregate_id: str) -> tuple[int, Snapshot[Any]]:
        """The aggregate folded from projection and log tail, with the version that the projection had."""

        async def read() -> tuple[int, Snapshot[Any]]:
            found = await self.projections[kind.name].load([aggregate_id])
            snapshot: Snapshot[Any] = found.get(aggregate_id) or Snapshot(aggregate_id)
            tails = await self.logs[kind.name].tail({aggregate_id: snapshot.version})
            tail = tails.get(aggregate_id, [])
            return snapshot.version, fold(kind, snapshot, ((d.first, d.decisions) for d in tail))

        return await until_answered(read)

    async def republish(self, kind: AggregateType[Any], aggregate_id: str, first: int, last: int) -> int:
        """Publishes the events with sequences `first` to `last` once more, from the log; returns how many."""
        records = [
            record
            for decision, before, _ in (await self.walk(kind, [aggregate_id])).get(aggregate_id, [])
            for number, record in enumerate(
                self.records(kind, aggregate_id, before, decision), start=decision.sequence + 1
            )
            if first <= number <= last
        ]
        await self.publish(records)
        return len(records)

    async def finish(self, kind: AggregateType[Any], document_id: str, last: int) -> None:
        """Projects, then publishes what a log document of a dead process holds, then takes its mark off."""
        aggregate_id, _, first = document_id.rpartition(":")
        async with self.in_flight.hold([aggregate_id]):
            loaded, snapshot = await self.current(kind, aggregate_id)
            await self.project(kind, {aggregate_id: (loaded, snapshot)})
            records = [
                record
                for decision, before, _ in (await self.walk(kind, [aggregate_id])).get(aggregate_id, [])
                if int(first) <= decision.version <= last
                for record in self.records(kind, aggregate_id, before, decision)
            ]
            await self.publish(records)
        await self.logs[kind.name].published([document_id])


def owns_publication(cause: Cause, decided: Decision) -> bool:
    """Whether a record is the very one whose processing was to publish `decided`: the same place in Kafka."""
    stored = decided.cause
    return (stored.topic, stored.partition, stored.offset) == (cause.topic, cause.partition, cause.offset)
