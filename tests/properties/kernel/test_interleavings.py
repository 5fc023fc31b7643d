"""Many writers, stale projections and lost answers: each cause is decided exactly once, and histories never fork."""

import asyncio
import os

from shared.kernel.ports import Item, OutcomeUnknown
from shared.kernel.runner import Runner
from shared.testing.memory import MemoryLog, MemoryProjection, Weather
from tests.ballot import BALLOT, FACTS, a_vote

SEEDS = int(os.environ.get("CLOSEDLOOP_TEST_SEEDS", "2000"))
CAUSES = 12


async def writer(weather: Weather, log: MemoryLog, projection: MemoryProjection) -> None:
    """A process that gets all records, in batches of its own, and again after every lost answer."""
    runner = Runner(BALLOT, log, projection)
    left = [a_vote(str(n), f"bal_{n % 3}", votes=weather.dice.randrange(3)) for n in range(CAUSES)]
    while left:
        size = weather.dice.randrange(1, 5)
        batch, left = left[:size], left[size:]
        await until_known(weather, runner, projection, batch)


async def until_known(
    weather: Weather, runner: Runner[object], projection: MemoryProjection, batch: list[Item]
) -> None:
    while True:
        try:
            _, _, changed = await runner.run(batch, FACTS)
        except OutcomeUnknown:
            continue
        if weather.dice.random() < 0.6:  # else it died before it could project
            await projection.save(changed)
        return


async def one_history(seed: int) -> None:
    weather = Weather(seed, losses=0.05)
    log, projection = MemoryLog(weather), MemoryProjection(weather)
    await asyncio.gather(*(writer(weather, log, projection) for _ in range(3)))
    for number in range(3):
        decisions = [d for document in log.of(f"bal_{number}") for d in document.decisions]
        causes = [d.cause.id for d in decisions]
        assert [d.version for d in decisions] == list(range(1, len(decisions) + 1)), f"seed {seed}: {decisions}"
        assert len(causes) == len(set(causes)), f"seed {seed}: decided twice: {sorted(causes)}"
        sequence = 0
        for decision in decisions:
            assert decision.sequence == sequence, f"seed {seed}: {decisions}"
            sequence += len(decision.events)


async def test_no_seed_forks_a_history_or_decides_a_cause_twice() -> None:
    for seed in range(SEEDS):
        await one_history(seed)
