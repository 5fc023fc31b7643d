"""How a budget in whole days became an instant: which dates were counted, and which were not."""

from itertools import groupby

from services.escalation.domain.clockwork import not_covered
from services.escalation.domain.policies import ClockRule
from services.escalation.explain_parts import DayCount, DayRun
from shared.kernel.working_time import Calendar, SlaError, format_date

DAYS_AT_MOST = 1000
RUNS_AT_MOST = 200


def day_count(rule: ClockRule, calendar: Calendar, at: int, budget: int) -> DayCount | None:
    """The days from `at` that make `budget` seconds; None if they make another, so that it came from elsewhere."""
    work_days = rule.unit == "work_days"
    try:
        if work_days:
            due = calendar.work_days(at, rule.budget)
        else:
            due = calendar.natural_days(at, rule.budget, roll_to_working_day=rule.roll_to_working_day)
    except SlaError as error:
        not_covered(error)
        return None
    if due - at != budget:
        return None
    first, last = calendar.zone.date_at(at) + 1, calendar.zone.date_at(due - 1)
    runs = _work_days(calendar, first, last) if work_days else _natural_days(calendar, first, last, rule.budget)
    return DayCount(unit=rule.unit, count=rule.budget, runs=runs if len(runs) <= RUNS_AT_MOST else ())


def _work_days(calendar: Calendar, first: int, last: int) -> tuple[DayRun, ...]:
    """Nothing for spans so long that nobody would read it."""
    if last - first > DAYS_AT_MOST:
        return ()
    dates = [day for day in range(first, last + 1) if calendar.zone.has_date(day)]
    groups = groupby(dates, key=lambda day: (calendar.layer_of(day)[0], calendar.is_working_day(day)))
    return tuple(_run(list(days), layer, counts=works) for (layer, works), days in groups)


def _natural_days(calendar: Calendar, first: int, last: int, count: int) -> tuple[DayRun, ...]:
    """All count up to the last one; those to which it was rolled on do not."""
    counted = first
    left = count
    while True:
        left -= calendar.zone.has_date(counted)
        if not left:
            break
        counted += 1
    found = [DayRun(first_date=format_date(first), last_date=format_date(counted), layer=None, counted=count)]
    if counted < last:
        rolled = DayRun(first_date=format_date(counted + 1), last_date=format_date(last), layer=None, counted=0)
        found.append(rolled)
    return tuple(found)


def _run(days: list[int], layer: str, *, counts: bool) -> DayRun:
    return DayRun(
        first_date=format_date(days[0]),
        last_date=format_date(days[-1]),
        layer=layer,
        counted=len(days) if counts else 0,
    )
