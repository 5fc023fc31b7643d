"""Escalation beside workflow on real Kafka and MongoDB: timers fire by the moved clock, their commands arrive."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from services.escalation.domain import CLOCK_SETS
from services.escalation.main import SERVICE as ESCALATION
from services.workflow.domain import WORK_ORDERS
from services.workflow.main import SERVICE as WORKFLOW
from shared.events.catalogue import wire_type
from shared.events.sla import ClockBreached, ClocksChanged, RungFired
from shared.kernel.aggregate import Event
from shared.kernel.ids import CLOCK_SET, WORK_ORDER, complaint_id, sibling
from shared.messaging.admin import ensure_topics
from shared.messaging.cloudevents import write
from shared.messaging.records import Envelope
from shared.runtime.context import ServiceDefinition
from shared.runtime.devkeys import ensure_keys
from shared.runtime.service import RunningService
from tests.unit.workflow.builders import received


class Pair:
    """Workflow and escalation of one installation; their clocks stand still until moved."""

    def __init__(self, workflow: RunningService, escalation: RunningService) -> None:
        self.workflow, self.escalation = workflow, escalation
        for service in (workflow, escalation):
            service.clock.set_rate(0)
            service.clock.set(workflow.clock.now())

    async def complain(self, external_id: str) -> str:
        complaint = complaint_id("crm", external_id)
        order = sibling(complaint, WORK_ORDER)
        now = self.workflow.clock.now()
        event = received(work_order_id=order, external_id=external_id, received_at=now)
        data = {"complaint": {"id": complaint}, "change": event, "actor": {"kind": "system", "id": "system"}}
        envelope = Envelope(
            id=uuid4().hex,
            source="/closedloop/test",
            type=wire_type(type(event)),
            subject=complaint,
            time=now,
            sequence=1,
        )
        await self.workflow.publisher.publish([write("complaints", complaint, envelope, msgspec.json.encode(data))])
        return order

    async def move(self, **passed: float) -> list[str]:
        """Workflow first, escalation last, as the command line does it."""
        for service in (self.workflow, self.escalation):
            service.clock.advance(timedelta(**passed).total_seconds())
        assert self.escalation.timers is not None
        return await self.escalation.timers.after_move()

    async def events(self, order: str) -> list[Event]:
        decisions = await self.escalation.history(CLOCK_SETS, sibling(order, CLOCK_SET))
        return [event for decision in decisions for event in decision.events]

    async def clocks(self, order: str) -> Mapping[str, str]:
        snapshot = await self.escalation.get(CLOCK_SETS, sibling(order, CLOCK_SET))
        return {} if snapshot is None or snapshot.state is None else {c.kind: c.state for c in snapshot.state.clocks}

    async def status(self, order: str) -> str | None:
        snapshot = await self.workflow.get(WORK_ORDERS, order)
        return None if snapshot is None or snapshot.state is None else str(snapshot.state.status)


async def until(holds: Callable[[], Any]) -> None:
    """Waits for a condition; fails when it never holds."""
    for _ in range(400):
        if await holds():
            return
        await asyncio.sleep(0.05)
    pytest.fail("never came to it")


@pytest.fixture(scope="module")
async def pair(
    kafka_bootstrap: str, mongo_uri: str, mongo_client: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pair]:
    prefix, folder = f"t{uuid4().hex[:8]}", tmp_path_factory.mktemp("state")
    await ensure_topics(kafka_bootstrap, f"{prefix}.", partitions=4)
    async with AsyncExitStack() as stack:
        services = []
        for definition in (WORKFLOW, ESCALATION):
            service = a_service(definition, kafka_bootstrap, mongo_uri, prefix, folder)
            stack.push_async_callback(service.close)
            await stack.enter_async_context(service.running())
            services.append(service)
        yield Pair(*services)
    for definition in (WORKFLOW, ESCALATION):
        mongo_client.drop_database(f"{prefix}_{definition.name}")


def a_service(definition: ServiceDefinition, kafka: str, mongo: str, prefix: str, folder: Path) -> RunningService:
    settings = definition.settings.load(
        kafka_bootstrap=kafka,
        mongo_uri=mongo,
        topic_prefix=f"{prefix}.",
        database_prefix=f"{prefix}_",
        state_dir=folder / definition.name,
        mode="embedded",
        test_mode=True,
        auth={"jwks": str(ensure_keys(folder / definition.name))},
    )
    return RunningService(definition, settings)


async def test_an_order_that_nobody_accepts_is_recalled_and_dispatched_again(pair: Pair) -> None:
    order = await pair.complain("nobody")

    async def accept_runs() -> bool:
        return (await pair.clocks(order)).get("accept") == "running"

    await until(accept_runs)
    assert await pair.move(hours=2) == []
    told = await pair.events(order)
    assert [e.rung.name for e in told if isinstance(e, RungFired) and e.clock.kind == "accept"] == ["90%"]
    assert not [e for e in told if isinstance(e, ClockBreached)]

    assert await pair.move(seconds=1) == []
    told = await pair.events(order)
    (breach,) = [e for e in told if isinstance(e, ClockBreached)]
    (recall,) = [e for e in told if isinstance(e, RungFired) and e.rung.command is not None]
    assert breach.clock.id == recall.clock.id

    async def recalled() -> bool:
        snapshot = await pair.workflow.get(WORK_ORDERS, order)
        return bool(snapshot and snapshot.state and snapshot.state.counts.get("recalls") == 1)

    await until(recalled)
    assert await pair.status(order) in ("dispatching", "assigned")

    async def dispatch_or_accept_runs_again() -> bool:
        changes = [e for e in await pair.events(order) if isinstance(e, ClocksChanged)]
        return any(c.kind == "accept" and c.change == "stopped" for e in changes for c in e.clocks)

    await until(dispatch_or_accept_runs_again)
    assert "running" in (await pair.clocks(order)).values()


async def test_every_order_of_every_partition_fires_in_one_jump_and_only_once(pair: Pair) -> None:
    orders = [await pair.complain(f"many-{number}") for number in range(60)]

    async def all_run() -> bool:
        return all([(await pair.clocks(order)).get("accept") == "running" for order in orders])

    await until(all_run)
    assert await pair.move(hours=1) == []
    assert await pair.move(seconds=1) == []
    for order in orders:
        fired = [e.rung.key for e in await pair.events(order) if isinstance(e, RungFired)]
        assert [key.split("/")[2] for key in fired] == ["50%"]
        assert len(set(fired)) == len(fired)
