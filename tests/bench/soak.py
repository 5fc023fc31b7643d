"""`bench soak`: a steady load for long, while a service is killed every so often; what grows meanwhile is a leak."""

import asyncio
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from statistics import linear_regression
from typing import Any

import psutil
from pymongo import MongoClient

from deploy.local.stack import LocalStack
from shared.cli.installation import SERVICES
from shared.events.topics import dead_letters_of
from tests.bench.driver import Seen
from tests.bench.floor_held import behind_of, looking, settled
from tests.bench.installation import Installation, installed, own_servers
from tests.bench.loop import Wish, drive
from tests.chaos.outcome import keep_clock, reconcile, unfinished
from tests.chaos.test_kill import Killer, killer_of
from tests.integration.mechanism.servers import Servers

LOOK_EVERY = 2.0  # seconds
AGED = 10.0
"""Seconds after which a process that started counts: before, it is small because it is new."""
QUIET_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class SoakWish:
    """`rate`: complaints a second; half of what the machine can bear is what one would ask for."""

    minutes: float = 30.0
    rate: float = 20.0
    kill_every: float = 20.0
    seed: int = 1

    @property
    def complaints(self) -> int:
        return max(10, int(60 * self.minutes * self.rate))


@dataclass(frozen=True, slots=True)
class Look:
    """At `at` seconds from the start: of each process that lived for a while, resident bytes and open descriptors.

    `behind`: records that no service has worked off yet, in all.
    """

    at: float
    rss: Mapping[str, int]
    descriptors: Mapping[str, int]
    behind: int


@dataclass(frozen=True, slots=True)
class SoakReport:
    wish: SoakWish
    kills: Mapping[str, int]
    looks: Sequence[Look]
    closed: int
    dead_letters: int
    left: Sequence[str]
    """What waits although nothing more comes."""
    reconciled: str

    def slope(self, name: str, what: str) -> float:
        """Growth an hour of `rss` or `descriptors` of a process, or of what was behind."""
        points = [
            (one.at, float(one.behind) if what == "behind" else float(getattr(one, what)[name]))
            for one in self.looks
            if what == "behind" or name in getattr(one, what)
        ]
        if len({at for at, _ in points}) < 2:
            return 0.0
        return 3600 * linear_regression(*zip(*points, strict=True)).slope


@dataclass(slots=True)
class _Watch:
    """Looks at the processes until it is cancelled; a process that was killed is found again by its name."""

    installation: Installation
    killer: Killer
    began: float = field(default_factory=time.monotonic)
    looks: list[Look] = field(default_factory=list)

    async def run(self) -> None:
        async with looking(self.installation.kafka, self.installation.topic_prefix) as (consumer, admin):
            while True:
                ends = await consumer.end_offsets(list(consumer.assignment()))
                behind = [await behind_of(admin, self.installation.topic_prefix, one, ends) for one in SERVICES]
                self.looks.append(self._look(sum(behind)))
                await asyncio.sleep(LOOK_EVERY)

    def _look(self, behind: int) -> Look:
        rss, descriptors = {}, {}
        for name, process in {**self.installation.processes, **self.killer.lives}.items():
            try:
                if time.time() - process.create_time() >= AGED:
                    rss[name], descriptors[name] = process.memory_info().rss, process.num_fds()
            except psutil.NoSuchProcess:
                continue  # between its death and its next life
        return Look(time.monotonic() - self.began, rss, descriptors, behind)


def measure_alone(wish: SoakWish) -> SoakReport:
    with tempfile.TemporaryDirectory(prefix="closedloop-bench-") as folder:
        state_dir = Path(folder)
        with own_servers(state_dir / "servers") as stack:
            return measure(stack, state_dir / "services", wish)


def measure(stack: LocalStack, state_dir: Path, wish: SoakWish) -> SoakReport:
    state_dir.mkdir(parents=True, exist_ok=True)
    name = f"b{uuid.uuid4().hex[:8]}"
    with (
        MongoClient[dict[str, Any]](stack.endpoints.mongo, tz_aware=True) as client,
        installed(stack, state_dir, name) as installation,
        killer_of(installation, state_dir) as killer,
    ):
        keep_clock(state_dir)
        servers = Servers(stack.endpoints.kafka, stack.endpoints.mongo, f"{name}.", f"{name}_", state_dir, client)
        seen, looks, kills = asyncio.run(_under_load(installation, killer, wish))
        settled(replace(installation, processes={**installation.processes, **killer.lives}))
        letters = [asyncio.run(servers.on_topic(dead_letters_of(service))) for service in SERVICES]
        return SoakReport(
            wish=wish,
            kills=kills,
            looks=looks,
            closed=len(seen.closed),
            dead_letters=sum(map(len, letters)),
            left=_left(servers),
            reconciled=reconcile(servers),
        )


async def _under_load(
    installation: Installation, killer: Killer, wish: SoakWish
) -> tuple[Seen, list[Look], dict[str, int]]:
    load = Wish(complaints=wish.complaints, in_flight=wish.complaints, rate=wish.rate)
    random, kills = Random(wish.seed), dict.fromkeys(SERVICES, 0)
    watch = _Watch(installation, killer)
    watching = asyncio.create_task(watch.run())
    driving = asyncio.create_task(asyncio.to_thread(drive, installation, load, "soak"))
    while not (await asyncio.wait({driving, watching}, timeout=wish.kill_every, return_when="FIRST_COMPLETED"))[0]:
        victim = random.choice(SERVICES)
        await killer.kill(victim)
        kills[victim] += 1
    if watching.done():
        await watching
    seen = await driving
    await killer.wait_ready()
    watching.cancel()
    return seen, watch.looks, kills


def _left(servers: Servers) -> list[str]:
    deadline = time.monotonic() + QUIET_WITHIN
    while (left := unfinished(servers)) and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY)
    return left
