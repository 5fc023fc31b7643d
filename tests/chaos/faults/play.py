"""Plays one fault: complaints under way, the fault, its healing, and the proof that all came right by itself."""

import asyncio
import time
from collections import Counter
from uuid import uuid4

from tests.bench.driver import Task, drive
from tests.chaos.faults.case import Fault
from tests.chaos.faults.judge import closed_complaints, right, settled
from tests.chaos.faults.stages import Scene
from tests.chaos.patient import Patient
from tests.integration.mechanism.servers import until_seen

UNDER_WAY = 4  # complaints of the load that are closed before the fault comes
PATIENCE = 180.0  # seconds that the load may go without any closing


async def play(fault: Fault, scene: Scene) -> str:
    """What was seen, in words. Fails when anything was lost, done twice, or needs a person."""
    before = Counter(scene.keeper.restarts)
    closed, scene.closed = scene.closed, scene.closed + fault.complaints + fault.callers
    scene.letters = dict(Counter(scene.letters) + Counter(fault.letters))
    remark = await fault.inject(scene) if fault.before_load else ""
    load = asyncio.create_task(loaded(fault, scene))
    try:
        if not fault.before_load:
            await until_seen(
                lambda: (closed_complaints(scene), load.done()),
                lambda seen: seen[0] >= closed + UNDER_WAY or seen[1],
                PATIENCE,
            )
            assert not load.done(), f"the load is over before the fault could come: {load}"
            remark = await fault.inject(scene)
        healed = time.monotonic()
        await load
    finally:
        load.cancel()
    await settled(scene)
    seconds = time.monotonic() - healed
    await right(scene)
    restarts = scene.keeper.restarts - before
    assert sum(restarts.values()) <= fault.restarts, restarts
    return _words(fault, seconds, remark, restarts)


async def loaded(fault: Fault, scene: Scene) -> None:
    """Everything closed, as far as people can see it."""
    run = f"{fault.id}-{uuid4().hex[:6]}"
    servers = scene.servers
    async with Patient(scene.urls, servers.state_dir) as patient, asyncio.TaskGroup() as all_of_them:
        if fault.complaints:
            task = Task(servers.kafka, servers.topic_prefix, run, fault.complaints, 0, fault.rate, PATIENCE)
            all_of_them.create_task(drive(task))
        for number in range(fault.callers):
            all_of_them.create_task(patient.live(f"{run}-http-{number}"))


def _words(fault: Fault, seconds: float, remark: str, restarts: Counter[str]) -> str:
    total = fault.complaints + fault.callers
    parts = [
        remark,
        f"{total} of {total} closed and lag 0 {seconds:.0f} s after healing",
        "reconcile clean",
        f"restarted: {', '.join(f'{name} {times}×' for name, times in restarts.items())}" if restarts else "",
    ]
    return "; ".join(part for part in parts if part)
