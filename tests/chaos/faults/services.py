"""What can happen to our own processes."""

import asyncio
import signal
from datetime import UTC, datetime, timedelta

import httpx

from deploy.local.process import wait_until
from shared.cli.installation import SERVICES
from shared.runtime.devkeys import sign
from tests.bench.installation import IN_FORCE_AFTER
from tests.chaos.faults.case import Fault
from tests.chaos.faults.stages import Scene

SHORT_ZOMBIE_SECONDS, ZOMBIE_SECONDS = 12.0, 60.0  # a group gives a silent member's partitions away after 10 s
AWAKE_SECONDS = 2.0
BOTH_SECONDS = 4.0
AN_HOUR = timedelta(hours=1)
RESTART_SECONDS = 30.0


async def all_killed(scene: Scene) -> str:
    begun = dict(scene.keeper.restarts)
    for name in SERVICES:
        scene.keeper.process(name).kill()

    def restarted() -> bool:
        return all(scene.keeper.restarts[name] > begun.get(name, 0) for name in SERVICES)

    assert await asyncio.to_thread(wait_until, restarted, RESTART_SECONDS)
    return ""


async def stopped(scene: Scene, seconds: float) -> str:
    """A process of two sleeps with work in its hands, and wakes up when that has long been somebody else's."""
    await asyncio.to_thread(scene.keeper.start_copy, "workflow")
    zombie = scene.keeper.process("workflow")
    zombie.send_signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        zombie.send_signal(signal.SIGCONT)
    await asyncio.sleep(AWAKE_SECONDS)
    await asyncio.to_thread(scene.keeper.end_copy, "workflow", politely=True)
    return ""


async def stopped_shortly(scene: Scene) -> str:
    return await stopped(scene, SHORT_ZOMBIE_SECONDS)


async def stopped_for_long(scene: Scene) -> str:
    return await stopped(scene, ZOMBIE_SECONDS)


async def copies(scene: Scene) -> str:
    """Each service twice for a while; the second ones end without a word."""
    for name in SERVICES:
        await asyncio.to_thread(scene.keeper.start_copy, name)
    await asyncio.sleep(BOTH_SECONDS)
    for name in SERVICES:
        await asyncio.to_thread(scene.keeper.end_copy, name)
    return ""


async def an_hour_ahead(scene: Scene) -> str:
    """One of two processes of a service lives an hour ahead for a while."""
    url = await asyncio.to_thread(scene.keeper.start_copy, "workflow")
    ahead = datetime.now(UTC) + timedelta(seconds=IN_FORCE_AFTER) + AN_HOUR
    token = sign(scene.servers.state_dir, "chaos", ("admin",), ("*",), ("*",), 600)
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, trust_env=False) as http:
        moved = await http.post(f"{url}/test/clock", json={"set": ahead.isoformat()})
        assert moved.status_code == 200, moved.text
    await asyncio.sleep(BOTH_SECONDS)
    await asyncio.to_thread(scene.keeper.end_copy, "workflow")
    return ""


FAULTS = (
    Fault(
        id="services-all-killed",
        what="all four services are killed at once (-9)",
        how="SIGKILL to each; the supervisor starts them again",
        expected="all closed, nothing twice",
        inject=all_killed,
        restarts=len(SERVICES),
    ),
    Fault(
        id="services-zombie-short",
        what="one of two workflow processes sleeps for 12 s",
        how="SIGSTOP, SIGCONT; its partitions went to the other one meanwhile",
        expected="what the sleeper still appends collides and is decided again",
        inject=stopped_shortly,
        complaints=54,
        rate=4.0,
        callers=0,
        short=True,
    ),
    Fault(
        id="services-zombie",
        what="one of two workflow processes sleeps for 60 s",
        how="SIGSTOP, SIGCONT; its partitions went to the other one meanwhile",
        expected="what the sleeper still appends collides and is decided again",
        inject=stopped_for_long,
        complaints=150,
        rate=2.0,
        callers=0,
    ),
    Fault(
        id="services-two-copies",
        what="two processes of every service",
        how="second processes join, and are killed 4 s after the last",
        expected="they share the partitions; nothing twice",
        inject=copies,
        complaints=120,
        rate=4.0,
    ),
    Fault(
        id="services-clock",
        what="the clock of one of two workflow processes is an hour ahead for 4 s",
        how="/test/clock of that process alone",
        expected="times within an order never run backwards; all closed",
        inject=an_hour_ahead,
        complaints=70,
        rate=4.0,
        callers=0,
    ),
)
