"""I9: what a service has yet to consume becomes less by itself, without a human."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping

from shared.reconcile.topics import Places, Topics
from shared.reconcile.verdict import Violation

LOOK_AGAIN = 0.5
PATIENCE = 30.0
"""Machine seconds without a single record consumed: longer than a batch, a rebalance or a restart takes."""

Standing = tuple[str, str, int]
"""Service, topic and partition."""


def waiting(places: Places, heard: Mapping[str, Iterable[str]]) -> Iterator[Standing]:
    """Where records wait at their service; `heard`: the topics that each service consumes."""
    for service, topics in heard.items():
        for (topic, partition), end in places.ends.items():
            if topic in topics and places.position(service, topic, partition) < end:
                yield service, topic, partition


async def standing(
    topics: Topics, first: Places, heard: Mapping[str, Iterable[str]], patience: float = PATIENCE
) -> set[Violation]:
    """Where nothing of what waited at `first` was consumed since; returns at once when everything moves."""
    still = set(waiting(first, heard))
    deadline = time.monotonic() + patience
    while still:
        now = await topics.places(heard)
        still = {each for each in still if now.position(*each) <= first.position(*each)}
        if not still or time.monotonic() > deadline:
            break
        await asyncio.sleep(LOOK_AGAIN)
    return {
        Violation("I9", f"{topic}/{partition}", f"{service} consumes nothing; it stands at {first.position(*each)}")
        for each in still
        for service, topic, partition in [each]
    }
