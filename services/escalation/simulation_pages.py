"""A page of the stored log through a simulation: bytes in, a tally out. Runs in a process beside the service."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any

import bson

from services.escalation.rulebook import Published, rulebook_of
from services.escalation.simulation_replay import Replayer
from services.escalation.simulation_story import Story, seconds, story_of
from services.escalation.simulation_tally import Tally

Documents = tuple[Published, ...]
OUT_OF_RANGE = "out_of_range"
"""Received outside the range, or filtered out: not told among what was left out, for nobody asked about them."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which rules are tried, on which orders. `since` ≤ received < `until`, and `now`, in epoch seconds.

    `region` and `category` include what is below them.
    """

    rules: Documents
    under: Documents
    since: int
    until: int
    now: int
    region: str | None = None
    team: str | None = None
    category: str | None = None

    def is_about(self, story: Story) -> bool:
        first, last = story.orders[0], story.orders[-1]
        received = seconds(first.traits.received_at.replace(tzinfo=None))
        return (
            self.since <= received < self.until
            and _within(last.region, self.region)
            and _within(last.traits.category, self.category)
            and self.team in (None, last.team)
        )


def _within(path: str, wanted: str | None) -> bool:
    return wanted is None or path == wanted or path.startswith(f"{wanted}/")


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What a page came to; `after` is the last aggregate that it held whole."""

    tally: Mapping[str, Any]
    orders: int
    after: str | None


def reckon(batches: Sequence[bytes], question: Question, last: bool) -> Reckoned:
    """The documents of a page in the order of their ids; unless it is the `last`, its last aggregate may go on."""
    groups = [(name, list(documents)) for name, documents in groupby(_documents(batches), _aggregate)]
    whole = groups if last else groups[:-1]
    replayer, tally = _replayer(question), Tally()
    for _, documents in whole:
        story = story_of(documents)
        if not story.whole:
            tally.leave_out("incomplete_history")
        elif question.is_about(story):
            tally.take(story, replayer.replay(story), question.now)
    return Reckoned(tally.stored(), len(whole), whole[-1][0] if whole else None)


def _documents(batches: Sequence[bytes]) -> Iterator[Mapping[str, Any]]:
    for batch in batches:
        yield from bson.decode_all(batch)


def _aggregate(document: Mapping[str, Any]) -> str:
    return str(document["_id"]).rpartition(":")[0]


@lru_cache(maxsize=2)
def _replayer(question: Question) -> Replayer:
    """Kept from page to page, with all that it has matched and laid out."""
    return Replayer(rulebook_of(question.rules), rulebook_of(question.under), question.now)
