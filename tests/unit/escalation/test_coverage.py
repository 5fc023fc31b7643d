"""What the calendar does not cover is never guessed: the clock runs without a due and is listed."""

from services.escalation.coverage_watch import ending_calendars
from services.escalation.domain.clock_sets import index_fields
from tests.unit.escalation.story import Story, an_order, instant, shipped_rules

LAST_DAY = "2026-12-31T17:50:00+08:00"


def at_the_end_of_the_calendar() -> Story:
    return Story(an_order(received_at=instant(LAST_DAY)), now=instant(LAST_DAY)).created()


def test_a_working_time_clock_beyond_the_calendar_has_no_due_and_says_so() -> None:
    story = at_the_end_of_the_calendar()
    dispatch = story.clock("dispatch")
    assert (dispatch.state, dispatch.due_at, dispatch.not_covered) == ("running", None, True)
    assert dispatch.elapsed_seconds is None
    assert index_fields(story.snapshot)["not_covered"] is True


def test_clocks_in_natural_time_are_not_touched_by_it() -> None:
    story = at_the_end_of_the_calendar()
    assert story.clock("resolve").due_at == instant("2027-01-02T17:50:00+08:00")
    assert story.clock("statutory").due_at == instant("2027-01-16T00:00:00+08:00")


def test_an_uncovered_clock_stops_without_a_result() -> None:
    story = at_the_end_of_the_calendar().dispatched("2027-01-04T09:00:00+08:00")
    dispatch = story.clock("dispatch")
    assert (dispatch.state, dispatch.change, dispatch.elapsed_seconds) == ("stopped", "stopped", None)
    assert {rung.status for rung in dispatch.rungs} == {"void"}
    assert "not_covered" not in index_fields(story.snapshot)


def test_an_uncovered_clock_keeps_nobody_from_firing_the_others() -> None:
    story = at_the_end_of_the_calendar().timers_until("2027-01-20T00:00:00+08:00")
    assert ("100%", "fired") in story.rungs("statutory")
    assert story.rungs("dispatch") == []


def test_a_clock_that_was_covered_at_its_start_goes_on_past_the_end_without_a_figure() -> None:
    start = "2026-12-31T17:20:00+08:00"
    story = Story(an_order(received_at=instant(start)), now=instant(start)).created()
    story.timers_until("2027-01-02T09:00:00+08:00")
    assert ("100%", "fired") in story.rungs("dispatch")
    story.dispatched("2027-01-02T09:00:00+08:00")
    assert story.clock("dispatch").elapsed_seconds is None
    assert story.clock("dispatch").breached_at == instant("2026-12-31T17:50:00+08:00")


def test_calendars_that_end_within_sixty_days_are_named() -> None:
    assert ending_calendars(shipped_rules(), instant("2026-11-01T00:00:00+08:00")) == []
    assert ending_calendars(shipped_rules(), instant("2026-11-23T00:00:00+08:00")) == ["default v1"]
