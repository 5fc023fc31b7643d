"""One pass over a whole installation."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shared.events.topics import dead_letters_of
from shared.kernel.aggregate import Decision
from shared.kernel.ids import CLOCK_SET, sibling
from shared.messaging.contract import REPLIES
from shared.messaging.records import InRecord
from shared.persistence.driver import Document
from shared.reconcile.effects import Effects
from shared.reconcile.fates import Fates
from shared.reconcile.followed import holes
from shared.reconcile.histories import History, history_of
from shared.reconcile.offline import Log, OfflineService
from shared.reconcile.orders import Orders
from shared.reconcile.projected import stale
from shared.reconcile.published import Published
from shared.reconcile.settling import AT_ONCE, compare_differing, settle
from shared.reconcile.topics import Places, Topics
from shared.reconcile.traces import Traces
from shared.reconcile.verdict import Verdict, Violation
from shared.runtime.sweepers import REPUBLISH_TOPIC

YOUNG = timedelta(seconds=10)
SWEPT_AFTER = timedelta(seconds=30)
"""A document that is unpublished for so long is no longer in work: the sweeper takes it after ten seconds."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach an installation, and how to look at it.

    `now`: the business time by which due rungs must be decided; None: they are not judged. `stopped`: no service
    runs, so nothing is young, and what was under way is for the next start. `late_within`: the most that a rung may
    have fired late; None: not judged.
    """

    kafka: list[str]
    prefix: str
    services: Sequence[OfflineService]
    now: Callable[[], Awaitable[datetime | None]]
    stopped: bool = False
    late_within: timedelta | None = None

    @property
    def heard(self) -> Mapping[str, frozenset[str]]:
        """The topics that each service consumes."""
        return {
            service.name: frozenset({REPUBLISH_TOPIC, *(binding.topic for binding in service.definition.bindings)})
            for service in self.services
        }


@dataclass(slots=True)
class Audit:
    """One pass. The order of reading matters: what is read later can only hold more than what was read before."""

    access: Access
    young: timedelta
    verdict: Verdict = field(default_factory=Verdict)
    published: Published = field(default_factory=Published)
    orders: Orders = field(default_factory=Orders)
    effects: Effects = field(default_factory=Effects)
    traces: dict[str, Traces] = field(default_factory=dict)
    fates: dict[str, Fates] = field(default_factory=dict)
    before: Places = field(default_factory=Places)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def run(self) -> Verdict:
        services = self.access.services
        due_before = await self.access.now()
        async with Topics.opened(self.access.kafka, self.access.prefix) as topics:
            self.before = await topics.places(service.name for service in services)
            for service in services:
                await self._read_logs(service)
                await self._read_set_aside(service)
            after = await topics.places(())
            await self._read_letters(topics, after)
            await self._read_topics(topics, after)
        for service in services:
            await self._conclude(service)
        self._conclude_all(due_before)
        return self.verdict

    def _found(self, violations: Iterable[Violation]) -> None:
        self.verdict.violations.update(violations)

    # -- reading ------------------------------------------------------------------------------------------------

    async def _read_logs(self, service: OfflineService) -> None:
        traces = self.traces[service.name] = Traces(self.access.prefix)

        def consumed(record: InRecord) -> bool:
            young = record.timestamp > self.began - self.young
            return not young and self.before.consumed(service.name, record.topic, record.partition, record.offset)

        self.fates[service.name] = Fates(service.name, service.definition.bindings, traces, consumed)
        for kind in service.definition.aggregates:
            seen: set[str] = set()
            async for page in service.aggregates(kind):
                histories = [self._history(service, kind.name, log) for log in page]
                seen.update(history.id for history in histories)
                for history in histories:
                    self._see(service, history)
                await self._compare_projections(service, kind.name, histories)
            stored = await service.projections[kind.name].collection.find({}, projection={"_id": 1})
            without_log = {raw["_id"] for raw in stored} - seen
            self._found(Violation("I10", one, "is projected and has no log") for one in without_log)

    def _history(self, service: OfflineService, kind: str, log: Log) -> History:
        aggregate_id, documents = log
        mongo_log = service.logs[kind]

        def in_flight(raw: Document, decision: Decision) -> bool:
            """Whoever appended it has neither committed its record nor, without one, taken its mark off."""
            if not self.before.committed_past(service.name, decision.cause):
                return True
            marked = "unpublished" in raw
            return marked and (self.access.stopped or raw["unpublished"] > self.began - SWEPT_AFTER)

        return history_of(mongo_log.kind, aggregate_id, documents, mongo_log.restored, in_flight)

    def _see(self, service: OfflineService, history: History) -> None:
        self.verdict.checked.update(
            aggregates=1, decisions=len(history.steps), events=sum(len(s.decision.events) for s in history.steps)
        )
        self.verdict.under_way += sum(each.in_flight for each in history.steps)
        self._found(history.faults)
        self._found(holes(history))
        self.effects.see(history)
        self.published.decided(history, service.name)
        self.traces[service.name].see(history)
        self.orders.see(history)

    async def _compare_projections(self, service: OfflineService, kind: str, histories: Sequence[History]) -> None:
        collection = service.projections[kind].collection
        for start in range(0, len(histories), AT_ONCE):
            some = histories[start : start + AT_ONCE]
            found = await collection.find_undecoded({"_id": {"$in": [history.id for history in some]}})
            self._found(stale(some, {raw["_id"]: raw for raw in found}))

    async def _read_set_aside(self, service: OfflineService) -> None:
        """Parked records first: whatever leaves meanwhile has its tombstone before."""
        fields = {"binding": 1, "place": 1, "reason": 1, "aggregate": 1}
        parked = await service.database.collection("parked").find({}, projection=fields)
        tombstones = await service.database.collection("tombstones").find({}, projection={"_id": 1})
        self.traces[service.name].set_aside(parked, (raw["_id"] for raw in tombstones))
        for raw in parked:
            self.verdict.parked[service.name, raw["binding"], raw["reason"]] += 1

    async def _read_letters(self, topics: Topics, after: Places) -> None:
        owners = {dead_letters_of(name): traces for name, traces in self.traces.items()}
        async for records in topics.records(owners, after):
            for record in records:
                owners[record.topic].bury(record, self.access.prefix)
        for name, traces in self.traces.items():
            for reason in traces.buried.values():
                self.verdict.dead_letters[name, reason] += 1

    async def _read_topics(self, topics: Topics, after: Places) -> None:
        written = {kind.topic for service in self.access.services for kind in service.definition.aggregates}
        heard = {topic for fates in self.fates.values() for topic in fates.topics}
        async for records in topics.records(written | heard | {REPLIES}, after):
            for record in records:
                self._see_record(record, written)

    def _see_record(self, record: InRecord, written: set[str]) -> None:
        self.verdict.checked["records"] += 1
        if record.topic in written:
            known_end = self.before.ends.get((record.topic, record.partition), 0)
            self.published.found(record, proven=record.offset < known_end)
        if record.topic == REPLIES:
            for traces in self.traces.values():
                traces.answered_by(record)
        for fates in self.fates.values():
            if record.topic in fates.topics:
                fates.judge(record)

    # -- concluding ---------------------------------------------------------------------------------------------

    async def _conclude(self, service: OfflineService) -> None:
        fates = self.fates[service.name]
        await settle(service, fates)
        await compare_differing(service, self.published)
        self._found(fates.violations())
        self.verdict.late_twins += fates.late_twins
        for (topic, fate), count in fates.counts.items():
            self.verdict.fates[service.name, topic, fate] += count

    def _conclude_all(self, due_before: datetime | None) -> None:
        kinds = {kind.prefix: kind for service in self.access.services for kind in service.definition.aggregates}
        orders, rungs = self.orders, self.orders.rungs
        self.published.finish(kinds, self.before.shortened)
        for violations in (
            self.published.violations,
            self.effects.violations,
            orders.violations,
            orders.statutory.violations,
            rungs.untimely,
        ):
            self._found(violations)
        self._found(orders.without_order(self._complaint_waits))
        self._found(orders.unattended())
        self._found(rungs.repeated())
        if due_before is not None:
            self._found(rungs.missed(due_before, self._timers_wait))
        if self.access.late_within is not None:
            self._found(rungs.too_late(self.access.late_within))
        self.verdict.latest_rung = rungs.latest

    def _complaint_waits(self, complaint: str, order: str) -> bool:
        """Whether the order may still come: its record is on its way, or parked and reported as that."""
        return order in self.traces["workflow"].held or self.before.behind("workflow", "complaints", complaint)

    def _timers_wait(self, order: str) -> bool:
        """Timers fire only once everything that was said about the order is applied."""
        parked = sibling(order, CLOCK_SET) in self.traces["escalation"].held
        return parked or self.before.behind("escalation", "workorders", order)
