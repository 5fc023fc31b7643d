"""A running workflow service on real Kafka and MongoDB, with everybody who talks to it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer

from services.workflow.main import SERVICE
from services.workflow.settings import Settings
from shared.events.catalogue import wire_type
from shared.kernel.ids import WORK_ORDER, complaint_id, sibling
from shared.messaging.admin import ensure_topics
from shared.messaging.cloudevents import write
from shared.messaging.records import Envelope
from shared.runtime.devkeys import ensure_keys, sign
from shared.runtime.http.app import build_app
from shared.runtime.http.server import listen, serve
from shared.runtime.service import RunningService
from tests.unit.workflow.builders import received


class Installation:
    """A running workflow service, its callers, and the services around it as far as their records go."""

    def __init__(self, service: RunningService, state_dir: Path, url: str) -> None:
        self.service, self._state_dir, self._url = service, state_dir, url
        self._sequence = 0

    def token(self, role: str, teams: tuple[str, ...] = ("*",), regions: tuple[str, ...] = ("*",)) -> str:
        return sign(self._state_dir, f"dev-{role}", (role,), teams, regions, 600)

    def client(self, role: str, **scope: Any) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.token(role, **scope)}", "Accept-Language": "en"}
        return httpx.AsyncClient(base_url=self._url, headers=headers, trust_env=False, timeout=20)

    async def call(self, role: str, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.client(role) as client:
            return await client.request(method, path, json=body, headers=named)

    async def act(self, role: str, order: str, action: str, **arguments: Any) -> httpx.Response:
        return await self.call(role, "POST", f"/v1/work-orders/{order}/actions/{action}", arguments)

    async def publish(self, topic: str, kind: str, data: object, **attributes: Any) -> None:
        self._sequence += 1
        given = {"id": uuid4().hex, "source": "/closedloop/test", "time": self.service.clock.now(), **attributes}
        envelope = Envelope(type=kind, sequence=self._sequence, **given)
        await self.service.publisher.publish([write(topic, "key", envelope, msgspec.json.encode(data))])

    async def complain(self, external_id: str, **changed: Any) -> str:
        """Publishes what intake would; waits for the order."""
        complaint = complaint_id("crm", external_id)
        order = sibling(complaint, WORK_ORDER)
        now = self.service.clock.now()
        event = received(
            work_order_id=order, external_id=external_id, received_at=now - timedelta(hours=1), **changed
        )
        data = {"complaint": {"id": complaint}, "change": event, "actor": {"kind": "system", "id": "system"}}
        await self.publish("complaints", wire_type(type(event)), data, subject=complaint)
        await self.until(order, lambda found: True)
        return order

    async def until(self, order: str, holds: Callable[[Mapping[str, Any]], bool]) -> Mapping[str, Any]:
        """The order once `holds`; fails with what was seen instead."""
        seen: Any = None
        for _ in range(300):
            answer = await self.call("auditor", "GET", f"/v1/work-orders/{order}")
            seen = answer.json()
            if answer.status_code == 200 and holds(seen):
                return dict(seen)
            await asyncio.sleep(0.05)
        pytest.fail(f"never came to it: {seen}")


@asynccontextmanager
async def installed(kafka: str, mongo: str, state_dir: Path) -> AsyncIterator[Installation]:
    prefix = f"t{uuid4().hex[:8]}"
    await ensure_topics(kafka, f"{prefix}.", partitions=2)
    settings = Settings.load(
        kafka_bootstrap=kafka,
        mongo_uri=mongo,
        topic_prefix=f"{prefix}.",
        database_prefix=f"{prefix}_",
        state_dir=state_dir,
        mode="embedded",
        auth={"jwks": str(ensure_keys(state_dir))},
    )
    service = RunningService(SERVICE, settings)
    listener, stop = listen("127.0.0.1", 0), asyncio.Event()
    app = build_app(SERVICE, service, checks={})
    async with service.running():
        serving = asyncio.create_task(serve(app, listener, stop))
        yield Installation(service, state_dir, f"http://127.0.0.1:{listener.getsockname()[1]}")
        stop.set()
        await serving
    await service.close()


@asynccontextmanager
async def streaming(
    workflow: Installation, last_event_id: str = "", regions: tuple[str, ...] = ("*",)
) -> AsyncIterator[tuple[AsyncIterator[str], str]]:
    """The stream's lines, and the place at which it began."""
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    async with (
        workflow.client("leader", regions=regions) as client,
        client.stream("GET", "/v1/stream", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        yield lines, (await anext(lines)).removeprefix("id: ")


async def next_event(lines: AsyncIterator[str], order: str = "") -> dict[str, str]:
    """The next event with data (about `order`)."""
    event: dict[str, str] = {}
    async for line in lines:
        name, _, value = line.partition(": ")
        if line:
            event[name] = value
        elif "data" in event and order in event["data"]:
            return event
        else:
            event = {}
    pytest.fail("the stream ended")


async def until_known(workflow: Installation, source: str) -> None:
    facts = workflow.service.facts
    for _ in range(200):
        if facts().reference.at(facts().now).source(source):
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"{source} never came into force")


async def replies_of(workflow: Installation, bootstrap: str, wanted: set[str]) -> dict[str, Any]:
    topic = f"{workflow.service.settings.topic_prefix}workorders.replies"
    found: dict[str, Any] = {}
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        async with asyncio.timeout(20):
            while set(found) < wanted:
                record = await consumer.getone()
                found.setdefault(record.key.decode(), json.loads(record.value))
    return found
