"""挂起: which clocks a suspension pauses, how often, and what a pause never does."""

from typing import Any

import pytest

from services.escalation.domain.table import KINDS, PAUSABLE
from shared.events.parts import ClockChange
from shared.events.sla import ClockBreached
from tests.unit.escalation.story import Story, an_order, hours, instant
from tests.unit.escalation.whole_rules import a_calendar, a_policy, a_rule, every_clock, whole_rules

RECEIVED = "2026-03-02T09:00:00+08:00"
NOON = "2026-03-02T12:00:00+08:00"
FOUR = "2026-03-02T16:00:00+08:00"


def in_progress(**policy: Any) -> Story:
    return Story(rules=whole_rules(a_policy(**policy))).created().dispatched().accepted()


def turns(clock: ClockChange) -> list[tuple[str, str, str | None, str | None]]:
    """Since when, by which record; and what ended the interval, for which reason."""
    return [
        (
            ran.since.isoformat(),
            ran.began.event if ran.began else "",
            ran.ended.event if ran.ended else None,
            ran.ended.reason if ran.ended else None,
        )
        for ran in clock.ledger
    ]


def test_a_paused_clock_has_no_due_until_it_counts_on() -> None:
    story = in_progress().suspended(NOON)
    resolve = story.clock("resolve")
    assert (resolve.state, resolve.change, resolve.due_at) == ("paused", "paused", None)
    assert resolve.elapsed_seconds == 3 * 3600
    story.resumed(FOUR)
    resolve = story.clock("resolve")
    assert (resolve.state, resolve.change) == ("running", "resumed")
    assert resolve.due_at == instant(RECEIVED) + hours(48 + 4)


def test_the_ledger_says_which_records_began_and_ended_each_interval() -> None:
    story = in_progress().suspended(NOON).resumed(FOUR)
    assert turns(story.clock("resolve")) == [
        (instant(RECEIVED).isoformat(), "workorder.created", "workorder.suspended", "waiting_complainant"),
        (instant(FOUR).isoformat(), "workorder.resumed", None, None),
    ]
    first = story.clock("resolve").ledger[0]
    assert first.ended is not None
    assert (first.ended.id, first.ended.actor) == (f"{story.order.id}:0000000005", "agent:li")
    assert story.clock("resolve").turn == story.clock("resolve").ledger[-1].began


def test_only_what_the_reason_lists_is_paused() -> None:
    paused = {"waiting_complainant": {"resolve"}, "complainant_unreachable": {"resolve", "first_response"}}
    for reason, kinds in paused.items():
        story = in_progress().suspended(NOON, reason=reason)
        assert {clock.kind for clock in story.state.live if clock.state == "paused"} == kinds


def test_a_reason_that_the_policy_does_not_know_pauses_nothing() -> None:
    story = in_progress().suspended(NOON, reason="lunch")
    assert {clock.state for clock in story.state.live} == {"running"}


def test_a_reason_pauses_a_clock_no_more_often_than_it_may() -> None:
    story = in_progress()
    for day in ("02", "03", "04"):
        story.suspended(f"2026-03-{day}T12:00:00+08:00").resumed(f"2026-03-{day}T13:00:00+08:00")
    resolve = story.clock("resolve")
    assert resolve.pauses == {"waiting_complainant": 2}
    assert len(resolve.ledger) == 3
    story.suspended("2026-03-04T14:00:00+08:00", reason="complainant_unreachable")
    assert story.clock("resolve").pauses == {"waiting_complainant": 2, "complainant_unreachable": 1}


@pytest.mark.parametrize("kind", sorted(set(KINDS) - set(PAUSABLE)))
def test_no_reason_pauses_a_clock_that_must_not_wait(kind: str) -> None:
    story = Story(rules=whole_rules()).created().acknowledged().dispatched().accepted()
    story.responded().supervised().extension_asked().submitted().approved().liability_assigned().attempted()
    before = {clock.id for clock in story.state.live if clock.kind == kind and clock.state == "running"}
    story.suspended(reason="everything")
    assert {clock.id for clock in story.state.live if clock.kind == kind and clock.state == "running"} >= before
    assert not [clock for clock in story.state.clocks if clock.kind == kind and clock.state == "paused"]


def test_a_first_response_waits_only_for_somebody_who_cannot_be_reached() -> None:
    assert in_progress().suspended(NOON, reason="everything").clock("first_response").state == "running"


def test_a_pause_never_takes_a_breach_back() -> None:
    story = in_progress(clocks=every_clock(resolve=a_rule(2))).timers_until(NOON)
    breached_at = story.clock("resolve").breached_at
    assert breached_at == instant("2026-03-02T11:00:00+08:00")
    story.suspended(NOON).resumed(FOUR)
    resolve = story.clock("resolve")
    assert resolve.breached_at == breached_at
    assert resolve.due_at == breached_at
    assert len(story.told(ClockBreached)) == 1


def test_nothing_fires_while_a_clock_is_paused() -> None:
    story = in_progress().suspended(NOON, reason="complainant_unreachable", wake_up_at="2026-03-20T09:00:00+08:00")
    story.timers_until("2026-03-06T12:00:00+08:00")
    assert story.rungs("resolve") == []
    story.resumed().timers_until("2026-03-08T08:59:59+08:00")
    assert story.rungs("resolve") == [("50%", "fired"), ("75%", "fired")]


def test_what_was_due_before_a_pause_is_decided_with_it() -> None:
    story = in_progress()
    story.suspended("2026-03-03T10:00:00+08:00")
    assert story.rungs("resolve") == [("50%", "fired")]


def test_working_time_is_paused_in_working_time() -> None:
    story = in_progress(clocks=every_clock(resolve=a_rule(8, "business")))
    story.suspended("2026-03-02T17:00:00+08:00").resumed("2026-03-04T10:30:00+08:00")
    resolve = story.clock("resolve")
    assert resolve.elapsed_seconds == 7 * 3600
    assert resolve.due_at == instant("2026-03-04T11:30:00+08:00")


def test_the_spring_festival_of_2025_from_its_make_up_day_to_the_first_day_after() -> None:
    """Eight hours begun on 01-27 at 14:00, paused from 17:00 until 02-05 at 09:30, end on 02-05 at 15:30."""
    festival = [f"2025-01-{day}" for day in range(28, 32)] + [f"2025-02-0{day}" for day in range(1, 5)]
    calendar = a_calendar(holidays=festival, makeup_workdays={"2025-01-26": "mon", "2025-02-08": "mon"})
    rules = whole_rules(a_policy(clocks=every_clock(resolve=a_rule(8, "business"))), calendars=(calendar,))
    begun = "2025-01-27T14:00:00+08:00"
    story = Story(an_order(received_at=instant(begun)), rules, now=instant(begun)).created()
    story.suspended("2025-01-27T17:00:00+08:00", wake_up_at="2025-02-05T09:30:00+08:00")
    assert story.resumed("2025-02-05T09:30:00+08:00").clock("resolve").due_at == instant("2025-02-05T15:30:00+08:00")


def test_a_suspension_that_is_heard_of_late_pauses_from_when_it_happened() -> None:
    story = in_progress().timers_until("2026-03-03T12:00:00+08:00")
    story.suspended(NOON)
    assert story.clock("resolve").elapsed_seconds == 3 * 3600
    story.resumed("2026-03-03T12:00:00+08:00")
    assert story.clock("resolve").due_at == instant(RECEIVED) + hours(48 + 24)


def test_a_paused_clock_ends_with_its_order_as_it_stood() -> None:
    story = in_progress().suspended(NOON).cancelled(FOUR)
    resolve = story.clock("resolve")
    assert (resolve.state, resolve.elapsed_seconds, resolve.due_at) == ("cancelled", 3 * 3600, None)
    assert len(resolve.ledger) == 1


def test_a_clock_beyond_its_calendar_is_paused_and_goes_on_without_a_figure() -> None:
    late = "2026-12-31T17:50:00+08:00"
    rules = whole_rules(a_policy(clocks=every_clock(resolve=a_rule(8, "business"))))
    story = Story(an_order(received_at=instant(late)), rules, now=instant(late)).created()
    story.suspended("2027-01-04T09:00:00+08:00", wake_up_at="2027-01-06T09:00:00+08:00")
    assert (story.clock("resolve").state, story.clock("resolve").not_covered) == ("paused", True)
    story.resumed("2027-01-05T09:00:00+08:00")
    resolve = story.clock("resolve")
    assert (resolve.state, resolve.due_at, resolve.elapsed_seconds, resolve.not_covered) == (
        "running",
        None,
        None,
        True,
    )
    assert [ran.until is None for ran in resolve.ledger] == [False, True]
