"""Any clock of any story is explained to the second, as its own arithmetic, which knows no spans, has it too."""

from __future__ import annotations

import os
from datetime import timedelta
from itertools import pairwise
from random import Random
from xml.etree import ElementTree

from services.escalation.explain import explained
from services.escalation.explain_parts import Explanation
from services.escalation.explain_svg import bar
from services.escalation.explain_text import lines
from tests.unit.escalation.story import POLICIES, Story, an_order, instant, rules_of

STORIES = int(os.environ.get("CLOSEDLOOP_EXPLAINED_STORIES", "120"))
START = instant("2025-01-24T16:00:00+08:00")
POLICY = """
kind: policy
id: {id}
version: 1
effective_from: "2025-01-01T00:00:00+08:00"
rank: {rank}
match: {match}
calendar: default
pauses: {{waiting_complainant: {{clocks: [resolve], max: 720h, times: 9}}}}
legal_reasons: [parts_on_order]
ladders:
  standard:
    - {{ key: "50%", at_percent: 50, audience: [handler] }}
    - {{ key: early, offset_seconds: -3600, offset_unit: business, audience: [leader] }}
    - {{ key: "100%", at_percent: 100, audience: [leader] }}
clocks:
  resolve: {{ budget: {budget}, unit: {unit}, ladder: standard, retarget: {mode}, cycle_mode: continue }}
"""
CATCH_ALL = """  dispatch: { budget: 30m, unit: business, ladder: standard }
  statutory: { budget: 7d, unit: work_days, ladder: standard }
  review: { budget: 8h, unit: business }
"""
PRIORITIES = (
    ("P1", "3h", "business", "min"),
    ("P2", "2d", "work_days", "keep_elapsed"),
    ("P3", "9d", "natural_days", "restart"),
    ("P4", "20h", "natural", "keep_deadline"),
)
RULES = rules_of(
    (POLICIES / "calendar-default.yaml").read_text(),
    POLICY.format(id="all", rank=0, match="{}", budget="26h", unit="business", mode="keep_elapsed") + CATCH_ALL,
    *(
        POLICY.format(
            id=name.lower(), rank=1, match=f"{{priority: {name}, category: billing}}", budget=b, unit=u, mode=m
        )
        for name, b, u, m in PRIORITIES
    ),
)
CATEGORIES = ("billing/fee", "network/slow")
ACTIONS = ("dispatched", "accepted", "suspended", "resumed", "submitted", "rejected", "approved", "redispatched")


def test_every_clock_of_any_story_is_explained_to_the_second() -> None:
    seed = int(os.environ.get("CLOSEDLOOP_ORACLE_SEED", "2025"))
    seen: set[str] = set()
    for number in range(seed, seed + STORIES):
        story = a_story(Random(number))
        for clock in story.state.clocks:
            explanation = explained(clock, story.rules, story.decisions, story.now)
            seen |= {
                explanation.state,
                explanation.unit,
                explanation.budget_from,
                *(r.mode for r in explanation.retargets),
            }
            is_exact(explanation, number)
            is_shown(explanation)
    assert seen >= {"running", "paused", "stopped"}
    assert seen >= {"business", "natural", "natural_days", "work_days"}
    assert seen >= {"rule", "days", "retarget"}
    assert seen >= {"keep_elapsed", "restart", "keep_deadline"}


def a_story(random: Random) -> Story:
    order = an_order(category=random.choice(CATEGORIES), priority=random.choice(PRIORITIES)[0], received_at=START)
    story = Story(order=order, rules=RULES, now=START).created()
    for _ in range(random.randint(0, 14)):
        later = story.now + timedelta(seconds=random.choice((0, 60, random.randrange(3 * 86_400), 40_000)))
        if random.random() < 0.7:
            story.timers_until(later.isoformat())
        act(story, random, max(later, story.now).isoformat())
    story.now += timedelta(seconds=random.randrange(10 * 86_400))
    return story


def act(story: Story, random: Random, at: str) -> None:
    chosen = random.choice((*ACTIONS, "suspended", "resumed", "prioritised", "reclassified", "extension_decided"))
    match chosen:
        case "prioritised":
            story.prioritised(at, random.choice(PRIORITIES)[0])
        case "reclassified":
            story.reclassified(at, random.choice(CATEGORIES))
        case "extension_decided":
            story.extension_decided(at, (story.now + timedelta(days=random.randrange(9))).isoformat())
        case _:
            getattr(story, chosen)(at)


def is_exact(explanation: Explanation, seed: int) -> None:
    told = (seed, explanation.clock_id, explanation)
    assert explanation.sum_is_exact, told
    spans = [span.seconds for stretch in explanation.intervals for span in stretch.spans]
    assert sum(spans) == explanation.elapsed_seconds == sum(i.seconds or 0 for i in explanation.intervals), told
    for before, after in pairwise(explanation.intervals):
        assert before.until == after.since, told
        assert after.total_seconds == (before.total_seconds or 0) + (after.seconds or 0), told
    for stretch in explanation.intervals:
        assert all(a.until == b.since for a, b in pairwise(stretch.spans)), told
    derivation = explanation.derivation
    if derivation is not None:
        assert derivation.due_at == explanation.due_at, told
        assert sum(span.seconds for span in derivation.spans) == derivation.remaining_seconds, told
        assert derivation.used_seconds + derivation.remaining_seconds == explanation.budget_seconds, told
    assert [one.reason for one in explanation.considered].count("matched") == 1, told


def is_shown(explanation: Explanation) -> None:
    for language in ("zh", "en"):
        assert len(lines(explanation, language)) > 5
        ElementTree.fromstring(bar(explanation, language))
