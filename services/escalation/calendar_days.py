"""The days of one year that differ from the week, and how they get into a calendar 工作日历."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from services.escalation.policy_files import Fault, InvalidPolicies

DayKind = Literal["holiday", "makeup_workday", "closure", "override"]
LAST_DAY = "12-31"


@dataclass(frozen=True, slots=True)
class Day:
    """`hours`: the weekday that a make-up workday stands in for, or an override's windows; () closes the date."""

    date: str
    kind: DayKind
    hours: str | tuple[tuple[str, str], ...] = ()
    name: str = ""


Days = tuple[Day, ...]


def with_year(calendar: Mapping[str, Any], year: int, days: Days) -> dict[str, Any]:
    """The calendar's document with the year's days instead of those that it had.

    Closures and overrides, which no announcement knows, are kept unless the days have some. Raises InvalidPolicies:
    the calendar must be complete for the year before, and nothing is guessed past the year that is imported.
    """
    if calendar["complete_until"] < f"{year - 1:04}-{LAST_DAY}":
        what = f"complete until {calendar['complete_until']}: import the years before {year} first"
        raise InvalidPolicies(Fault(what, ("complete_until",)))
    if not any(day.kind in ("holiday", "makeup_workday") for day in days):
        raise InvalidPolicies(Fault(f"there is no holiday and no make-up workday of {year}"))
    kinds = {day.kind for day in days} | {"holiday", "makeup_workday"}
    changed = dict(calendar)
    for kind, layer in (("holiday", "holidays"), ("closure", "closures")):
        if kind in kinds:
            others = [date for date in calendar.get(layer, []) if not date.startswith(f"{year:04}-")]
            changed[layer] = sorted({*others, *(day.date for day in days if day.kind == kind)})
    for kind, layer in (("makeup_workday", "makeup_workdays"), ("override", "overrides")):
        if kind in kinds:
            kept = {date: of for date, of in calendar.get(layer, {}).items() if not date.startswith(f"{year:04}-")}
            added = {day.date: _written(day) for day in days if day.kind == kind}
            changed[layer] = dict(sorted({**kept, **added}.items()))
    changed["complete_until"] = max(calendar["complete_until"], f"{year:04}-{LAST_DAY}")
    return changed


def _written(day: Day) -> Any:
    return day.hours if isinstance(day.hours, str) else [list(window) for window in day.hours]
