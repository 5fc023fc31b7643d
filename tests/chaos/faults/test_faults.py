"""Real servers and services fail in one way after the other; whatever it was, all comes right without a person."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.local.stack import LocalStack
from tests.chaos.faults.case import Fault
from tests.chaos.faults.play import play
from tests.chaos.faults.registry import chosen, remember
from tests.chaos.faults.stages import Scene, Stage, scene_on, servers_for


class Stages:
    """One stage at a time: a fault on the same stage as the one before finds the same installation."""

    def __init__(self, shared: LocalStack, folder: Path) -> None:
        self._shared, self._folder = shared, folder
        self._opened = ExitStack()
        self._now: tuple[Stage, Scene] | None = None
        self._number = 0

    def scene(self, stage: Stage) -> Scene:
        if self._now is None or self._now[0] != stage:
            self.close()
            self._number += 1
            folder = self._folder / f"stage-{self._number}"
            folder.mkdir()
            stack = self._opened.enter_context(servers_for(stage, self._shared, folder))
            self._now = stage, self._opened.enter_context(scene_on(stage, stack, folder / "services"))
        return self._now[1]

    def close(self) -> None:
        self._now = None
        self._opened.close()


@pytest.fixture(scope="module")
def stages(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    found = Stages(stack, tmp_path_factory.mktemp("faults"))
    try:
        yield found
    finally:
        found.close()


@pytest.mark.parametrize("fault", chosen(), ids=lambda fault: fault.id)
def test_a_fault_leaves_nothing_lost_and_nothing_twice(fault: Fault, stages: Stages) -> None:
    try:
        words = asyncio.run(play(fault, stages.scene(fault.stage)))
    except BaseException:
        stages.close()  # what is left of this installation would be held against the next fault
        raise
    print(f"{fault.id}: {words}")
    if os.environ.get("CLOSEDLOOP_FAULTS_RECORD"):
        remember(fault, words, datetime.now(UTC).date().isoformat())
