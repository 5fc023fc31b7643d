"""Is a year of a calendar complete? Its days by month, how long it is known, where the library differs."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from services.escalation.calendar_days import Days
from services.escalation.domain.instants import to_instant
from services.escalation.domain.policies import CalendarVersion
from services.escalation.holiday_library import knows, library_days, library_name
from shared.kernel.working_time import Calendar, format_date, parse_date

WARN_AHEAD = timedelta(days=60)
OF_CHINA = ("Asia/Shanghai", "Asia/Urumqi", "Asia/Chongqing", "Asia/Harbin", "Asia/Kashgar", "PRC")


def year_of(version: CalendarVersion, year: int, now: datetime) -> Mapping[str, Any]:
    """What `calendar check` tells; `covered` only if every day of the year is known."""
    calendar = version.calendar
    return {
        "calendar": version.ref.id,
        "version": version.ref.version,
        "year": year,
        "zone": calendar.zone.name,
        "complete_until": format_date(calendar.last_date),
        "covered": calendar.last_date >= _day(year, 12, 31),
        **ending(version, now),
        "months": [_month(calendar, year, month) for month in range(1, 13)],
        "library": library_name() if calendar.zone.name in OF_CHINA else None,
        "differences": _differences(calendar, year),
    }


def ending(version: CalendarVersion, now: datetime) -> Mapping[str, Any]:
    """How long the calendar still reaches; `ends_soon` within 60 days."""
    end = to_instant(version.calendar.end)
    return {"days_left": max(0, (end - now) // timedelta(days=1)), "ends_soon": end < now + WARN_AHEAD}


def _month(calendar: Calendar, year: int, month: int) -> Mapping[str, Any]:
    """`working_days` and `hours` are None for a month that is not known to its end."""
    days = list(_days_of(year, month))
    known = days[-1] <= calendar.last_date
    layers = {day: calendar.layer_of(day)[0] for day in days if day <= calendar.last_date}
    begin, end = (calendar.zone.first_reaching(days[0] * 86_400), calendar.zone.end_of_date(days[-1]))
    return {
        "month": f"{year:04}-{month:02}",
        "working_days": sum(map(calendar.is_working_day, days)) if known else None,
        "hours": calendar.between(begin, end) / 3600 if known else None,
        **{
            f"{layer}s": [format_date(day) for day, found in layers.items() if found == layer]
            for layer in ("holiday", "makeup_workday", "closure", "override")
        },
    }


def _differences(calendar: Calendar, year: int) -> list[Mapping[str, Any]] | None:
    """Dates on which the library says otherwise; None where it has nothing to say."""
    if calendar.zone.name not in OF_CHINA or not knows(year):
        return None
    told = _by_date(library_days(year))
    stored = {
        format_date(day): layer
        for month in range(1, 13)
        for day in _days_of(year, month)
        if (layer := calendar.layer_of(day)[0]) != "weekly"
    }
    return [
        {"date": day, "stored": stored.get(day), "library": told.get(day)}
        for day in sorted({*told, *stored})
        if told.get(day) != stored.get(day) and stored.get(day) not in ("override", "closure")
    ]


def _by_date(days: Days) -> dict[str, str]:
    return {day.date: day.kind for day in days}


def _days_of(year: int, month: int) -> Iterator[int]:
    day, after = _day(year, month, 1), _day(year + month // 12, month % 12 + 1, 1)
    return iter(range(day, after))


def _day(year: int, month: int, day: int) -> int:
    found = parse_date(date(year, month, day).isoformat())
    assert found is not None  # noqa: S101 - a date is a date
    return found
