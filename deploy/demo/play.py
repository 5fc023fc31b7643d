"""What the steps of the demo are made of: time, records through Kafka, people's actions, and looking for effects."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from deploy.demo.cast import Colleague
from deploy.demo.eventually import NotSeen, eventually
from deploy.demo.office import Json, Office
from deploy.demo.scenario import complaint
from deploy.demo.stillness import Stillness, System
from shared.cli.clock import CLOCK_FILE, move

PRODUCER = Path(__file__).with_name("producer.py")
PRODUCER_SECONDS = 60.0


@dataclass
class Play:
    """One demo on one running installation. `step` is the step at work: it makes the keys of what the step sends."""

    office: Office
    system: System
    state_dir: Path
    urls: Mapping[str, str]
    stillness: Stillness
    step: str = ""

    async def move_to(self, instant: datetime) -> None:
        """Lets the services' time go on to `instant`, never back, and waits until due timers have fired."""
        target = max(instant, self.now)
        waiting = await eventually(
            f"the services to have come to {target:%F %T}", lambda: self._moved({"set": target.isoformat()}), _is_done
        )
        if waiting:
            raise NotSeen(f"timers of {waiting} did not fire")

    async def hold_time(self) -> None:
        """Time stands still but for the script."""
        await eventually("time to stand still", lambda: self._moved({"rate": 0}), _is_done)

    async def _moved(self, payload: Json) -> Any:
        try:
            return await asyncio.to_thread(move, self.urls, self.state_dir, payload)
        except httpx.HTTPError as error:
            return error

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(json.loads((self.state_dir / CLOCK_FILE).read_text())["now"])

    async def publish(self, batch: str) -> None:
        """Lets the other systems publish a batch, in a process of their own."""
        await eventually(
            f"the producer to publish {batch!r}", lambda: self._published(batch), lambda said: said == ""
        )

    async def _published(self, batch: str) -> str:
        producer = await asyncio.create_subprocess_exec(
            *(sys.executable, str(PRODUCER), batch, self.system.kafka, self.system.topic_prefix),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(PRODUCER_SECONDS):
                said = await producer.stderr.read() if producer.stderr else b""
                return "" if await producer.wait() == 0 else said.decode(errors="replace")[-500:]
        except TimeoutError:
            return f"nothing within {PRODUCER_SECONDS:.0f} s"
        finally:
            if producer.returncode is None:
                producer.kill()

    async def put(self, who: Colleague, path: str, body: Any) -> None:
        await self.office.send(who, "PUT", "workflow", path, body, self.step)

    async def act(self, who: Colleague, action: str, refs: Sequence[str], **arguments: Any) -> None:
        """The same action on several orders; their answers say that it was done."""
        paths = [f"/v1/work-orders/{complaint(ref).order_id}/actions/{action}" for ref in refs]
        sends = [self.office.send(who, "POST", "workflow", path, arguments, self.step) for path in paths]
        await asyncio.gather(*sends)

    async def see(self, refs: Sequence[str], **expected: Any) -> None:
        """Waits until every order of `refs` shows what is expected: a field's value, or a flag by `flags`."""
        await asyncio.gather(*(self._see("workflow", "/v1/work-orders", ref, expected) for ref in refs))

    async def see_complaints(self, refs: Sequence[str], **expected: Any) -> None:
        await asyncio.gather(*(self._see("intake", "/v1/complaints", ref, expected) for ref in refs))

    async def see_clock(self, ref: str, kind: str, **expected: Any) -> None:
        """Waits until the newest clock of that kind shows what is expected; `fired` names a rung."""
        path = f"/v1/work-orders/{complaint(ref).order_id}/clocks"

        async def look() -> Json | None:
            clocks = [clock for clock in await self.office.every("escalation", path) if clock["kind"] == kind]
            return clocks[-1] if clocks else None

        await eventually(f"{ref}'s clock {kind} with {expected}", look, lambda clock: _shows(clock, expected))

    async def _see(self, service: str, path: str, ref: str, expected: Json) -> None:
        one = complaint(ref)
        where = f"{path}/{one.order_id if service == 'workflow' else one.complaint_id}"
        await eventually(
            f"{ref} in {service} with {expected}",
            lambda: self.office.find(service, where),
            lambda found: _shows(found, expected),
        )


@asynccontextmanager
async def playing(state_dir: Path, condition: Mapping[str, Any], sinks_url: str) -> AsyncIterator[Play]:
    """A play on the installation of which `condition` tells the endpoints."""
    urls = {name: service["url"] for name, service in condition["services"].items()}
    prefixes = {
        "topic_prefix": os.environ.get("CLOSEDLOOP_TOPIC_PREFIX", "closedloop."),
        "database_prefix": os.environ.get("CLOSEDLOOP_DATABASE_PREFIX", "closedloop_"),
    }
    system = System(condition["kafka"], condition["mongo"], **prefixes)
    async with AsyncExitStack() as stack:
        office = await stack.enter_async_context(Office({**urls, "sinks": sinks_url}, state_dir))
        stillness = await stack.enter_async_context(Stillness(system))
        yield Play(office, system, state_dir, urls, stillness)


def _is_done(answer: Any) -> bool:
    return bool(answer == [])


def _shows(found: Json | None, expected: Json) -> bool:
    return found is not None and all(_holds(found, name, value) for name, value in expected.items())


def _holds(found: Json, name: str, value: Any) -> bool:
    if name == "flag":
        return bool(value in found["flags"])
    if name == "fired":
        return any(rung["name"] == value and rung["status"] == "fired" for rung in found["rungs"])
    return bool(found.get(name) == value)
