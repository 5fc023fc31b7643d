"""All four services in one process on real servers: a story is played, they stop, and faults can be planted."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from pymongo.database import Database

from services.workflow.domain import WORK_ORDERS
from services.workflow.domain import commands as c
from services.workflow.domain.state import WorkOrder
from shared.cli.installation import CHECKOUT
from shared.events.workorders import Remedy
from shared.kernel.aggregate import Actor, Cause, Command
from shared.kernel.ids import WORK_ORDER, complaint_id, sibling
from shared.messaging.admin import ensure_topics
from shared.messaging.cloudevents import write
from shared.messaging.publisher import Publisher
from shared.messaging.records import Envelope, OutRecord
from shared.reconcile.audit import Access, Audit
from shared.reconcile.looking import reconcile
from shared.reconcile.offline import OfflineService
from shared.reconcile.verdict import Fate, Verdict
from shared.runtime.context import Executed
from shared.runtime.definitions import definitions
from shared.runtime.service import RunningService
from shared.runtime.settings import Settings

MORNING = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)  # a Tuesday, 10:00 in Shanghai
EVERYWHERE = frozenset({"*"})
SUBMITTED = "closedloop.complaint.submitted.v1"


def person(name: str, *roles: str) -> Actor:
    return Actor("agent", name, None, frozenset(roles), EVERYWHERE, EVERYWHERE)


def order_of(external_id: str) -> str:
    return sibling(complaint_id("crm", external_id), WORK_ORDER)


class Scene:
    """Servers with prefixes of their own, and what happened there."""

    def __init__(self, kafka: str, mongo: str, state_dir: Path, client: Any) -> None:
        self.prefix = f"t{uuid4().hex[:8]}"
        self.kafka, self._mongo, self._state_dir, self._client = kafka, mongo, state_dir, client
        self.now = MORNING
        self.publisher = Publisher(kafka, f"{self.prefix}.", "lz4")
        self._running: dict[str, RunningService] = {}

    def settings(self, kind: type[Settings]) -> Settings:
        return kind.load(
            kafka_bootstrap=self.kafka,
            mongo_uri=self._mongo,
            topic_prefix=f"{self.prefix}.",
            database_prefix=f"{self.prefix}_",
            state_dir=self._state_dir,
            mode="embedded",
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await ensure_topics(self.kafka, f"{self.prefix}.", partitions=2)
        async with AsyncExitStack() as stack:
            for definition in definitions():
                service = RunningService(definition, self.settings(definition.settings))
                stack.push_async_callback(service.close)
                self._running[service.name] = service
                service.clock.set(self.now)
                service.clock.set_rate(0)
                await stack.enter_async_context(service.running())
            yield

    def pass_time(self, **span: float) -> None:
        self.now += timedelta(**span)
        for service in self._running.values():
            service.clock.set(self.now)

    def database(self, service: str) -> Database[dict[str, Any]]:
        found: Database[dict[str, Any]] = self._client[f"{self.prefix}_{service}"]
        return found

    # -- the story ----------------------------------------------------------------------------------------------

    async def complain(self, external_id: str, **changed: Any) -> None:
        data = {
            "external_id": external_id,
            "channel": "phone",
            "customer": {"id": "c-1"},
            "subject": "No dial tone",
            "description": "Costs $100 and $$ROOT",
            "received_at": self.now.isoformat(),
            **changed,
        }
        envelope = Envelope(uuid4().hex, "crm", SUBMITTED, time=self.now)
        await self.publish(write("complaints.inbox", external_id, envelope, msgspec.json.encode(data)))

    async def publish(self, *records: OutRecord) -> None:
        await self.publisher.publish(records)

    async def act(self, order: str, command: Command) -> None:
        done = await self._running["workflow"].execute(WORK_ORDERS, order, command, Cause("test", uuid4().hex))
        assert isinstance(done, Executed), done

    async def until(self, order: str, holds: Callable[[WorkOrder], bool]) -> None:
        async with asyncio.timeout(30):
            while True:
                found = await self._running["workflow"].get(WORK_ORDERS, order)
                if found is not None and found.state is not None and holds(found.state):
                    return
                await asyncio.sleep(0.02)

    async def close_order(self, order: str) -> None:
        await self.act(order, c.Accept(actor=person("hanna", "handler")))
        resolution = c.SubmitResolution(
            actor=person("hanna", "handler"),
            root_cause="joint",
            measures="renewed",
            remedy=Remedy(kind="repair"),
            reply_text="It works.",
        )
        await self.act(order, resolution)
        await self.act(order, c.Approve(actor=person("rolf", "reviewer")))
        await self.act(order, c.CommunicateDecision(actor=person("agnes", "agent"), by="agent"))
        await self.act(order, c.RecordCallback(actor=person("carla", "callback"), outcome="satisfied"))

    # -- looking ------------------------------------------------------------------------------------------------

    async def verdict(self, now: datetime | None = None, late_within: timedelta | None = None) -> Verdict:
        """Of one pass, without the time that live systems get to finish what they are at."""
        async with self.access(now or self.now) as access:
            return await Audit(replace(access, late_within=late_within), young=timedelta(0)).run()

    async def looked_at(self, *, stopped: bool) -> Verdict:
        """As the command looks, with little patience; `stopped`: it is told that nobody runs."""
        async with self.access(self.now, self.now) as access:
            wanted = replace(access, stopped=stopped)
            return await reconcile(wanted, pause=0, young=timedelta(0), patience=0.5)

    async def command(self, *options: str) -> tuple[int, dict[str, Any]]:
        """Exit code and answer of `closedloop reconcile`, as somebody gives it who knows only the servers."""
        named = {
            "KAFKA_BOOTSTRAP": self.kafka,
            "MONGO_URI": self._mongo,
            "TOPIC_PREFIX": f"{self.prefix}.",
            "DATABASE_PREFIX": f"{self.prefix}_",
            "STATE_DIR": str(self._state_dir),
        }
        env = {**os.environ, **{f"CLOSEDLOOP_{name}": value for name, value in named.items()}}
        argv = [sys.executable, "-m", "shared.cli", "reconcile", *options]
        asked = await asyncio.create_subprocess_exec(*argv, cwd=CHECKOUT, env=env, stdout=PIPE, stderr=PIPE)
        output, talk = await asked.communicate()
        assert asked.returncode in (0, 1), talk.decode()
        return asked.returncode, json.loads(output)

    @asynccontextmanager
    async def access(self, *moments: datetime) -> AsyncIterator[Access]:
        """`moments`: the business time of each pass."""
        left = list(moments)

        async def now() -> datetime | None:
            return left.pop(0)

        async with AsyncExitStack() as stack:
            services = []
            for definition in definitions():
                services.append(OfflineService(definition, self.settings(definition.settings)))
                stack.push_async_callback(services[-1].close)
            yield Access([self.kafka], f"{self.prefix}.", services, now)

    async def settled(self) -> Verdict:
        """The verdict once nothing waits to be consumed any more."""
        for _ in range(60):
            verdict = await self.verdict()
            if verdict.clean and not any(fate is Fate.WAITING for _, _, fate in verdict.fates):
                return verdict
            await asyncio.sleep(0.2)
        pytest.fail(f"never settled: {verdict.as_json()}")

    @contextmanager
    def tampered(self, service: str, collection: str) -> Iterator[Any]:
        """The collection, put back as it was afterwards."""
        found = self.database(service)[collection]
        before = list(found.find())
        try:
            yield found
        finally:
            found.delete_many({})
            found.insert_many(before)

    async def commit_everything(self, service: str, topic: str) -> None:
        """As if the service had consumed all of the topic."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka, group_id=f"{self.prefix}.{service}", enable_auto_commit=False
        )
        await consumer.start()
        try:
            partitions = [TopicPartition(f"{self.prefix}.{topic}", number) for number in range(2)]
            consumer.assign(partitions)
            await consumer.commit(await consumer.end_offsets(partitions))
        finally:
            await consumer.stop()
