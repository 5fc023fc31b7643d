"""China's public holidays and make-up workdays 调休 as the maintained library knows them, year by year."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date

from services.escalation.calendar_days import Day, Days
from services.escalation.policy_files import Fault, InvalidPolicies
from shared.kernel.working_time import WEEKDAYS


def library_name() -> str:
    """With its version and the years that it knows."""
    import chinese_calendar

    first, last = _years()
    return f"chinesecalendar {chinese_calendar.__version__} ({first}-{last})"


def knows(year: int) -> bool:
    first, last = _years()
    return first <= year <= last


def library_days(year: int) -> Days:
    """The days of a year that differ from the week. Raises InvalidPolicies for a year that the library lacks."""
    if not knows(year):
        raise InvalidPolicies(Fault(f"{library_name()} does not know {year}", ("year",)))
    return tuple(sorted((*_holidays(year), *_makeup_workdays(year)), key=lambda day: day.date))


def _years() -> tuple[int, int]:
    from chinese_calendar import holidays

    return min(holidays).year, max(holidays).year


def _holidays(year: int) -> Iterator[Day]:
    from chinese_calendar import Holiday, holidays

    for day, name in holidays.items():
        if day.year == year:
            yield Day(day.isoformat(), "holiday", name=Holiday(name).chinese)


def _makeup_workdays(year: int) -> Iterator[Day]:
    """The k-th make-up day of a holiday stands in for the k-th working day that the holiday took.

    The announcements do not say whose hours are worked; where the library does not tell either it is a Monday.
    """
    from chinese_calendar import Holiday, in_lieu_days, workdays

    taken: dict[str, list[date]] = defaultdict(list)
    for day, name in sorted(in_lieu_days.items()):
        if abs(day.year - year) <= 1:
            taken[f"{name} {_season(day)}"].append(day)
    for day, name in sorted(workdays.items()):
        swapped = taken[f"{name} {_season(day)}"]
        weekday = WEEKDAYS[swapped.pop(0).weekday()] if swapped else "mon"
        if day.year == year:
            yield Day(day.isoformat(), "makeup_workday", weekday, Holiday(name).chinese)


def _season(day: date) -> int:
    """The year of the holiday: a New Year's make-up day may lie in the December before."""
    return day.year + 1 if day.month == 12 else day.year
