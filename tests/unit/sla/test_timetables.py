"""What is laid out once says the same as what is asked one by one."""

from __future__ import annotations

import pytest

from shared.kernel import sla_clock
from shared.kernel.sla_clock import Clock, ClockPlan, OffsetRung, RepeatRung, Rung, ShareRung
from shared.kernel.working_time import Unit, Zone, parse_instant, read_calendar, units
from tests.unit.sla.asking import office

HOUR, DAY = 3600, 86_400
OFFICE = read_calendar(office())
LADDER: tuple[Rung, ...] = (
    ShareRung("50%", "50"),
    ShareRung("100%", "100"),
    RepeatRung(ShareRung("100%", "100"), 2 * HOUR, "business", 2),
    OffsetRung("late", -HOUR, "natural"),
)


def at(text: str) -> int:
    return parse_instant(f"2025-03-{text}+08:00")


def started(unit: Unit) -> Clock:
    plan = ClockPlan(10 * HOUR, unit, pausable=True, rungs=LADDER)
    return sla_clock.start(plan, OFFICE, at("03T09:00:00"))[0]


def paused_once(clock: Clock) -> Clock:
    paused, _ = sla_clock.pause(clock, OFFICE, at("03T11:00:00"))
    return sla_clock.resume(paused, OFFICE, at("04T10:00:00"))[0]


@pytest.mark.parametrize("unit", ["business", "natural"])
@pytest.mark.parametrize("paused", [False, True])
def test_a_timetable_holds_the_due_and_every_rung(unit: Unit, paused: bool) -> None:
    clock = paused_once(started(unit)) if paused else started(unit)
    times = sla_clock.timetable(clock, OFFICE)
    assert times.due == sla_clock.due_at(clock, OFFICE)
    assert times.due is not None
    used_up = times.due
    repeated = units.add(OFFICE, "business", used_up, 2 * HOUR)
    assert times.rungs == (sla_clock.reached_at(clock, OFFICE, 5 * HOUR), used_up, repeated, used_up - HOUR)


def test_a_paused_clock_has_no_time_for_what_depends_on_its_resume() -> None:
    paused, _ = sla_clock.pause(started("natural"), OFFICE, at("03T15:00:00"))
    times = sla_clock.timetable(paused, OFFICE)
    assert (times.due, times.rungs) == (None, (at("03T14:00:00"), None, None, None))


def test_adding_from_one_instant_is_adding_each_time() -> None:
    start = at("07T17:30:00")  # a Friday
    later = OFFICE.adding_from(start)
    for seconds in (0, 1, HOUR // 2, HOUR, 40 * HOUR, 400 * HOUR):
        assert later(seconds) == OFFICE.add(start, seconds)
    assert OFFICE.between(start, later(400 * HOUR)) == 400 * HOUR


@pytest.mark.parametrize("name", ["Asia/Shanghai", "Europe/Berlin", "America/Havana", "Pacific/Apia"])
def test_dates_are_those_of_the_zone_database_near_a_clock_change_and_far_from_it(name: str) -> None:
    zone = Zone.named(name)
    assert zone is not None
    first = parse_instant("2011-11-01T00:00:00Z") // DAY
    for day in range(first, first + 400):
        assert zone.end_of_date(day) == zone.last_before((day + 1) * DAY)
        for instant in range(day * DAY, (day + 1) * DAY, 4 * HOUR):
            assert zone.date_at(instant) == (instant + zone.offset_at(instant)) // DAY
