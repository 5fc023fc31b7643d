"""Why a clock was late, as reports count it."""

from services.escalation.domain.commands import Fire
from shared.events.sla import ClockBreached
from tests.unit.escalation.story import Story, an_order, instant
from tests.unit.escalation.whole_rules import a_policy, a_rule, every_clock, for_priority, whole_rules

RECEIVED = "2026-03-02T09:00:00+08:00"
TEN = "2026-03-02T10:00:00+08:00"
ELEVEN = "2026-03-02T11:00:00+08:00"
NOON = "2026-03-02T12:00:00+08:00"
ONE = "2026-03-02T13:00:00+08:00"
TWO = "2026-03-02T14:00:00+08:00"


def created(hours: int = 3, received_at: str = RECEIVED) -> Story:
    rules = whole_rules(a_policy(clocks=every_clock(resolve=a_rule(hours))), for_priority("P1", resolve=a_rule(2)))
    return Story(an_order(received_at=instant(received_at)), rules).created()


def breaches(story: Story, kind: str = "resolve") -> list[str | None]:
    return [event.clock.cause for event in story.told(ClockBreached) if event.clock.kind == kind]


def test_handling_is_what_nothing_else_explains() -> None:
    story = created().dispatched(RECEIVED).accepted(RECEIVED).timers_until(ONE).submitted(ONE)
    assert breaches(story) == ["handling"]
    assert story.clock("resolve").cause == "handling"


def test_dispatching_and_accepting_are_routing() -> None:
    story = created().dispatched(RECEIVED).timers_until(TWO)
    assert breaches(story, "accept") == ["routing"]


def test_what_took_at_least_the_overrun_to_route_made_it_late() -> None:
    story = created().dispatched(TEN).accepted(ELEVEN).timers_until(ONE)
    assert breaches(story) == ["handling"]  # it still runs, and the handler has it
    assert story.submitted(ONE).clock("resolve").cause == "routing"
    slower = created().dispatched(TEN).accepted(ELEVEN).timers_until("2026-03-02T15:00:00+08:00")
    assert slower.submitted("2026-03-02T15:00:00+08:00").clock("resolve").cause == "handling"


def test_an_order_that_nobody_has_accepted_at_the_breach() -> None:
    assert breaches(created().timers_until(ONE)) == ["routing"]


def test_a_suspension_that_did_not_pause_the_clock() -> None:
    story = created().dispatched(RECEIVED).accepted(RECEIVED).suspended(TEN, reason="lunch").timers_until(ONE)
    assert breaches(story) == ["suspension"]
    assert story.resumed(ONE).submitted(TWO).clock("resolve").cause == "suspension"


def test_a_target_that_was_made_shorter() -> None:
    story = created(8).dispatched(RECEIVED).accepted(RECEIVED).prioritised(TEN).timers_until(ONE)
    assert breaches(story) == ["retarget"]
    assert story.submitted(TWO).clock("resolve").cause == "retarget"
    late = created(8).dispatched(RECEIVED).accepted(RECEIVED).prioritised(TEN)
    late.timers_until("2026-03-02T20:00:00+08:00").submitted()
    assert late.clock("resolve").cause == "handling"  # late by the first target too


def test_a_complaint_that_came_to_us_when_half_its_time_was_gone() -> None:
    story = created(4, "2026-03-02T07:00:00+08:00").dispatched().accepted().timers_until(NOON)
    assert breaches(story) == ["late_intake"]
    gone = created(1, "2026-03-02T07:00:00+08:00").timers_until(TEN)
    assert breaches(gone) == ["late_intake"]


def test_a_breach_that_no_timer_saw() -> None:
    story = created().dispatched(RECEIVED).accepted(RECEIVED)
    story.now = instant(TWO)
    story.ask(Fire())
    assert breaches(story) == ["outage"]
    assert story.submitted(TWO).clock("resolve").cause == "outage"


def test_a_minute_is_not_an_outage() -> None:
    story = created().dispatched(RECEIVED).accepted(RECEIVED)
    story.now = instant("2026-03-02T12:01:00+08:00")
    story.ask(Fire())
    assert breaches(story) == ["handling"]


def test_what_was_in_time_after_all_has_no_cause() -> None:
    story = created().dispatched(RECEIVED).accepted(RECEIVED).timers_until(ONE).submitted(ELEVEN)
    assert (story.clock("resolve").change, story.clock("resolve").cause) == ("corrected", None)


def test_a_clock_without_a_breach_has_no_cause() -> None:
    story = created().dispatched(RECEIVED).accepted(RECEIVED).submitted(TEN)
    assert story.clock("resolve").cause is None
