"""One running installation as strangers see it: their HTTP calls, their Kafka records, its topics, its command."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from shared.cli.installation import CHECKOUT, Installation
from shared.runtime.devkeys import sign
from tests.e2e.callers import EVENTUALLY_SECONDS, STEPS, Caller, eventually, rfc3339
from tests.e2e.seen import PREFIX, Seen, seen

SERVICES = ("intake", "workflow", "notifier", "escalation")
OUT_TOPICS = (
    *("complaints", "workorders", "workorders.replies", "sla", "directory", "notifications"),
    *(f"{service}.dead-letters" for service in SERVICES),
)
Headers = Sequence[tuple[str, bytes | None]]


class Outside:
    """What can be done with an installation from outside; its time stands still unless a test moves it."""

    def __init__(self, installation: Installation, status: Mapping[str, Any]) -> None:
        self.installation, self.status = installation, status
        self.urls = {name: service["url"] for name, service in status["services"].items()}
        self.seen: list[Seen] = []
        self._callers: dict[Any, Caller] = {}
        self._anonymous = httpx.AsyncClient(trust_env=False, timeout=40)
        self._more = asyncio.Condition()

    async def open(self) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers=self.status["kafka"])
        await self._producer.start()
        self._consumer = AIOKafkaConsumer(bootstrap_servers=self.status["kafka"], auto_offset_reset="earliest")
        self._consumer.subscribe([PREFIX + topic for topic in OUT_TOPICS])
        await self._consumer.start()
        self._reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        await self._consumer.stop()
        await self._producer.stop()
        for caller in self._callers.values():
            await caller.close()
        await self._anonymous.aclose()

    # -- people -------------------------------------------------------------------------------------------------

    def caller(
        self, *roles: str, sub: str = "", teams: tuple[str, ...] = ("*",), regions: tuple[str, ...] = ("*",)
    ) -> Caller:
        who = (roles, sub or f"dev-{roles[0] if roles else 'nobody'}", teams, regions)
        if who not in self._callers:
            token = sign(self.installation.state_dir, who[1], roles, teams, regions, 3600)
            self._callers[who] = Caller(self.urls, token)
        return self._callers[who]

    async def anonymous(self, method: str, service: str, path: str, **rest: Any) -> httpx.Response:
        return await self._anonymous.request(method, self.urls[service] + path, **rest)

    async def submit(self, **changed: Any) -> tuple[str, str]:
        """A complaint by HTTP; answers the ids of complaint and order once workflow has the order."""
        answer = await self.caller("agent").post("intake", "/v1/complaints", await self.complaint(**changed))
        assert answer.status_code == 201, answer.text
        complaint, order = answer.json()["id"], answer.json()["work_order_id"]
        await self.when(order, lambda _: True)
        return complaint, order

    async def settled(self, **changed: Any) -> str:
        """An order to which nothing more will happen by itself: it knows that nobody can be reached."""
        _, order = await self.submit(**changed)
        await self.when(order, lambda found: "unreached" in found["flags"] and len(found["clocks"]) >= 6)
        return order

    async def complaint(self, **changed: Any) -> dict[str, Any]:
        """The least that complaint.submitted needs, and what a test wants of it."""
        return {
            "external_id": f"x-{uuid4().hex[:12]}",
            "channel": "web",
            "customer": {"id": "c-1"},
            "subject": "No dial tone",
            "description": "The line has been dead since Monday.",
            "received_at": rfc3339(await self.now()),
            **changed,
        }

    async def when(self, order: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The order once `holds`; fails with what was seen instead."""
        auditor = self.caller("auditor")

        async def look() -> dict[str, Any] | None:
            answer = await auditor.get("workflow", f"/v1/work-orders/{order}")
            seen: dict[str, Any] = answer.json()
            return seen if answer.status_code == 200 and holds(seen) else None

        return await eventually(look, lambda: f"order {order} never came to it")

    async def customer(self, customer_id: str, holds: Callable[[httpx.Response], bool]) -> httpx.Response:
        """What intake answers about a customer once `holds`."""
        agent = self.caller("agent")

        async def look() -> httpx.Response | None:
            answer = await agent.get("intake", f"/v1/customers/{customer_id}")
            return answer if holds(answer) else None

        found: httpx.Response = await eventually(look, lambda: f"customer {customer_id} never came to it")
        return found

    async def complaint_is(self, complaint: str, status: str) -> None:
        async def look() -> bool | None:
            found = await self.caller("agent").get("intake", f"/v1/complaints/{complaint}")
            return True if found.json()["status"] == status else None

        await eventually(look, lambda: f"complaint {complaint} never was {status}")

    async def handle(self, order: str, upto: str) -> None:
        """People's work on an order, in turn, up to and with the action `upto`."""
        for action, (role, arguments) in STEPS.items():
            answer = await self.caller(role).act(order, action, arguments)
            assert answer.status_code == 200, (action, answer.text)
            if action == upto:
                return

    # -- records ------------------------------------------------------------------------------------------------

    async def send(
        self,
        topic: str,
        kind: str | None,
        data: Any,
        *,
        source: str = "crm",
        key: bytes | None = b"k",
        **attributes: str,
    ) -> str:
        """Publishes as other systems do: binary mode, without a content type. Answers the event's id."""
        event_id = attributes.pop("id", uuid4().hex)
        named = {"specversion": "1.0", "id": event_id, "source": source, **attributes}
        if kind is not None:
            named["type"] = f"{PREFIX}{kind}" if ".v" in kind else f"{PREFIX}{kind}.v1"
        headers = [(f"ce_{name}", value.encode()) for name, value in named.items()]
        await self.send_raw(topic, json.dumps(data).encode(), headers, key)
        return event_id

    async def send_raw(
        self, topic: str, value: bytes | None, headers: Headers, key: bytes | None = b"k"
    ) -> tuple[int, int]:
        """The record word for word; answers its partition and offset."""
        sent = await self._producer.send_and_wait(PREFIX + topic, value, key, headers=list(headers))
        return sent.partition, sent.offset

    async def record(self, topic: str, holds: Callable[[Seen], bool]) -> Seen:
        """The first record of the topic for which `holds`, waited for; fails with the topic's newest."""
        return (await self.records(topic, holds, 1))[0]

    async def records(self, topic: str, holds: Callable[[Seen], bool], number: int) -> list[Seen]:
        """At least `number` such records."""
        with suppress(TimeoutError):
            async with asyncio.timeout(EVENTUALLY_SECONDS), self._more:
                while len(found := self.so_far(topic, holds)) < number:
                    await self._more.wait()
                return found
        pytest.fail(f"not on {topic}; the newest there: {[seen for seen in self.seen if seen.topic == topic][-3:]}")

    def so_far(self, topic: str, holds: Callable[[Seen], bool]) -> list[Seen]:
        return [seen for seen in self.seen if seen.topic == topic and holds(seen)]

    async def events(self, topic: str, subject: str, last: str) -> list[Seen]:
        """All records about `subject`, once one of type `last` is among them."""
        await self.record(topic, lambda seen: seen.subject == subject and seen.kind == last)
        return self.so_far(topic, lambda seen: seen.subject == subject)

    async def dead_letter(self, service: str, event_id: str) -> Seen:
        return await self.record(f"{service}.dead-letters", lambda seen: seen.headers.get("ce_id") == event_id)

    async def _read(self) -> None:
        while True:
            batches = await self._consumer.getmany(timeout_ms=200)
            new = [seen(record) for batch in batches.values() for record in batch]
            if new:
                async with self._more:
                    self.seen += new
                    self._more.notify_all()

    # -- time ---------------------------------------------------------------------------------------------------

    async def now(self) -> datetime:
        shown = await self.anonymous("GET", "intake", "/test/clock")
        return datetime.fromisoformat(shown.json()["now"])

    async def move(self, **how: Any) -> dict[str, Any]:
        """Moves every service's time, escalation last; answers what escalation said."""
        shown: dict[str, Any] = {}
        for service in SERVICES:
            answer = await self.anonymous("POST", service, "/test/clock", json=how)
            assert answer.status_code == 200, answer.text
            shown = answer.json()
        return shown

    async def until(self, instant: datetime) -> None:
        assert (await self.move(set=rfc3339(instant)))["waiting"] == []

    async def later(self, **span: float) -> datetime:
        """Lets that much time pass, once escalation knows all that happened before."""
        await self.until(await self.now() + timedelta(**span))
        return await self.now()

    # -- command ------------------------------------------------------------------------------------------------

    async def command(self, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
        """Exit code, output and talk of `closedloop …`."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "shared.cli", *arguments),
            cwd=CHECKOUT,
            env=environment(self.installation),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, talk = await process.communicate(stdin.encode())
        return process.returncode or 0, output.decode(), talk.decode()


def environment(installation: Installation) -> dict[str, str]:
    """Nothing of the machine's own settings, and test mode on."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLOSEDLOOP_")}
    chosen = {"CLOSEDLOOP_STATE_DIR": str(installation.state_dir), "CLOSEDLOOP_TEST_MODE": "1"}
    return {**kept, **chosen, "PYTHONPATH": str(CHECKOUT)}
