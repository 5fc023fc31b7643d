"""Every service is killed once while complaints are under way; all of them close, and nothing happened twice."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from deploy.local.guardian import Guardian
from deploy.local.health import is_ready
from deploy.local.process import ServerProcess
from deploy.local.stack import LocalStack
from shared.cli.installation import SERVICES
from shared.events.catalogue import wire_type
from shared.events.topics import dead_letters_of
from shared.events.workorders import Unreached
from tests.bench.driver import Task, drive
from tests.bench.installation import Installation, installed
from tests.chaos.outcome import check_versions, keep_clock, reconcile, statuses, unfinished
from tests.integration.mechanism.servers import Servers, until_seen

COMPLAINTS, RATE = 240, 12.0  # so many, so many a second
RESTART_SECONDS = 60.0
SETTLED_SECONDS = 60.0


class Killer:
    """Ends services by force and starts them again as they were, as a supervisor would."""

    def __init__(self, installation: Installation, state_dir: Path) -> None:
        self._installation, self._state_dir = installation, state_dir
        self.guardian = Guardian()
        self._started: dict[str, ServerProcess] = {}
        self.lives: dict[str, psutil.Process] = {}  # those that began here, by service

    async def kill(self, name: str) -> None:
        victim = self.lives.get(name) or self._installation.processes[name]
        argv, env = victim.cmdline(), victim.environ()
        victim.kill()
        await asyncio.to_thread(victim.wait)
        again = ServerProcess(f"{name}-again", argv, env, self._state_dir)
        await asyncio.to_thread(again.spawn, self.guardian)
        self._started[name] = again
        self.lives[name] = psutil.Process(again.pid)

    def close(self) -> None:
        for process in self._started.values():
            process.kill()
        self.guardian.close()

    async def wait_ready(self) -> None:
        """A group gives the dead member's partitions away after its session has run out, some seconds later."""
        for name, process in self._started.items():
            url = self._installation.urls[name]
            await asyncio.to_thread(process.wait_ready, partial(is_ready, url), RESTART_SECONDS)


@contextmanager
def killer_of(installation: Installation, state_dir: Path) -> Iterator[Killer]:
    killer = Killer(installation, state_dir)
    try:
        yield killer
    finally:
        killer.close()


def test_kill_nine_of_each_service_loses_and_doubles_nothing(
    stack: LocalStack, tmp_path: Path, mongo_client: Any, name: str
) -> None:
    servers = Servers(stack.endpoints.kafka, stack.endpoints.mongo, f"{name}.", f"{name}_", tmp_path, mongo_client)
    with installed(stack, tmp_path, name) as installation, killer_of(installation, tmp_path) as killer:
        keep_clock(tmp_path)
        asyncio.run(under_load(servers, killer, name))
        check_lives(servers)
        assert reconcile(servers) == "clean"


async def under_load(servers: Servers, killer: Killer, run: str) -> None:
    """Plays all complaints to their end; each service is killed as soon as some more of them have closed."""
    load = asyncio.create_task(drive(Task(servers.kafka, servers.topic_prefix, run, COMPLAINTS, 0, RATE)))
    for number, service in enumerate(SERVICES, start=1):
        enough = number * COMPLAINTS // (len(SERVICES) + 2)
        await until_seen(partial(progress, servers, load), lambda seen: seen[0] >= enough or seen[1], 120)  # noqa: B023 - awaited here
        assert not load.done(), load
        await killer.kill(service)
    await killer.wait_ready()
    seen = await load
    assert len(seen.closed) == COMPLAINTS
    await until_seen(
        lambda: statuses(servers, "intake", "complaint_1"), {"closed": COMPLAINTS}.__eq__, SETTLED_SECONDS
    )
    await until_seen(lambda: unfinished(servers), [].__eq__, SETTLED_SECONDS)
    for service in SERVICES:
        assert await servers.on_topic(dead_letters_of(service)) == []


def progress(servers: Servers, load: "asyncio.Task[Any]") -> tuple[int, bool]:
    """How many orders are closed, and whether the load has ended."""
    return statuses(servers, "workflow", "work_order_1")["closed"], load.done()


def check_lives(servers: Servers) -> None:
    """Every order had the same life, each of its steps once, and its log has neither hole nor fork."""
    lives: dict[str, list[str]] = {}
    for document in servers.documents("log", "workflow"):
        aggregate = document["_id"].rpartition(":")[0]
        if aggregate.startswith("wo_"):
            kinds = [kind for decision in document["d"] for kind, _ in decision.get("e", ())]
            lives.setdefault(aggregate, []).extend(kinds)
    assert len(lives) == COMPLAINTS
    doubled = {order: life for order, life in lives.items() if max(Counter(life).values()) > 1}
    assert doubled == {}
    steps = Counter(kind for life in lives.values() for kind in life)
    del steps[
        wire_type(Unreached)
    ]  # nobody has an address; an order that closed before that was known lacks the mark
    assert set(steps.values()) == {COMPLAINTS}, steps
    for service in SERVICES:
        check_versions(servers.documents("log", service))
