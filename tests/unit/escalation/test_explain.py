"""What an explanation holds: intervals, the policy and those that it was not, targets, and how the due follows."""

from dataclasses import replace
from typing import Any

import pytest

from services.escalation.explain import explained
from services.escalation.explain_parts import Considered, Explanation
from services.escalation.explain_text import lines
from shared.events.parts import VersionedRef
from tests.unit.escalation.spring_festival import the_explanation, written
from tests.unit.escalation.story import POLICIES, Story, an_order, instant, rules_of

CALENDAR = (POLICIES / "calendar-default.yaml").read_text()
FRIDAY = "2025-01-24T17:00:00+08:00"


def a_story(*policies: str, at: str = FRIDAY, calendar: str = CALENDAR, **order: Any) -> Story:
    rules = rules_of(calendar, *policies)
    return Story(order=an_order(received_at=instant(at), **order), rules=rules, now=instant(at)).created()


def told(story: Story, at: str | None = None, kind: str = "resolve") -> Explanation:
    now = story.now if at is None else instant(at)
    return explained(story.clock(kind), story.rules, story.decisions, now)


def seconds(explanation: Explanation) -> list[tuple[str, int | None]]:
    return [(stretch.kind, stretch.seconds) for stretch in explanation.intervals]


def test_the_spring_festival_is_explained_span_by_span() -> None:
    it = the_explanation()
    assert (it.elapsed_seconds, it.due_at) == (33 * 3600, instant("2025-02-10T11:00:00+08:00"))
    assert it.sum_is_exact
    assert seconds(it) == [("running", 18 * 3600), ("paused", 0), ("running", 15 * 3600)]
    first, pause, _ = it.intervals
    worked = [(span.first_date, span.layer, span.seconds) for span in first.spans if span.kind == "working"]
    assert worked == [
        ("2025-01-24", "weekly", 3600),
        ("2025-01-26", "makeup_workday", 10_800),
        ("2025-01-26", "makeup_workday", 18_000),
        ("2025-01-27", "weekly", 10_800),
        ("2025-01-27", "weekly", 18_000),
        ("2025-02-05", "weekly", 3600),
    ]
    (week,) = [span for span in first.spans if span.layer == "holiday"]
    assert (week.first_date, week.last_date, week.seconds) == ("2025-01-28", "2025-02-04", 0)
    assert first.began is not None
    assert first.began.event == "workorder.created"
    assert pause.began is not None
    assert (pause.began.event, pause.began.reason) == ("workorder.suspended", "waiting_complainant")
    assert pause.ended is not None
    assert pause.ended.event == "workorder.resumed"
    assert it.derivation is not None
    assert (it.derivation.used_seconds, it.derivation.remaining_seconds) == (18 * 3600, 22 * 3600)


def test_the_worked_example_of_a_pause_over_the_holiday() -> None:
    story = a_story(written("standard", "8h"), at="2025-01-27T14:00:00+08:00")
    story.dispatched("2025-01-27T14:00:00+08:00").accepted("2025-01-27T14:00:00+08:00")
    story.suspended("2025-01-27T17:00:00+08:00", wake_up_at="2025-02-05T09:30:00+08:00")
    paused = told(story, "2025-02-05T09:00:00+08:00")
    assert (paused.due_at, paused.derivation, paused.sum_is_exact) == (None, None, True)
    assert paused.would_be_due_at == instant("2025-02-05T15:00:00+08:00")
    assert seconds(paused) == [("running", 3 * 3600), ("paused", 0)]
    story.resumed("2025-02-05T09:30:00+08:00")
    assert told(story).due_at == instant("2025-02-05T15:30:00+08:00")


def test_a_clock_that_is_stopped_while_it_is_paused_shows_the_pause_to_its_end() -> None:
    story = a_story(written("standard", "8h")).dispatched(FRIDAY).accepted(FRIDAY)
    story.suspended("2025-01-24T17:30:00+08:00").cancelled("2025-01-26T10:00:00+08:00")
    it = told(story, "2025-02-20T10:00:00+08:00")
    assert seconds(it) == [("running", 1800), ("paused", 0)]
    assert it.intervals[-1].until == instant("2025-01-26T10:00:00+08:00")
    assert it.intervals[-1].ended is not None
    assert it.intervals[-1].ended.event == "workorder.cancelled"


def test_a_breached_clock_runs_beyond_its_due() -> None:
    story = a_story(written("standard", "2h")).timers_until("2025-01-26T12:00:00+08:00")
    it = told(story)
    assert (it.due_at, it.breached_at) == (instant("2025-01-26T10:00:00+08:00"),) * 2
    assert (it.elapsed_seconds, it.remaining_seconds, it.sum_is_exact) == (4 * 3600, -2 * 3600, True)


def test_a_review_that_rejects_leaves_a_gap_that_is_no_pause() -> None:
    story = a_story(written("standard", "20h"), at="2025-01-27T09:00:00+08:00")
    story.dispatched("2025-01-27T09:00:00+08:00").accepted("2025-01-27T09:00:00+08:00")
    story.submitted("2025-01-27T11:00:00+08:00").rejected("2025-01-27T15:00:00+08:00")
    assert seconds(told(story)) == [("running", 7200), ("stopped", 0), ("running", 0)]
    assert [stretch.real_seconds for stretch in told(story).intervals] == [7200, 4 * 3600, 0]


def test_a_new_target_is_told_with_old_and_new_due() -> None:
    story = a_story(written("standard", "48h"), written("urgent", "4h", rank=1, match="{priority: P1}"))
    story.prioritised("2025-01-26T10:00:00+08:00")
    it = told(story)
    (target,) = it.retargets
    assert (target.old_budget_seconds, target.new_budget_seconds) == (48 * 3600, 4 * 3600)
    assert (target.mode, target.elapsed_seconds) == ("keep_elapsed", 2 * 3600)
    assert (target.old_due_at, it.first_due_at) == (instant("2025-02-08T17:00:00+08:00"),) * 2
    assert target.new_due_at == it.due_at == instant("2025-01-26T12:00:00+08:00")
    assert target.turn is not None
    assert target.turn.event == "workorder.priority_changed"
    assert [stretch.budget_seconds for stretch in it.intervals] == [48 * 3600, 4 * 3600]
    assert (it.policy.id, it.matched_at, it.budget_from) == ("urgent", instant("2025-01-26T10:00:00+08:00"), "rule")
    assert it.sum_is_exact


def test_an_extension_keeps_what_was_promised_first() -> None:
    story = a_story(written("standard", "8h")).dispatched(FRIDAY).accepted(FRIDAY)
    story.extension_decided("2025-01-26T10:00:00+08:00", until="2025-02-06T12:00:00+08:00")
    it = told(story)
    assert (it.due_at, it.budget_from) == (instant("2025-02-06T12:00:00+08:00"), "retarget")
    assert it.first_due_at == instant("2025-01-26T17:00:00+08:00")
    assert (it.retargets[0].mode, it.sum_is_exact) == ("keep_elapsed", True)


def test_days_are_counted_date_by_date() -> None:
    policy = written("standard", "5d").replace("unit: business", "unit: work_days")
    it = told(a_story(policy))
    assert it.days is not None
    assert (it.unit, it.budget_from, it.sum_is_exact) == ("work_days", "days", True)
    assert it.due_at == instant("2025-02-08T00:00:00+08:00")
    runs = [(run.first_date, run.last_date, run.layer, run.counted) for run in it.days.runs]
    assert runs == [
        ("2025-01-25", "2025-01-25", "weekly", 0),
        ("2025-01-26", "2025-01-26", "makeup_workday", 1),
        ("2025-01-27", "2025-01-27", "weekly", 1),
        ("2025-01-28", "2025-02-04", "holiday", 0),
        ("2025-02-05", "2025-02-07", "weekly", 3),
    ]


def test_natural_days_that_roll_say_which_dates_they_rolled_over() -> None:
    rolled = "unit: natural_days, roll_to_working_day: true"
    it = told(a_story(written("standard", "4d").replace("unit: business", rolled)))
    assert it.days is not None
    runs = [(run.first_date, run.last_date, run.counted) for run in it.days.runs]
    assert runs == [("2025-01-25", "2025-01-28", 4), ("2025-01-29", "2025-02-05", 0)]
    assert it.due_at == instant("2025-02-06T00:00:00+08:00")


def test_a_clock_beyond_its_calendar_says_so_and_counts_what_can_be_counted() -> None:
    short = CALENDAR.replace('complete_until: "2026-12-31"', 'complete_until: "2025-01-26"')
    story = a_story(written("standard", "16h"), calendar=short)
    it = told(story, "2025-01-26T10:00:00+08:00")
    assert (it.not_covered, it.due_at, it.remaining_seconds, it.elapsed_seconds) == (True, None, None, 7200)
    beyond = told(story, "2025-02-26T10:00:00+08:00")
    assert (beyond.elapsed_seconds, beyond.sum_is_exact, beyond.intervals[0].seconds) == (None, False, None)
    text = "\n".join(lines(beyond, "en"))
    assert "the calendar ends on 2025-01-26" in text
    assert "the sum is not known" in text


@pytest.fixture
def considered() -> dict[str, Considered]:
    rules = (
        written("plain", "48h"),
        written("plain", "47h", version=2),
        written("plain", "46h", version=3).replace('"2025-01-01', '"2027-01-01'),
        written("tier", "40h", match="{tier: [platinum, gold]}"),
        written("exact", "8h", match="{tier: platinum, category: network}"),
        written("alike", "9h", match="{tier: platinum, category: network}"),
        written("case", "4h", rank=5, match="{regulator_case: true, priority: P3}"),
        written("review", "4h", rank=9).replace("  resolve: { budget", "  review: { budget"),
    )
    it = told(a_story(*rules, tier="platinum"))
    return {f"{one.policy.id}/{one.policy.version}": one for one in it.considered}


def test_every_other_policy_says_why_it_was_not(considered: dict[str, Considered]) -> None:
    exact = VersionedRef("exact", 1)
    assert {name: (one.reason, one.by) for name, one in considered.items()} == {
        "exact/1": ("matched", None),
        "alike/1": ("later_id", exact),
        "case/1": ("condition_not_met", None),
        "plain/2": ("less_specific", exact),
        "tier/1": ("less_specific", exact),
        "review/1": ("no_such_clock", None),
        "plain/1": ("superseded", VersionedRef("plain", 2)),
        "plain/3": ("not_yet_effective", None),
    }
    unmet, met = considered["case/1"].conditions
    assert (unmet.trait, unmet.wanted, unmet.has, unmet.met) == ("regulator_case", ("true",), ("false",), False)
    assert met.met
    assert [condition.has for condition in considered["exact/1"].conditions] == [("platinum",), ("network/slow",)]


def test_the_choice_is_judged_as_of_when_it_was_made() -> None:
    """A version that takes effect later changes nothing of why a running clock has its policy."""
    story = a_story(written("plain", "48h"))
    newer = rules_of(
        CALENDAR, written("plain", "48h"), written("plain", "1h", version=2).replace("2025-01-01", "2025-01-25")
    )
    it = told(replace(story, rules=newer), "2025-02-10T09:00:00+08:00")
    assert [(one.policy.version, one.reason) for one in it.considered] == [(1, "matched"), (2, "not_yet_effective")]


def test_a_clock_without_its_log_is_explained_from_what_it_holds() -> None:
    story = a_story(written("plain", "48h"), written("tier", "40h", rank=-1, match="{tier: platinum}"))
    it = explained(story.clock("resolve"), story.rules, [], story.now)
    assert it.sum_is_exact
    assert [one.reason for one in it.considered] == ["matched", "order_unknown"]


def test_an_explanation_over_years_stays_small() -> None:
    story = a_story(written("plain", "20h"))
    record = replace(story.clock("resolve"), budget_seconds=3600 * 3000)
    it = explained(record, story.rules, [], instant("2026-12-30T12:00:00+08:00"))
    (stretch,) = it.intervals
    assert it.elapsed_seconds == sum(span.seconds for span in stretch.spans)
    assert (len(stretch.spans), stretch.spans[-1].kind) == (1000, "rest")
