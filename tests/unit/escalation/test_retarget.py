"""改期: an order changes, an extension is approved; what becomes of clocks, ladders and promises."""

from dataclasses import replace
from typing import Any

import pytest

from shared.events.sla import ClockBreached, RungFired
from shared.events.workorders import Accepted
from tests.unit.escalation.story import Story, hours, instant
from tests.unit.escalation.whole_rules import a_calendar, a_policy, a_rule, every_clock, for_priority, whole_rules

RECEIVED = "2026-03-02T09:00:00+08:00"
ELEVEN = "2026-03-02T11:00:00+08:00"
NOON = "2026-03-02T12:00:00+08:00"
THREE = "2026-03-02T15:00:00+08:00"
UNTIL = "2026-03-06T09:00:00+08:00"


def in_progress(urgent: Any = None, resolve: Any = None, **policy: Any) -> Story:
    """Eight hours to resolve; an urgent order has what `urgent` says, by default four."""
    base = a_policy(clocks=every_clock(resolve=resolve or a_rule(8)), **policy)
    other = for_priority("P1", resolve=urgent or a_rule(4))
    return Story(rules=whole_rules(base, other)).created().acknowledged().dispatched().accepted()


@pytest.mark.parametrize(
    ("mode", "due"),
    [
        ("keep_elapsed", "2026-03-02T13:00:00+08:00"),
        ("restart", "2026-03-02T15:00:00+08:00"),
        ("keep_deadline", "2026-03-02T17:00:00+08:00"),
        ("min", "2026-03-02T13:00:00+08:00"),
    ],
)
def test_the_mode_of_the_new_rule_says_what_becomes_of_the_time_used(mode: str, due: str) -> None:
    story = in_progress(a_rule(4, retarget=mode)).prioritised(ELEVEN)
    resolve = story.clock("resolve")
    assert resolve.due_at == instant(due)
    assert (resolve.change, resolve.target, resolve.policy.id) == ("retargeted", 1, "urgent")
    assert resolve.first_due_at == instant("2026-03-02T17:00:00+08:00")
    assert resolve.matched == {"priority": "P1"}
    assert resolve.turn is not None
    assert resolve.turn.event == "workorder.priority_changed"


def test_the_smaller_budget_of_two_is_never_later() -> None:
    story = in_progress(a_rule(40, retarget="min")).prioritised(ELEVEN)
    assert story.clock("resolve").due_at == instant("2026-03-02T17:00:00+08:00")
    assert story.clock("resolve").policy.id == "urgent"


def test_the_worked_example_in_working_time() -> None:
    """From eight hours to four at eleven, begun at nine: due at fourteen; begun anew it is sixteen."""
    for mode, due in (("keep_elapsed", "14"), ("restart", "16")):
        story = in_progress(a_rule(4, "business", retarget=mode), a_rule(8, "business")).prioritised(ELEVEN)
        assert story.clock("resolve").due_at == instant(f"2026-03-02T{due}:00:00+08:00")


def test_a_new_unit_counts_what_was_used_anew() -> None:
    story = in_progress(a_rule(4, "business")).prioritised(THREE)
    resolve = story.clock("resolve")
    assert (resolve.unit, resolve.elapsed_seconds) == ("business", 5 * 3600)
    assert resolve.due_at == instant("2026-03-02T14:00:00+08:00")


def test_the_earlier_of_two_dues_in_different_units() -> None:
    for hours_of_work, due in ((4, "2026-03-02T14:00:00+08:00"), (9, "2026-03-02T17:00:00+08:00")):
        story = in_progress(a_rule(hours_of_work, "business", retarget="min")).prioritised(ELEVEN)
        assert story.clock("resolve").due_at == instant(due)


def test_days_are_counted_from_the_clocks_own_start() -> None:
    story = in_progress(a_rule(2, "work_days")).prioritised("2026-03-03T09:00:00+08:00")
    assert story.clock("resolve").due_at == instant("2026-03-05T00:00:00+08:00")


def test_a_target_already_missed_is_breached_at_the_retarget() -> None:
    story = in_progress(a_rule(4)).timers_until(THREE).prioritised(THREE)
    (breach,) = [event for event in story.told(ClockBreached) if event.clock.kind == "resolve"]
    assert breach.clock.breached_at == instant(THREE)
    assert story.clock("resolve").due_at == instant("2026-03-02T13:00:00+08:00")


def test_a_later_due_takes_no_breach_back() -> None:
    story = in_progress(a_rule(80)).timers_until("2026-03-02T18:00:00+08:00").prioritised()
    resolve = story.clock("resolve")
    assert resolve.due_at == instant(RECEIVED) + hours(80)
    assert resolve.breached_at == instant("2026-03-02T17:00:00+08:00")
    story.submitted("2026-03-02T20:00:00+08:00")
    assert story.clock("resolve").change == "stopped"  # not corrected: it was late when it was late


def test_rungs_are_passed_under_the_new_target_and_decided_under_its_own_key() -> None:
    story = in_progress(a_rule(4)).timers_until("2026-03-02T12:30:00+08:00")
    assert story.rungs("resolve") == []
    story.prioritised("2026-03-02T12:30:00+08:00")
    assert story.rungs("resolve") == [("50%", "collapsed"), ("75%", "fired")]
    story.timers_until("2026-03-02T13:00:00+08:00")
    keys = [event.rung.key for event in story.told(RungFired) if event.clock.kind == "resolve"]
    assert [key.partition("/")[2].partition("/")[2] for key in keys] == ["75%/1/1", "100%/1/1"]


def test_a_rung_that_fired_fires_again_only_if_the_new_target_brings_it_back() -> None:
    story = in_progress(a_rule(40)).timers_until("2026-03-02T13:00:00+08:00")
    assert story.rungs("resolve") == [("50%", "fired")]
    story.prioritised().timers_until("2026-03-03T05:00:00+08:00")
    assert story.rungs("resolve") == [("50%", "fired"), ("50%", "fired")]
    assert [(rung.name, rung.status, rung.target) for rung in story.clock("resolve").rungs] == [
        ("50%", "fired", 1),
        ("75%", "pending", 1),
        ("100%", "pending", 1),
    ]


def test_a_rung_that_stays_passed_keeps_its_decision() -> None:
    story = in_progress(a_rule(6)).timers_until("2026-03-02T13:00:00+08:00").prioritised()
    first = story.clock("resolve").rungs[0]
    assert (first.name, first.status, first.target) == ("50%", "fired", 0)


def test_the_new_rule_brings_its_own_ladder() -> None:
    story = in_progress(a_rule(8, rungs=("25", "50", "90"))).timers_until("2026-03-02T13:30:00+08:00").prioritised()
    assert [(rung.name, rung.status) for rung in story.clock("resolve").rungs] == [
        ("25%", "fired"),
        ("50%", "fired"),
        ("90%", "pending"),
    ]


def test_the_ledger_is_divided_where_the_terms_changed() -> None:
    story = in_progress().prioritised(ELEVEN)
    first, second = story.clock("resolve").ledger
    assert first.until == second.since == instant(ELEVEN)
    assert first.ended == second.began == story.clock("resolve").turn


def test_a_paused_clock_is_retargeted_and_stays_paused() -> None:
    story = in_progress().suspended(ELEVEN).prioritised(NOON)
    resolve = story.clock("resolve")
    assert (resolve.state, resolve.change, resolve.due_at, resolve.budget_seconds) == (
        "paused",
        "retargeted",
        None,
        4 * 3600,
    )
    story.resumed(THREE)
    assert story.clock("resolve").due_at == instant("2026-03-02T17:00:00+08:00")
    assert story.rungs("resolve") == [("50%", "fired")]


def test_a_clock_held_during_a_review_follows_when_it_counts_on() -> None:
    story = in_progress().submitted(ELEVEN).prioritised(NOON)
    assert story.clock("resolve").target == 0
    story.rejected(THREE)
    resolve = story.clock("resolve")
    assert (resolve.policy.id, resolve.target, resolve.change) == ("urgent", 1, "resumed")
    assert resolve.due_at == instant("2026-03-02T17:00:00+08:00")


def test_every_kind_follows_but_statutory_and_alarms() -> None:
    shorter = {kind: a_rule(1) for kind in ("first_response", "next_update", "resolve", "statutory")}
    rules = whole_rules(a_policy(), for_priority("P1", **shorter, **{"alarm.wake_up": a_rule(1)}))
    story = Story(rules=rules).created().acknowledged().dispatched().accepted().suspended().prioritised()
    targets = {clock.kind: clock.target for clock in story.state.live}
    assert {kind for kind, target in targets.items() if target} == {"first_response", "next_update", "resolve"}


def test_a_due_that_somebody_named_stands() -> None:
    rules = whole_rules(a_policy(), for_priority("P1", supervision=a_rule(1), cooperation=a_rule(1)))
    story = (
        Story(rules=rules).created().supervised(due_at=UNTIL).consulted(name="s1", due_at=UNTIL).consulted(name="s2")
    )
    story.prioritised()
    dues = [clock.due_at for clock in story.state.live if clock.kind in ("supervision", "cooperation")]
    assert dues == [instant(UNTIL), instant(UNTIL), instant("2026-03-02T10:00:00+08:00")]


def test_a_new_category_or_tier_is_followed_like_a_new_priority() -> None:
    billing = a_policy("billing", rank=5, conditions={"category": ("billing",)}, clocks={"resolve": a_rule(4)})
    gold = a_policy("gold", rank=9, conditions={"tier": ("gold",)}, clocks={"resolve": a_rule(2)})
    story = Story(rules=whole_rules(billing, gold)).created().reclassified()
    assert story.clock("resolve").policy.id == "billing"
    story.record(Accepted(assignee="li"), tier="gold")
    assert story.clock("resolve").policy.id == "gold"
    assert story.clock("resolve").target == 2
    assert story.clock("resolve").first_due_at == instant(RECEIVED) + hours(48)


def test_a_newer_version_of_the_same_policy_does_not_reach_a_clock_with_a_change_of_its_order() -> None:
    newer = a_policy(version=2, since=NOON, clocks=every_clock(resolve=a_rule(1)))
    story = Story(rules=whole_rules(newer)).created().prioritised(THREE, "P2")
    assert story.clock("resolve").policy.version == 1
    assert story.clock("resolve").target == 0


def test_a_target_beyond_the_calendar_has_no_due() -> None:
    short = a_calendar("short", complete_until="2026-03-02")
    urgent = for_priority("P1", resolve=a_rule(40, "business"))
    rules = whole_rules(
        a_policy(clocks=every_clock(resolve=a_rule(8))), replace(urgent, calendar="short"), calendars=(short,)
    )
    resolve = Story(rules=rules).created().prioritised(ELEVEN).clock("resolve")
    assert (resolve.state, resolve.due_at, resolve.not_covered, resolve.budget_seconds) == (
        "running",
        None,
        True,
        40 * 3600,
    )
    assert resolve.policy.id == "urgent"


def test_an_approved_extension_is_the_new_due_and_the_first_promise_is_kept() -> None:
    story = in_progress().extension_asked(NOON).extension_decided(THREE, until=UNTIL)
    resolve = story.clock("resolve")
    assert (resolve.due_at, resolve.first_due_at) == (instant(UNTIL), instant("2026-03-02T17:00:00+08:00"))
    assert resolve.policy.id == "base"
    assert resolve.turn is not None
    assert (resolve.turn.event, resolve.turn.reason) == ("workorder.extension_decided", "parts_on_order")


def test_an_extension_in_working_time_ends_where_it_was_granted_to() -> None:
    story = in_progress(resolve=a_rule(8, "business")).extension_decided(THREE, until="2026-03-04T15:00:00+08:00")
    assert story.clock("resolve").due_at == instant("2026-03-04T15:00:00+08:00")
    assert story.clock("resolve").budget_seconds == (8 + 8 + 5) * 3600


def test_an_extension_of_a_paused_clock_counts_from_the_pause() -> None:
    story = in_progress().suspended(NOON).extension_decided(THREE, until="2026-03-03T03:00:00+08:00").resumed(THREE)
    assert story.clock("resolve").budget_seconds == (3 + 12) * 3600
    assert story.clock("resolve").due_at == instant("2026-03-03T03:00:00+08:00")


@pytest.mark.parametrize(("approved", "until"), [(False, UNTIL), (True, "2026-03-02T16:00:00+08:00")])
def test_what_is_refused_or_no_later_changes_nothing(approved: bool, until: str) -> None:
    story = in_progress().extension_decided(THREE, until=until, approved=approved)
    assert story.clock("resolve").target == 0
    assert story.clock("resolve").due_at == instant("2026-03-02T17:00:00+08:00")


def test_only_a_legal_reason_moves_the_statutory_clock_and_names_its_approver() -> None:
    story = in_progress().extension_decided(THREE, until="2026-04-01T00:00:00+08:00")
    assert story.clock("statutory").due_at == instant("2026-03-18T00:00:00+08:00")
    story.extension_decided(THREE, until="2026-04-01T00:00:00+08:00", reason="force_majeure")
    statutory = story.clock("statutory")
    assert (statutory.due_at, statutory.change) == (instant("2026-04-01T00:00:00+08:00"), "retargeted")
    assert statutory.first_due_at == instant("2026-03-18T00:00:00+08:00")
    assert statutory.turn is not None
    assert (statutory.turn.actor, statutory.turn.reason) == ("agent:chen", "force_majeure")
