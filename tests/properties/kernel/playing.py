"""Plays the story of a seed, and tells it step by step if it ended badly."""

import gc
import traceback
from collections.abc import Callable

from tests.properties.kernel.checks import faults_of
from tests.properties.kernel.processes import Parts
from tests.properties.kernel.town import Town

STORIES_PER_CLEANING = 200


def faults_in(seed: int, parts: Parts | None = None, tell: Callable[[str], None] | None = None) -> list[str]:
    """What is wrong at the end of the story; empty when all is well."""
    if seed % STORIES_PER_CLEANING == 0:
        gc.collect()
    town = Town(seed, parts, tell)
    with town.world.loop.running():
        try:
            town.live()
            return faults_of(town)
        except Exception as error:  # noqa: BLE001 - is a fault of this seed, whose story has to be told
            return [f"{type(error).__name__}: {error}", *traceback.format_tb(error.__traceback__)]


def told(seed: int) -> str:
    """The whole story of a seed, and how to see it again."""
    lines: list[str] = []
    faults = faults_in(seed, tell=lines.append)
    return "\n".join([f"seed {seed}", *lines, *faults, f"again: CLOSEDLOOP_TEST_SEED={seed}"])
