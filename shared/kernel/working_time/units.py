"""Durations in seconds of one unit: a calendar's working time, or real time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from shared.kernel.working_time.calendar import Calendar
from shared.kernel.working_time.fault import SlaError
from shared.kernel.working_time.instants import within_years

Unit = Literal["business", "natural"]


def add(calendar: Calendar, unit: Unit, instant: int, seconds: int) -> int:
    """The earliest instant by which `seconds` >= 0 of the unit have passed since `instant`."""
    if unit == "business":
        return calendar.add(instant, seconds)
    return within_years(instant + seconds)


def adding_from(calendar: Calendar, unit: Unit, instant: int) -> Callable[[int], int]:
    """`add` for as many spans as you like from one instant."""
    if unit == "business":
        return calendar.adding_from(instant)
    return lambda seconds: within_years(instant + seconds)


def sub(calendar: Calendar, unit: Unit, instant: int, seconds: int) -> int:
    """The latest instant from which `seconds` >= 0 of the unit pass until `instant`."""
    if unit == "business":
        return calendar.sub(instant, seconds)
    return within_years(instant - seconds)


def between(calendar: Calendar, unit: Unit, since: int, until: int) -> int:
    """Seconds of the unit in `[since, until)`; `request_invalid` if `until` is earlier."""
    if unit == "business":
        return calendar.between(since, until)
    if until < since:
        raise SlaError("request_invalid", "the span ends before it begins")
    return until - since


def shift(calendar: Calendar, unit: Unit, instant: int, seconds: int) -> int:
    """`add` for a positive number of seconds, `sub` for a negative one."""
    if seconds < 0:
        return sub(calendar, unit, instant, -seconds)
    return add(calendar, unit, instant, seconds)
