"""What the receivers of notifications can do to us."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from shared.runtime.devkeys import sign
from shared.testing.proxy import LOOPBACK
from tests.chaos.faults.case import Fault, Inject
from tests.chaos.faults.stages import Scene
from tests.integration.mechanism.servers import until

MOODY_CALLS = 2  # so often a receiver misbehaves with each notification, before it takes it
RETRY_AFTER_SECONDS = 3
CALL_SECONDS = 2.0  # as the stages set it
HOURS_LONG = 3600.0
ENOUGH, TAKEN_SECONDS = 5, 60.0
TAKEN = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"

Mood = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Receiver:
    """A webhook receiver with a mood; keeps when which notification was sent to it."""

    mood: Mood
    calls: list[tuple[str, float]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            await reader.readexactly(int(headers["content-length"]))
            self.calls.append((headers["webhook-id"], time.monotonic()))
            if self.times()[headers["webhook-id"]] > MOODY_CALLS:
                writer.write(TAKEN)
            else:
                await self.mood(writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the caller gave up
        finally:
            writer.close()

    def times(self) -> Counter[str]:
        return Counter(identity for identity, _ in self.calls)

    def shortest_wait(self) -> float:
        """Seconds between two calls for one notification."""
        last: dict[str, float] = {}
        waits = []
        for identity, at in self.calls:
            if identity in last:
                waits.append(at - last[identity])
            last[identity] = at
        return min(waits)


def answers(status: str, *headers: str, body: bytes = b"") -> Mood:
    async def answer(writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "Connection: close", "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        await writer.drain()

    return answer


async def hangs(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(HOURS_LONG)


async def resets(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


def receives(mood: Mood, calls: int = MOODY_CALLS + 1, wait: float = 0.0) -> Inject:
    """Closings of the load go to a receiver in that mood; each is called for exactly `calls` times."""

    async def inject(scene: Scene) -> str:
        receiver = Receiver(mood)
        server = await asyncio.start_server(receiver.serve, LOOPBACK, 0)
        url = f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}/"
        try:
            async with subscribed(scene, url) as delivered:
                taken = await until(delivered, lambda found: len(found) >= ENOUGH, TAKEN_SECONDS)
        finally:
            server.close()
        assert {receiver.times()[one] for one in taken} == {calls}
        assert calls == 1 or receiver.shortest_wait() >= wait
        return f"{len(taken)} notifications, {calls} calls each"

    return inject


@asynccontextmanager
async def subscribed(scene: Scene, url: str) -> AsyncIterator[Callable[[], Awaitable[set[str]]]]:
    """Yields what answers the deliveries to `url` that the notifier believes to have arrived."""
    token = sign(scene.servers.state_dir, "chaos", ("admin",), ("*",), ("*",), 600)
    notifier = f"{scene.urls['notifier']}/v1"
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, trust_env=False) as http:
        made = await http.post(f"{notifier}/subscriptions", json={"url": url, "types": ["workorder.closed"]})
        assert made.status_code == 201, made.text
        identity = made.json()["id"]

        async def delivered() -> set[str]:
            wanted = {"recipient": f"subscription:{identity}", "status": "delivered", "limit": "200"}
            notices = (await http.get(f"{notifier}/notifications", params=wanted)).raise_for_status().json()["items"]
            return {
                one["id"]
                for notice in notices
                for one in notice["deliveries"]
                if one["recipient_ref"] == wanted["recipient"] and one["status"] == "delivered"
            }

        try:
            yield delivered
        finally:
            await http.delete(f"{notifier}/subscriptions/{identity}")


def _fault(name: str, what: str, expected: str, inject: Inject, *, short: bool = False) -> Fault:
    return Fault(
        id=f"provider-{name}",
        what=f"a receiver of webhooks {what}",
        how="a receiver of ours on loopback",
        expected=expected,
        inject=inject,
        complaints=32,
        short=short,
    )


FAULTS = (
    _fault(
        "500",
        "answers 500, twice for each notification",
        "tried again with the same id until it is taken",
        receives(answers("500 Internal Server Error")),
        short=True,
    ),
    _fault(
        "429",
        "answers 429 with Retry-After: 3, twice for each notification",
        "not called again before the time it asked for",
        receives(answers("429 Too Many Requests", f"Retry-After: {RETRY_AFTER_SECONDS}"), wait=RETRY_AFTER_SECONDS),
    ),
    _fault(
        "hangs",
        "never answers, twice for each notification",
        "given up after 2 s, held to be uncertain, sent again with the same id",
        receives(hangs, wait=CALL_SECONDS),
    ),
    _fault(
        "resets",
        "resets the connection once it has read the body, twice for each notification",
        "held to be uncertain, sent again with the same id",
        receives(resets),
    ),
    _fault(
        "error-body",
        "answers 200 with an error in the body",
        "taken for delivered, as Standard Webhooks has it: the status alone decides; never sent again",
        receives(answers("200 OK", body=b'{"errcode": 310000, "errmsg": "sign not match"}'), calls=1),
    ),
)
