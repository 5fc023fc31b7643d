"""The runtime of the toy services on doubles: what runs in a process, and what its servers keep."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from types import SimpleNamespace
from typing import Any, cast

from shared.kernel.aggregate import Cause, Command, Facts, Snapshot
from shared.kernel.history import apply
from shared.kernel.ports import LogDocument
from shared.kernel.refusal import UNCHANGED, Refusal
from shared.messaging.records import InRecord, OutRecord
from shared.persistence.driver import DriverError
from shared.runtime.commands import CommandQueue
from shared.runtime.context import Context, Executed, Unavailable
from shared.runtime.engine import Engine
from shared.runtime.pipeline import Pipeline
from shared.runtime.sweepers import REPUBLISH_TOPIC, Republisher, Sweepers
from shared.testing.memory import LogStore, MemoryLog, MemoryProjection, ProjectionStore, instant
from shared.testing.memory_collections import CollectionStore, MemoryDatabase, MemoryLot
from shared.testing.memory_topics import MemoryBroker, MemoryClient, MemoryConsumer, MemoryPublisher
from shared.testing.world import Host, World
from tests.properties.kernel.chain import Service

LARGEST_BATCH = 4


@dataclass(slots=True)
class Kept:
    """What the servers keep of one service."""

    log: LogStore = field(default_factory=LogStore)
    projection: ProjectionStore = field(default_factory=ProjectionStore)
    collections: CollectionStore = field(default_factory=CollectionStore)


class SignedLog(MemoryLog):
    """Every document remembers which process decided it."""

    host: Host

    def prepare(self, document: LogDocument[Any]) -> LogDocument[Any]:
        return replace(document, prepared=self.host)


class ReadersPublisher(MemoryPublisher):
    """Complains when a process publishes what another one decided before anybody can read it."""

    def __init__(self, broker: MemoryBroker, process: "Process") -> None:
        super().__init__(broker, process.world.wire(process.host))
        self._process = process

    async def publish(self, records: Sequence[OutRecord]) -> None:
        for record in records:
            if record.topic == self._process.service.kind.topic:
                self._check(dict(record.headers))
        await super().publish(records)

    def _check(self, said: dict[str, bytes | None]) -> None:
        subject, sequence = (said["ce_subject"] or b"").decode(), int(said["ce_sequence"] or b"0")
        kept = self._process.kept
        projected = kept.projection.snapshots.get(subject)
        for document in kept.log.of(subject, 0 if projected is None else projected.version):
            decided = [one for one in document.decisions if one.sequence < sequence <= one.sequence + len(one.events)]
            if decided and document.prepared is not self._process.host:
                self._process.faults.append(f"{subject} sequence {sequence} was repeated before it could be read")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a process is made of; broken variants replace one."""

    log: type[SignedLog] = SignedLog
    pipeline: type[Pipeline] = Pipeline
    consumer: type[MemoryConsumer] = MemoryConsumer


@dataclass(slots=True)
class Call:
    """An HTTP request that its caller repeats, with the same key, until it is answered."""

    aggregate_id: str
    command: Command
    cause: Cause
    conditional: bool = False  # on the version that the caller heard of last
    gives_up: bool = False  # when nobody answers
    asked_of: "Process | None" = None
    answer: Executed | Refusal | None = None


class Process:
    """One run of one process of a service: the runtime's own parts, wired to doubles."""

    def __init__(
        self, world: World, service: Service, name: str, kept: Kept, broker: MemoryBroker, parts: Parts
    ) -> None:
        self.world, self.service, self.kept = world, service, kept
        self.host = Host(name)
        self.mended = False
        self.faults: list[str] = []
        self.settings = SimpleNamespace(topic_prefix="")
        wire, context = world.wire(self.host), cast(Context, self)
        self.engine = Engine(
            service.name,
            MemoryDatabase(kept.collections, wire),
            ReadersPublisher(broker, self),
            (service.kind,),
            lambda kind, _: (parts.log(kept.log, wire, kind.prefix), MemoryProjection(kept.projection, wire)),
        )
        cast(SignedLog, self.engine.logs[service.kind.name]).host = self.host
        self.engine.runners[service.kind.name].yield_after = inf  # which would depend on the machine's speed
        self.lot = MemoryLot(self.engine.database, name, lambda: instant(wire.time()))
        self.pipeline = parts.pipeline(context, self.engine, service.reader, self.lot)
        foreign = {binding.name for binding in service.bindings if getattr(binding, "foreign", False)}
        self.sweepers = Sweepers(self.engine, self.pipeline, self.lot, foreign.__contains__)
        self._republisher = Republisher(self.engine)
        self._queue = CommandQueue(context, self.engine, service.kind)
        topics = [*service.reader.by_topic, REPUBLISH_TOPIC]
        self.client = MemoryClient(broker, service.name, topics, wire, LARGEST_BATCH)
        self._consumer = parts.consumer(self.client, broker, self._process)

    def facts(self) -> Facts:
        return Facts(instant(self.world.loop.time()), self.mended)

    def start(self) -> None:
        self.world.start(self.host, self._start())

    async def _start(self) -> None:
        await self._again(self.lot.begin)
        await self._consumer.start()

    async def _process(self, records: Sequence[InRecord]) -> None:
        """As RunningService does."""
        try:
            requests = [record for record in records if record.topic == REPUBLISH_TOPIC]
            if requests:
                await self._republisher.process(requests)
            if others := [record for record in records if record.topic != REPUBLISH_TOPIC]:
                await self.pipeline.process(others)
        except Unavailable:
            raise
        except Exception as error:
            self.faults.append(f"{self.host.name}: a batch failed: {error!r}")
            raise

    def sweep(self) -> None:
        sweepers = self.sweepers
        for one in (sweepers.finish_left_behind, sweepers.try_parked, sweepers.ask_for_missing):
            self.world.start(self.host, self._again(one))

    async def _again(self, work: Callable[[], Any]) -> None:
        """A sweep that meets an outage is due again, like one that died."""
        try:
            await work()
        except (Unavailable, DriverError):
            return

    def ask(self, call: Call) -> None:
        call.asked_of = self
        if call.conditional and call.command.expected_version is None:
            call.command = replace(call.command, expected_version=self._decided(call.aggregate_id))
        self.world.start(self.host, self._ask(call))

    async def _ask(self, call: Call) -> None:
        seen = self._decided(call.aggregate_id)
        try:
            answer = await self._queue.execute(call.aggregate_id, call.command, call.cause)
        except Unavailable:
            call.asked_of = None
            return
        call.answer = call.answer or answer
        if isinstance(answer, Refusal) or not answer.events:
            self._check_declined(call, answer, seen)
        else:
            readable = self.kept.projection.snapshots.get(call.aggregate_id)
            if readable is None or readable.version < answer.snapshot.version:
                self.faults.append(f"{call.aggregate_id} was answered as {answer.snapshot.version}, unreadable")

    def _decided(self, aggregate_id: str) -> int:
        """The newest version in the log."""
        return max((document.last for document in self.kept.log.of(aggregate_id)), default=0)

    def _check_declined(self, call: Call, answer: Executed | Refusal, seen: int) -> None:
        """What is declined must have been wrong, or have held, at some moment between the question and the answer."""
        kind = self.service.kind
        snapshot: Snapshot[Any] = Snapshot(call.aggregate_id)
        moments = [snapshot]
        for document in self.kept.log.of(call.aggregate_id):
            for decision in document.decisions:
                snapshot = apply(kind, snapshot, decision, document.first)
                moments.append(snapshot)
        told = UNCHANGED if isinstance(answer, Executed) else answer
        if isinstance(told, Refusal) and told.code == "stale_version":
            right = any(one.version != call.command.expected_version for one in moments[seen:])
        else:
            right = any(kind.decide(one.state, call.command, self.facts()) == told for one in moments[seen:])
        if not right:
            self.faults.append(f"{call.aggregate_id}: {call.cause.id} was declined by a state of the past: {told}")
