"""A running service: everything a definition names, put together, started in order and stopped in reverse."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime
from functools import partial
from typing import Any

from aiokafka.errors import KafkaError

from shared.kernel.aggregate import AggregateType, Cause, Command, Decision, Facts, S, Snapshot
from shared.kernel.clock import Clock
from shared.kernel.ports import OutcomeUnknown
from shared.kernel.refusal import Refusal
from shared.messaging.asyncapi import asyncapi_document
from shared.messaging.consumer import Consumer, Membership
from shared.messaging.publisher import Publisher
from shared.messaging.reading import Reader
from shared.messaging.records import InRecord
from shared.persistence.driver import Driver, DriverError
from shared.persistence.parking import ParkingLot
from shared.persistence.schema import ensure_indexes, migrate, newer_schema
from shared.runtime.collector import collect_rarely
from shared.runtime.commands import CommandQueue
from shared.runtime.context import Executed, ServiceDefinition, Unavailable
from shared.runtime.engine import Engine
from shared.runtime.http.app import build_app
from shared.runtime.http.health import Check
from shared.runtime.http.server import listen, run, serve
from shared.runtime.indexes import indexes_of
from shared.runtime.jobs import JobWorker
from shared.runtime.logging import configure, get_logger
from shared.runtime.pipeline import Pipeline
from shared.runtime.settings import InvalidSettings, Settings
from shared.runtime.sweepers import REPUBLISH_TOPIC, Republisher, Sweepers
from shared.runtime.timers import TimerWorker

log = get_logger()
REFRESH_SECONDS = 1.0  # machine time; reference data take effect a minute after they were published
CLOCK_FILE = "clock.json"
BUG_EXIT = 70
STOP_SECONDS = 7.0


class RunningService:
    """Implements Context, and owns the parts."""

    def __init__(self, definition: ServiceDefinition, settings: Settings) -> None:
        self.definition, self.settings, self.name = definition, settings, definition.name
        self.clock = Clock.real()
        self._driver = Driver(settings.mongo_uri, settings.mongo_driver)
        self.database = self._driver.database(settings.database_prefix + definition.name)
        self.publisher = Publisher(settings.kafka_bootstrap, settings.topic_prefix, settings.kafka_compression)
        self.engine = Engine(definition.name, self.database, self.publisher, definition.aggregates)
        self.lot = ParkingLot(self.database, settings.instance)
        self.queues = {kind.name: CommandQueue(self, self.engine, kind) for kind in definition.aggregates}
        reader = Reader(definition.bindings)
        self.pipeline = Pipeline(self, self.engine, reader, self.lot)
        foreign = {b.name for b in definition.bindings if getattr(b, "foreign", False)}
        self.sweepers = Sweepers(self.engine, self.pipeline, self.lot, foreign.__contains__)
        self._republisher = Republisher(self.engine)
        self.consumer = Consumer(
            settings.kafka_bootstrap,
            Membership(f"{settings.topic_prefix}{definition.name}", settings.instance),
            settings.topic_prefix,
            [*reader.by_topic, REPUBLISH_TOPIC],
            self._process,
        )
        self.timers = self._timers()
        self._reference: Any = None
        self._accepting = self._ready = False

    # -- Context ------------------------------------------------------------------------------------------------

    def facts(self) -> Facts:
        """Raises Unavailable while the reference data are not there yet."""
        if self._reference is None and self.definition.reference is not None:
            raise Unavailable("the service is starting")
        return Facts(self.clock.now(), self._reference)

    async def execute(
        self, kind: AggregateType[Any], aggregate_id: str, command: Command, cause: Cause
    ) -> Executed | Refusal:
        if not self._accepting:
            raise Unavailable("the service is starting")
        return await self.queues[kind.name].execute(aggregate_id, command, cause)

    async def get(self, kind: AggregateType[S], aggregate_id: str) -> Snapshot[S] | None:
        with _answering():
            return (await self.engine.projections[kind.name].load([aggregate_id])).get(aggregate_id)

    async def find(
        self, kind: AggregateType[S], where: Mapping[str, Any], sort: Sequence[tuple[str, int]], limit: int
    ) -> list[Snapshot[S]]:
        with _answering():
            return await self.engine.projections[kind.name].find(where, sort, limit)

    async def history(self, kind: AggregateType[Any], aggregate_id: str) -> list[Decision]:
        return [decision for decision, _, _ in (await self.engine.walk(kind, [aggregate_id])).get(aggregate_id, [])]

    # -- life ---------------------------------------------------------------------------------------------------

    async def live(self, stop: asyncio.Event) -> None:
        """Runs until `stop`; a dependency that is down at the start is waited for, with readiness red."""
        while not stop.is_set():
            try:
                async with self.running():
                    await stop.wait()
            except (KafkaError, DriverError, Unavailable) as error:
                log.warning("dependency_down_at_start", error=type(error).__name__)
                await asyncio.sleep(REFRESH_SECONDS)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Starts everything beside HTTP; on the way out, stops taking work first and finishes what was begun."""
        self._restore_clock()
        async with AsyncExitStack() as stack:
            await self._prepare_database()
            await self.publisher.start()
            stack.push_async_callback(self.publisher.stop)
            stack.push_async_callback(self._drain)
            await self.refresh_reference()
            self._accepting = True
            # Not before the workers stopped: they still record what they began.
            stack.callback(setattr, self, "_accepting", False)
            if self.definition.seed is not None:
                await self.definition.seed(self)
                await self.refresh_reference()
            await self.lot.begin()
            await self.consumer.start()
            stack.push_async_callback(self.consumer.stop)
            tasks = [asyncio.create_task(self._guarded(loop)) for loop in self._loops()]
            stack.push_async_callback(_cancel, tasks)
            self._ready = True
            yield
            self._ready = False

    async def close(self) -> None:
        await self._driver.close()

    def checks(self) -> dict[str, Check]:
        return {"started": self._started, "database": self._database, "schema": self._schema, "kafka": self._kafka}

    async def refresh_reference(self) -> None:
        if self.definition.reference is not None:
            self._reference = await self.definition.reference(self)

    async def after_move(self) -> Sequence[str]:
        """What a moved clock asks for: reference data that took effect meanwhile, timers that became due."""
        await self.refresh_reference()
        return await self.timers.after_move() if self.timers else ()

    async def _process(self, records: Sequence[InRecord]) -> None:
        requests = [record for record in records if record.topic == REPUBLISH_TOPIC]
        if requests:
            await self._republisher.process(requests)
        if others := [record for record in records if record.topic != REPUBLISH_TOPIC]:
            await self.pipeline.process(others)

    def _timers(self) -> TimerWorker | None:
        wanted = self.definition.timers
        if wanted is None:
            return None
        follows = next(b.name for b in self.definition.bindings if b.topic == wanted.topic)
        return TimerWorker(self, self.engine, self.consumer, self.lot, wanted, follows)

    def _loops(self) -> list[Callable[[], Awaitable[None]]]:
        loops: list[Callable[[], Awaitable[None]]] = [self.sweepers.run, self._refresh_for_ever, self.consumer.watch]
        if self.timers is not None:
            loops.append(self.timers.run)
        loops += [JobWorker(self, self.definition.jobs).run] if self.definition.jobs else []
        loops += [partial(worker, self) for worker in self.definition.workers]
        return loops

    async def _guarded(self, loop: Callable[[], Awaitable[None]]) -> None:
        """A loop that ends ends the process, at once: a service that silently lacks its timers is worse."""
        name = getattr(loop, "__qualname__", "worker")
        try:
            await loop()
            log.critical("loop_ended", loop=name)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # whatever it is, the supervisor starts a clean process
            log.critical("loop_died", loop=name, exc_info=error)
        sys.stderr.flush()
        os._exit(BUG_EXIT)

    async def _refresh_for_ever(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await self.refresh_reference()
            except (DriverError, Unavailable) as error:
                log.warning("reference_not_refreshed", error=type(error).__name__)

    async def _prepare_database(self) -> None:
        if newer := await newer_schema(self.database, self.definition.aggregates):
            raise Unavailable(newer)  # what newer programs write may mean nothing to this one
        for words in await ensure_indexes(self.database, indexes_of(self.definition)):
            log.warning("index_drift", found=words)
        for kind in self.definition.aggregates:
            name = kind.name
            rebuilt = await migrate(self.database, kind, self.engine.logs[name], self.engine.projections[name])
            if rebuilt:
                log.info("projection_rebuilt", aggregate=name, aggregates=rebuilt)

    async def _drain(self) -> None:
        for queue in self.queues.values():
            await queue.drain()

    def _restore_clock(self) -> None:
        """In test mode the clock goes on from where `closedloop clock` left it."""
        path = self.settings.state_dir / CLOCK_FILE
        if self.settings.test_mode and path.exists():
            restore_clock(self.clock, json.loads(path.read_text()))

    async def _started(self) -> str | None:
        return None if self._ready else "starting"

    async def _database(self) -> str | None:
        try:
            await self.database.ping()
        except DriverError as error:
            return type(error).__name__
        return None

    async def _schema(self) -> str | None:
        try:
            return await newer_schema(self.database, self.definition.aggregates)
        except DriverError as error:
            return type(error).__name__

    async def _kafka(self) -> str | None:
        return await self.consumer.trouble()


def restore_clock(clock: Clock, kept: Mapping[str, Any]) -> None:
    """Sets `clock` from the state file `{"now", "rate", "machine"}`; a running one went on since `machine`."""
    clock.set(datetime.fromisoformat(kept["now"]))
    clock.rate = kept["rate"]
    clock.advance(max(0.0, time.time() - kept["machine"]) * clock.rate)


@contextmanager
def _answering() -> Iterator[None]:
    """Turns driver errors of a read into Unavailable."""
    try:
        yield
    except (DriverError, OutcomeUnknown) as error:
        raise Unavailable(type(error).__name__) from error


async def _cancel(tasks: Sequence["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def main(definition: ServiceDefinition) -> None:
    """Runs one service until it is told to stop; exits 2 on settings that cannot work."""
    configure(definition.name)
    try:
        settings = definition.settings.load()
    except InvalidSettings as error:
        print(f"{definition.name}: {error}", file=sys.stderr)  # noqa: T201 - read by whoever started the process
        sys.exit(2)
    run(lambda: _serve(definition, settings))


async def _serve(definition: ServiceDefinition, settings: Settings) -> None:
    service = RunningService(definition, settings)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        stop = asyncio.Event()
        living = asyncio.create_task(service.live(stop))
        yield
        stop.set()
        await asyncio.wait([living], timeout=STOP_SECONDS)
        living.cancel()  # what it had begun is found and finished by the next process
        await asyncio.wait([living])
        await service.close()

    app = build_app(
        definition,
        service,
        checks=service.checks(),
        asyncapi=asyncapi_document(definition),
        after_move=service.after_move,
        lifespan=lifespan,
    )
    collect_rarely()
    listener = listen(settings.http_host, settings.http_port, reuse_port=settings.http_reuse_port)
    await serve(app, listener)
