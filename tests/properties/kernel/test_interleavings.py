"""The runtime on a loop that chance schedules: whatever happens when, nothing is lost and nothing done twice.

CLOSEDLOOP_TEST_SEEDS: how many stories are played; CLOSEDLOOP_TEST_SEED: the one to tell.
"""

import os
from collections.abc import Coroutine
from typing import Any

import pytest

from shared.kernel.ports import Item, OutcomeUnknown
from shared.kernel.runner import Runner
from shared.testing.memory import LogStore, MemoryLog, MemoryProjection, ProjectionStore
from shared.testing.world import Host, World
from tests.ballot import BALLOT, FACTS, a_vote
from tests.properties.kernel.playing import faults_in, told

SEEDS = int(os.environ.get("CLOSEDLOOP_TEST_SEEDS", "10000"))
ONE = os.environ.get("CLOSEDLOOP_TEST_SEED")
RIVALRIES = SEEDS // 20
CAUSES = 12


@pytest.mark.usefixtures("stories")
def test_no_story_loses_or_doubles_anything() -> None:
    """Two processes of each of two services, with crashes, sleepers, rebalances, lost and late answers."""
    for seed in [int(ONE)] if ONE else range(SEEDS):
        if ONE or faults_in(seed):
            story = told(seed)
            print(story)
            assert not faults_in(seed), story


@pytest.mark.usefixtures("stories")
@pytest.mark.parametrize("seed", [3, 7, 66])
def test_a_story_is_always_the_same(seed: int) -> None:
    first, second = told(seed), told(seed)
    assert first == second
    assert first.count("\n") > 30


class Rivals:
    """Processes that all get all records, in batches of their own, and again after every lost answer."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed, losses=0.05)
        self.log, self.projection = LogStore(), ProjectionStore()

    def start(self, name: str) -> None:
        host = Host(name)
        self.world.start(host, self._decide_all(host))

    def _decide_all(self, host: Host) -> Coroutine[Any, Any, None]:
        wire, dice = self.world.wire(host), self.world.dice
        projection = MemoryProjection(self.projection, wire)
        runner = Runner(BALLOT, MemoryLog(self.log, wire), projection)
        left = [a_vote(str(n), f"bal_{n % 3}", votes=dice.randrange(3)) for n in range(CAUSES)]

        async def decide_all() -> None:
            while left:
                size = dice.randrange(1, 5)
                batch, left[:size] = left[:size], []
                await self._until_known(runner, projection, batch)

        return decide_all()

    async def _until_known(self, runner: Runner[Any], projection: MemoryProjection, batch: list[Item]) -> None:
        while True:
            try:
                _, _, changed = await runner.run(batch, FACTS)
                if self.world.happens(0.6):  # else it died before it could project
                    await projection.save(changed)
            except OutcomeUnknown:
                continue
            return


def test_no_rivalry_forks_a_history_or_decides_a_cause_twice() -> None:
    for seed in range(RIVALRIES):
        rivals = Rivals(seed)
        with rivals.world.loop.running():
            for name in "abc":
                rivals.start(name)
            assert rivals.world.run(), f"seed {seed} never ends"
        for ballot in rivals.log.documents:
            decisions = [one for document in rivals.log.of(ballot) for one in document.decisions]
            causes = [one.cause.id for one in decisions]
            assert [one.version for one in decisions] == list(range(1, len(decisions) + 1)), (
                f"seed {seed}: {decisions}"
            )
            assert len(causes) == len(set(causes)), f"seed {seed}: decided twice: {sorted(causes)}"
            sequence = 0
            for one in decisions:
                assert one.sequence == sequence, f"seed {seed}: {decisions}"
                sequence += len(one.events)
