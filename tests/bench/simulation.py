"""What an order costs a simulation on one core: from the log's bytes, and from the story that is kept of it."""

import gc
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from itertools import cycle, islice
from random import Random
from typing import Any

import bson

from services.escalation.policy_files import read_folder
from services.escalation.rulebook import Published
from services.escalation.simulation_pages import Question, reckon, reckon_from_log
from services.escalation.simulation_stories import LOGS, PAGE
from services.escalation.simulation_story import NEEDED
from services.escalation.simulation_tally import Tally
from services.escalation.tried_rules import ALWAYS
from tests.unit.escalation.random_stories import log_of
from tests.unit.escalation.story import POLICIES, Story, instant, rules_of

TEMPLATES = 60
ID = b"clk_0123456789abcdef0123456789abcdef"
STEPS: Mapping[str, tuple[int, int]] = {
    "acknowledged": (60, 7_200),
    "dispatched": (60, 3_600),
    "accepted": (300, 9_000),
    "responded": (600, 90_000),
    "submitted": (3_600, 180_000),
    "approved": (600, 40_000),
    "communicated": (1, 60),
    "called_back": (600, 90_000),
    "closed": (1, 2),
}
SUSPENDED, REJECTED, PRIORITISED = 0.15, 0.1, 0.05
"""Shares of the orders that are suspended once, whose review rejects once, whose priority changes."""


@dataclass(frozen=True, slots=True)
class Measured:
    """CPU time of the process that reckons; that of the server is not in it. Bytes and documents are of one order.

    `first_us`: from the bytes of the log; `again_us`: from the stories that were kept then.
    """

    orders: int
    first_us: float
    again_us: float
    story_bytes: int
    log_bytes: int
    log_documents: float

    def told(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "minutes_per_million_orders": round(self.first_us / 60, 2),
            "minutes_per_million_orders_again": round(self.again_us / 60, 2),
        }


def measure(orders: int) -> Measured:
    """Replays `orders` under a draft that halves what the default policy gives most clocks."""
    question, logs = _question(), [_as_sent(_a_life(Random(number))) for number in range(TEMPLATES)]
    first, again, taking, repeating, size = Tally(), Tally(), 0.0, 0.0, 0
    gc.collect()
    gc.disable()  # as where a service reckons
    try:
        for page in _pages(logs, orders):
            began = time.process_time()
            found = [reckon_from_log(page[start : start + LOGS], question) for start in range(0, len(page), LOGS)]
            for tally, _ in found:
                first.add(Tally.restored(tally))
            between = time.process_time()
            stories = [one.story for _, kept in found for one in kept]
            again.add(Tally.restored(reckon(stories, question)))
            taking, repeating = taking + between - began, repeating + time.process_time() - between
            size += sum(map(len, stories))
    finally:
        gc.enable()
    if first.orders[("replayed",)] != orders or first.result() != again.result():
        raise RuntimeError(f"{orders} orders were told, {first.orders} replayed, {again.orders} from what was kept")
    return Measured(
        orders,
        round(taking / orders * 1e6, 1),
        round(repeating / orders * 1e6, 1),
        size // orders,
        sum(len(raw) for log in logs for raw in log) // len(logs),
        round(sum(map(len, logs)) / len(logs), 1),
    )


def _question() -> Question:
    shipped = [Published(one.id, one.text, one.content.effective_from) for one in read_folder(POLICIES)]
    tried = [replace_text(one) if one.id.startswith("policy/default") else one for one in shipped]
    now = int(instant("2026-11-01T00:00:00Z").timestamp())
    return Question(tuple(tried), tuple(shipped), 0, 2**40, now)


def replace_text(policy: Published) -> Published:
    return policy._replace(text=policy.text.replace('"48h"', '"24h"'), effective_at=ALWAYS)


def _a_life(random: Random) -> Sequence[bytes]:
    """A whole loop, with timers that fire in time."""
    received = instant("2026-03-02T01:00:00Z") + timedelta(seconds=random.randint(0, 90 * 86_400))
    story = Story(rules=rules_of(*(one.text for one in read_folder(POLICIES))))
    story.order, story.now = replace(story.order, received_at=received), received + timedelta(seconds=2)
    story.created(story.now.isoformat())
    for action, (least, most) in STEPS.items():
        if action == "submitted" and random.random() < SUSPENDED:
            _then(story, "suspended", 600)
            _then(story, "resumed", random.randint(3_600, 100_000))
        if action == "submitted" and random.random() < PRIORITISED:
            _then(story, "prioritised", 600)
        if action == "approved" and random.random() < REJECTED:
            _then(story, "rejected", random.randint(600, 30_000))
            _then(story, "submitted", random.randint(600, 30_000))
        _then(story, action, random.randint(least, most))
    return log_of(story)


def _then(story: Story, action: str, seconds: int) -> None:
    at = (story.now + timedelta(seconds=seconds)).isoformat()
    story.timers_until(at)
    getattr(story, action)(at)


def _as_sent(log: Sequence[bytes]) -> Sequence[bytes]:
    """With the fields alone that the server sends, all of which are of the decisions."""
    names = [name.removeprefix("d.") for name in NEEDED]
    sent = []
    for raw in log:
        document = bson.decode(raw)
        decisions = [{name: one[name] for name in names if name in one} for one in document["d"]]
        sent.append(bson.encode({"_id": document["_id"], "d": decisions}))
    return sent


def _pages(logs: Sequence[Sequence[bytes]], orders: int) -> Iterator[list[bytes]]:
    """As many orders as a slice of the job has, each with its log."""
    page: list[bytes] = []
    for number, log in enumerate(islice(cycle(logs), orders)):
        page.append(b"".join(log).replace(ID, b"clk_%032x" % number))
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page
