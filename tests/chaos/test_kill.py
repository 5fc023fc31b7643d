"""Every service is killed once while complaints are under way; all of them close, and nothing happened twice."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.guardian import Guardian
from deploy.local.health import is_ready
from deploy.local.process import ServerProcess
from deploy.local.stack import LocalStack
from shared.cli.installation import CHECKOUT, SERVICES
from shared.events.topics import dead_letters_of
from tests.bench.driver import Task, drive
from tests.bench.installation import Installation, installed
from tests.integration.mechanism.servers import Servers, until, until_seen

COMPLAINTS, IN_FLIGHT = 120, 24
RESTART_SECONDS = 60.0
AHEAD = timedelta(minutes=5)  # of the machine's time, so that what is registered now is in force after any restart
SETTLED_SECONDS = 60.0


class Killer:
    """Ends services by force and starts them again as they were, as a supervisor would."""

    def __init__(self, installation: Installation, state_dir: Path) -> None:
        self._installation, self._state_dir = installation, state_dir
        self.guardian = Guardian()

    async def kill(self, name: str) -> None:
        victim = self._installation.processes[name]
        argv, env = victim.cmdline(), victim.environ()
        victim.kill()
        await asyncio.to_thread(victim.wait)
        again = ServerProcess(f"{name}-again", argv, env, self._state_dir)
        await asyncio.to_thread(again.spawn, self.guardian)
        url = self._installation.urls[name]
        await asyncio.to_thread(again.wait_ready, lambda: is_ready(url), RESTART_SECONDS)


@contextmanager
def killer_of(installation: Installation, state_dir: Path) -> Iterator[Killer]:
    killer = Killer(installation, state_dir)
    try:
        yield killer
    finally:
        killer.guardian.close()


@pytest.fixture
def name(mongo_client: Any) -> Iterator[str]:
    """Of the topics and databases of this test."""
    found = f"t{uuid4().hex[:8]}"
    yield found
    for database in mongo_client.list_database_names():
        if database.startswith(f"{found}_"):
            mongo_client.drop_database(database)


def set_clock(state_dir: Path) -> None:
    """Services of this state directory start, and start again, with a clock that runs ahead."""
    ahead = {"now": (datetime.now(UTC) + AHEAD).isoformat(), "rate": 1.0, "machine": time.time()}
    (state_dir / "clock.json").write_text(json.dumps(ahead))


def test_kill_nine_of_each_service_loses_and_doubles_nothing(
    stack: LocalStack, tmp_path: Path, mongo_client: Any, name: str
) -> None:
    set_clock(tmp_path)
    servers = Servers(stack.endpoints.kafka, stack.endpoints.mongo, f"{name}.", f"{name}_", tmp_path, mongo_client)
    with installed(stack, tmp_path, name) as installation, killer_of(installation, tmp_path) as killer:
        asyncio.run(under_load(servers, killer, name))
        check_lives(servers)
        assert reconcile(servers) == "clean"


async def under_load(servers: Servers, killer: Killer, run: str) -> None:
    """Plays all complaints to their end; each service is killed as soon as some more of them have closed."""
    load = asyncio.create_task(drive(Task(servers.kafka, servers.topic_prefix, run, COMPLAINTS, IN_FLIGHT)))
    for number, service in enumerate(SERVICES, start=1):
        share = number * COMPLAINTS // (len(SERVICES) + 2)
        await until_seen(lambda: (closed(servers), load.done()), lambda s, n=share: s[0] >= n or s[1], 120)  # type: ignore[misc]
        assert not load.done(), load
        await killer.kill(service)
    seen = await load
    assert len(seen.closed) == COMPLAINTS
    await until_seen(
        lambda: statuses(servers, "intake", "complaint_1"), {"closed": COMPLAINTS}.__eq__, SETTLED_SECONDS
    )
    await until_seen(lambda: unfinished(servers), [].__eq__, SETTLED_SECONDS)
    for service in SERVICES:
        await until(lambda s=service: servers.on_topic(dead_letters_of(s)), [].__eq__)  # type: ignore[misc]


def closed(servers: Servers) -> int:
    return statuses(servers, "workflow", "work_order_1")["closed"]


def statuses(servers: Servers, service: str, collection: str) -> Counter[str]:
    return Counter(document["s"]["status"] for document in servers.documents(collection, service))


def unfinished(servers: Servers) -> list[str]:
    """What waits to be decided or published, in any service."""
    parked = [f"{s} parked {one['reason']}" for s in SERVICES for one in servers.documents("parked", s)]
    marked = [one["_id"] for s in SERVICES for one in servers.documents("log", s) if "unpublished" in one]
    return parked + marked


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
    assert len({frozenset(life) for life in lives.values()}) == 1
    for service in SERVICES:
        check_versions(servers.documents("log", service))


def check_versions(documents: list[dict[str, Any]]) -> None:
    next_version: Counter[str] = Counter()
    for document in documents:
        aggregate = document["_id"].rpartition(":")[0]
        for decision in document["d"]:
            next_version[aggregate] += 1
            assert decision["v"] == next_version[aggregate], document["_id"]


def reconcile(servers: Servers) -> str:
    """`clean`, or what the command says instead."""
    environment = {
        "CLOSEDLOOP_KAFKA_BOOTSTRAP": servers.kafka,
        "CLOSEDLOOP_MONGO_URI": servers.mongo,
        "CLOSEDLOOP_TOPIC_PREFIX": servers.topic_prefix,
        "CLOSEDLOOP_DATABASE_PREFIX": servers.database_prefix,
        "CLOSEDLOOP_STATE_DIR": str(servers.state_dir),
    }
    done = subprocess.run(
        [sys.executable, "-m", "shared.cli", "reconcile"],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return "clean" if done.returncode == 0 else done.stdout + done.stderr
