"""A model that cannot fail proves nothing: without any one of these rules, some story ends badly."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from shared.kernel.ports import LogDocument
from shared.runtime.pipeline import Pipeline
from shared.testing.memory_topics import MemoryConsumer
from tests.properties.kernel.playing import faults_in
from tests.properties.kernel.processes import Parts, SignedLog

SEEDS = 2_000


class Unproven(SignedLog):
    """Reads the tail only after a collision: what appends nothing is taken as proven."""

    collided: frozenset[str] = frozenset()

    async def append(self, documents: Sequence[LogDocument[Any]]) -> set[str]:
        taken = await super().append(documents)
        self.collided = frozenset(taken)
        return taken

    async def tail(self, after: Mapping[str, int]) -> dict[str, list[LogDocument[Any]]]:
        collided, self.collided = self.collided, frozenset()
        return await super().tail({one: version for one, version in after.items() if one in collided})


class Hasty(MemoryConsumer):
    """Commits a batch before it is done."""

    async def _handle(self, raw: tuple[Any, ...]) -> None:
        await self._commit(raw)
        await super()._handle(raw)


class Ownerless(Pipeline):
    """Takes every repetition for a copy, also the redelivery that was to publish."""

    def _repeat(self, kind: Any, settled: Any, work: Any, cause: Any, found: Any, changed: Any) -> None:
        super()._repeat(kind, settled, work, cause, None, changed)


class Hurried(Pipeline):
    """Publishes what it repeats before anybody can read it."""

    async def _leave(self, settled: Any, finishing: Any) -> None:
        settled.repeats = False
        await super()._leave(settled, finishing)


@pytest.mark.usefixtures("stories")
@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        (Parts(log=Unproven), "was declined by a state of the past"),
        (Parts(consumer=Hasty), "I"),
        (Parts(pipeline=Ownerless), "is on no topic"),
        (Parts(pipeline=Hurried), "was repeated before it could be read"),
    ],
    ids=["no tail is read", "commits first", "nobody owns publication", "publishes before it projects"],
)
def test_a_missing_rule_is_noticed(parts: Parts, complaint: str) -> None:
    caught = next((seed for seed in range(SEEDS) if complaint in "".join(faults_in(seed, parts))), None)
    assert caught is not None
