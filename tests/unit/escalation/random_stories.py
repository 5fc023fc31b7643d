"""Random stories of orders under rules that differ by priority and category, with everything that can happen."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import bson

from services.escalation.domain import CLOCK_SETS
from services.escalation.domain.commands import Migrate
from services.escalation.domain.policies import Rulebook
from services.escalation.policy_files import read_folder
from shared.kernel.ports import LogDocument
from shared.persistence.driver import Database
from shared.persistence.event_log import MongoLog
from tests.unit.escalation.story import MONDAY, POLICIES, Story, an_order, instant, rules_of

URGENT = """
kind: policy
id: urgent
version: 1
effective_from: "2025-01-01T00:00:00+08:00"
rank: 10
match: {priority: [P1, P2]}
calendar: default
ladders:
  steep:
    - { key: "30%", at_percent: 30, audience: [handler] }
    - { key: "75%", at_percent: 75, audience: [leader], repeat: { every: 2h, unit: natural, times: 3 } }
    - { key: "late", offset_seconds: 3600, offset_unit: business, audience: [company] }
clocks:
  accept: { budget: 30m, unit: natural, ladder: steep, retarget: restart }
  first_response: { budget: 2h, unit: business, ladder: steep, retarget: min }
  resolve:
    { budget: 8h, unit: business, ladder: steep, counts_review: true, cycle_mode: continue, reopen_mode: continue }
  next_update: { budget: 1d, unit: work_days, ladder: steep, retarget: keep_deadline }
  review: { budget: 4h, unit: business, ladder: steep }
pauses:
  waiting_complainant: { clocks: [resolve], times: 1 }
  site_access: { clocks: [resolve, cooperation], max: 24h }
"""
BILLING = """
kind: policy
id: billing
version: 1
effective_from: "2025-01-01T00:00:00+08:00"
rank: 5
match: {category: [billing]}
calendar: default
ladders:
  gentle:
    - { key: "90%", at_percent: 90, audience: [handler, leader] }
clocks:
  resolve: { budget: 3d, unit: natural_days, ladder: gentle, retarget: restart }
  callback: { budget: 2h, unit: business, ladder: gentle }
"""
ACTIONS = (
    *("acknowledged", "dispatched", "accepted", "recalled", "transferred", "responded", "reported", "returned"),
    *("submitted", "submitted", "approved", "rejected", "communicated", "called_back", "redispatched", "attempted"),
    *("suspended", "suspended", "resumed", "resumed", "prioritised", "reclassified", "extension_decided"),
    *("supervised", "supervision_answered", "consulted", "suborder_answered", "reopened", "migrated"),
)
REASONS = ("waiting_complainant", "site_access", "complainant_unreachable", "unknown_reason")


@cache
def rules() -> Rulebook:
    return rules_of(*(written.text for written in read_folder(POLICIES)), URGENT, BILLING)


def a_story(random: Random, under: Rulebook | None = None, late: bool = True) -> Story:
    """`late`: some of it is heard of later than it happened."""
    priority, category = random.choice(("P1", "P3", "P3")), random.choice(("network/slow", "billing/fee"))
    story = Story(order=an_order(priority=priority, category=category), rules=under or rules())
    happened = instant(MONDAY) + timedelta(seconds=random.randint(0, 200 * 86_400))
    story.order = an_order(priority=priority, category=category, received_at=happened)
    story.now = happened + timedelta(seconds=random.choice((0, 0, 5, 90_000) if late else (0,)))
    story.created(story.now.isoformat())
    for _ in range(random.randint(3, 22)):
        happened = max(happened, story.now if not late else happened)
        happened += timedelta(seconds=random.choice((random.randint(0, 600), random.randint(0, 90_000))))
        heard = happened + timedelta(seconds=random.choice((0, 0, 0, 3600) if late else (0,)))
        _let_happen(story, random, happened, max(heard, story.now))
    if random.random() < 0.6:
        end = story.now + timedelta(minutes=1)
        story.timers_until(end.isoformat())
        getattr(story, random.choice(("closed", "closed", "cancelled")))(end.isoformat())
    return story


def _let_happen(story: Story, random: Random, happened: datetime, heard: datetime) -> None:
    story.timers_until(heard.isoformat())
    action, at = random.choice(ACTIONS), happened.isoformat()
    day = (happened + timedelta(seconds=random.randint(60, 400_000))).isoformat()
    possible: dict[str, dict[str, Any]] = {
        "suspended": {"reason": random.choice(REASONS)},
        "prioritised": {"priority": random.choice(("P1", "P3"))},
        "reclassified": {"category": random.choice(("network/slow", "billing/fee"))},
        "extension_decided": {"until": day},
        "supervised": {"number": random.randint(1, 3), "due_at": day},
        "consulted": {"name": random.choice("ab"), "due_at": random.choice((None, day))},
        "suborder_answered": {"name": random.choice("ab")},
    }
    given = possible.get(action, {})
    if action == "migrated":
        story.ask(Migrate(migration="m"))
    else:
        getattr(story, action)(at, **given)


def log_of(story: Story, name: str = "clk_0123456789abcdef0123456789abcdef") -> Sequence[bytes]:
    """The story's log as it is stored: a document for each decision."""
    nowhere = SimpleNamespace(collection=lambda _: None)  # only encoded, never written
    log = MongoLog(CLOCK_SETS, cast(Database, nowhere))
    prepared = (log.prepare(LogDocument(name, (decision,))) for decision in story.decisions)
    return [document.prepared for document in prepared if document is not None]


def decoded(log: Sequence[bytes]) -> Sequence[Mapping[str, Any]]:
    """As a simulation reads it: with times that do not say that they are UTC."""
    return [bson.decode(raw) for raw in log]
