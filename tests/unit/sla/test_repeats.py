"""Rungs that repeat: each occurrence is a rung of its own, at a distance from the one before it."""

from __future__ import annotations

import pytest

from shared.kernel import sla_clock
from shared.kernel.sla_clock import Clock, ClockPlan, OffsetRung, RepeatRung, Rung, ShareRung
from shared.kernel.working_time import Calendar, SlaError, Unit, parse_instant, read_calendar
from tests.unit.sla.asking import every_day, office

HOUR, MINUTE = 3600, 60
OFFICE = read_calendar(office())
ALWAYS = read_calendar(every_day("Asia/Shanghai", "00:00-24:00"))


def at(text: str) -> int:
    """`10:30` is on that Monday, `03-04 10:30` is not."""
    date, _, time = text.rpartition(" ")
    return parse_instant(f"2025-{date or '03-03'}T{time}:00+08:00")


def repeated(rung: ShareRung | OffsetRung, every: int, times: int, unit: Unit = "natural") -> tuple[Rung, ...]:
    return (rung, *(RepeatRung(rung, every, unit, occurrence) for occurrence in range(2, times + 1)))


def running(*rungs: Rung, calendar: Calendar = OFFICE, unit: Unit = "business", budget: int = HOUR) -> Clock:
    plan = ClockPlan(budget, unit, pausable=True, rungs=rungs)
    return sla_clock.start(plan, calendar, at("09:00"))[0]


def decided(clock: Clock) -> list[tuple[str, int | None]]:
    return [(decision.status, decision.at) for decision in clock.decisions]


def test_each_occurrence_comes_so_long_after_the_one_before() -> None:
    clock = running(*repeated(ShareRung("75%", "75"), 20 * MINUTE, 3))
    assert sla_clock.rung_times(clock, OFFICE) == (at("09:45"), at("10:05"), at("10:25"))
    assert [rung.key for rung in clock.rungs] == ["75%"] * 3
    assert [rung.occurrence for rung in clock.rungs] == [1, 2, 3]


def test_business_repeats_wait_for_the_office_to_open() -> None:
    clock = running(*repeated(ShareRung("100%", "100"), 4 * HOUR, 3, "business"))
    assert sla_clock.rung_times(clock, OFFICE) == (at("10:00"), at("15:00"), at("03-04 10:00"))


def test_each_fires_at_its_time_and_is_decided_once() -> None:
    clock = running(*repeated(OffsetRung("late", 0, "natural"), 10 * MINUTE, 3))
    for minute, fired in (("10:00", 1), ("10:10", 2), ("10:15", 2), ("10:20", 3), ("11:00", 3)):
        clock, _ = sla_clock.advance(clock, OFFICE, at(minute))
        assert [status for status, _ in decided(clock)].count("fired") == fired
    assert decided(clock) == [("fired", at("10:00")), ("fired", at("10:10")), ("fired", at("10:20"))]


def test_a_paused_clock_fires_no_repeat_and_on_its_resume_the_highest_fires() -> None:
    clock = running(*repeated(ShareRung("50%", "50"), 10 * MINUTE, 5, "natural"))
    clock, _ = sla_clock.pause(clock, OFFICE, at("09:35"))
    clock, happenings = sla_clock.advance(clock, OFFICE, at("09:55"))
    assert happenings == ()
    assert sla_clock.fire_times(clock, OFFICE)[1:3] == (at("09:40"), at("09:50"))
    clock, _ = sla_clock.resume(clock, OFFICE, at("09:55"))
    assert decided(clock) == [
        ("fired", at("09:30")),
        ("collapsed", at("09:40")),
        ("fired", at("09:55")),
        ("pending", None),
        ("pending", None),
    ]


def test_while_a_pause_leaves_the_first_open_its_repeats_are_too() -> None:
    clock = running(*repeated(ShareRung("50%", "50"), 10 * MINUTE, 2))
    clock, _ = sla_clock.pause(clock, OFFICE, at("09:10"))
    assert sla_clock.fire_times(clock, OFFICE) == (None, None)


def test_h4_a_retarget_makes_each_pending_whose_new_time_lies_ahead() -> None:
    clock = running(*repeated(ShareRung("50%", "50"), 10 * MINUTE, 4))
    clock, _ = sla_clock.advance(clock, OFFICE, at("09:45"))
    clock, _ = sla_clock.retarget(clock, OFFICE, at("09:45"), 70 * MINUTE, "keep_elapsed")
    # at 09:35, 09:45, 09:55 and 10:05 now
    assert [status for status, _ in decided(clock)] == ["fired", "fired", "pending", "pending"]
    clock, _ = sla_clock.retarget(clock, OFFICE, at("09:45"), 2 * HOUR, "keep_elapsed")
    assert [status for status, _ in decided(clock)] == ["pending"] * 4


def test_h3_a_shorter_budget_collapses_what_it_has_passed() -> None:
    clock = running(*repeated(ShareRung("50%", "50"), 10 * MINUTE, 4))
    clock, _ = sla_clock.retarget(clock, OFFICE, at("09:25"), 20 * MINUTE, "keep_elapsed")
    assert decided(clock) == [
        ("collapsed", at("09:10")),
        ("fired", at("09:25")),
        ("pending", None),
        ("pending", None),
    ]


def test_h6_a_stop_leaves_the_rest_void() -> None:
    clock = running(*repeated(ShareRung("50%", "50"), 10 * MINUTE, 3))
    clock, _ = sla_clock.stop(clock, OFFICE, at("09:42"))
    assert [status for status, _ in decided(clock)] == ["fired", "fired", "void"]


def test_d4_a_repeat_beyond_the_coverage_is_not_guessed() -> None:
    calendar = read_calendar(office(complete_until="2025-03-05"))
    with pytest.raises(SlaError, match="known"):
        running(*repeated(ShareRung("100%", "100"), 8 * HOUR, 5, "business"), calendar=calendar)
    running(*repeated(ShareRung("100%", "100"), 8 * HOUR, 3, "business"), calendar=calendar)


def test_after_an_outage_the_highest_of_all_rungs_and_repeats_fires() -> None:
    ladder = (*repeated(ShareRung("50%", "50"), 20 * MINUTE, 4), ShareRung("90%", "90"))
    clock, happenings = sla_clock.catch_up(running(*ladder), OFFICE, at("10:15"))
    assert decided(clock) == [
        ("collapsed", at("09:30")),
        ("collapsed", at("09:50")),
        ("fired", at("10:15")),
        ("pending", None),
        ("collapsed", at("09:54")),
    ]
    assert [(h.what, h.planned) for h in happenings][-1] == ("fired", at("10:10"))


def test_after_an_outage_rungs_of_the_highest_instant_all_fire() -> None:
    """Two effects at one time are two rungs: neither may silence the other."""
    ladder = (*repeated(ShareRung("50%", "50"), 30 * MINUTE, 2), ShareRung("100%", "100"), ShareRung("75%", "75"))
    clock, _ = sla_clock.catch_up(running(*ladder), OFFICE, at("11:00"))
    assert [status for status, _ in decided(clock)] == ["collapsed", "fired", "fired", "collapsed"]


def test_a_paused_clock_has_nothing_to_catch_up_with() -> None:
    clock = running(OffsetRung("after", 60, "natural"), unit="natural", calendar=ALWAYS)
    clock, _ = sla_clock.pause(clock, ALWAYS, at("10:00"))
    assert sla_clock.catch_up(clock, ALWAYS, at("12:00")) == (clock, [])
