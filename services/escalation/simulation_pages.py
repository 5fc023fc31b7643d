"""The heavy parts of a simulation, as functions of bytes: they run in a process beside the service."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

import bson

from services.escalation.rulebook import Published, rulebook_of
from services.escalation.simulation_replay import Replayer
from services.escalation.simulation_story import Story, packed, story_of, unpacked
from services.escalation.simulation_tally import Tally

Documents = tuple[Published, ...]


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
        return (
            self.since <= first.received < self.until
            and _within(last.region, self.region)
            and _within(story.terms[last.terms].category, self.category)
            and self.team in (None, last.team)
        )


class Packed(NamedTuple):
    """A story as it is kept: of which clock set, at which of its versions."""

    id: str
    version: int
    story: bytes


def reckon(stories: Sequence[bytes], question: Question) -> Mapping[str, Any]:
    """The tally of what the rules make of the stories."""
    reckoning = _Reckoning(question)
    for raw in stories:
        reckoning.take(unpacked(raw))
    return reckoning.tally.stored()


def reckon_from_log(batches: Sequence[bytes], question: Question) -> tuple[Mapping[str, Any], list[Packed]]:
    """The same from documents of the log, which hold each order whole; and its stories, to be kept."""
    reckoning, kept = _Reckoning(question), []
    for story in _stories(batches):
        reckoning.take(story)
        kept.append(_packed(story))
    return reckoning.tally.stored(), kept


def taken(batches: Sequence[bytes]) -> list[Packed]:
    """The stories alone."""
    return [_packed(story) for story in _stories(batches)]


def _packed(story: Story) -> Packed:
    return Packed(story.id, story.version, packed(story))


def _stories(batches: Sequence[bytes]) -> Iterator[Story]:
    for _, documents in groupby(_documents(batches), lambda document: document["_id"].rpartition(":")[0]):
        yield story_of(documents)


class _Reckoning:
    def __init__(self, question: Question) -> None:
        self.question, self.replayer, self.tally = question, _replayer(question), Tally()

    def take(self, story: Story) -> None:
        if not story.whole:
            self.tally.leave_out("incomplete_history")
        elif self.question.is_about(story):
            self.tally.take(story, self.replayer.replay(story), self.question.now)


def _documents(batches: Sequence[bytes]) -> Iterator[Mapping[str, Any]]:
    for batch in batches:
        yield from bson.decode_all(batch)


@lru_cache(maxsize=2)
def _replayer(question: Question) -> Replayer:
    """Kept from page to page, with all that it has matched and laid out."""
    return Replayer(rulebook_of(question.rules), rulebook_of(question.under), question.now)


def _within(path: str, wanted: str | None) -> bool:
    return wanted is None or path == wanted or path.startswith(f"{wanted}/")
