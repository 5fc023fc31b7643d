"""Timetable: when a clock's budget is used up and each of its rungs is due, laid out once for many questions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache, partial
from typing import Final

from shared.kernel.sla_clock.state import Clock, RepeatRung, Rung, ShareRung, reached_at
from shared.kernel.working_time import Calendar, units

# Shares further apart from 1 than any clock can run are not worth the digits to write them out.
_LARGE_EXPONENT: Final = 30
_LARGE_SHARE: Final = 10**30
_SMALL_EXPONENT: Final = -60

Reach = Callable[[int], int | None]


@dataclass(frozen=True, slots=True)
class Timetable:
    """Instants in epoch seconds, None where they depend on a resume; `rungs` in the order of the clock's.

    Good as long as the clock's budget, unit, rungs and ledger are what they were: time and decisions change nothing.
    """

    due: int | None
    rungs: tuple[int | None, ...]


def timetable(clock: Clock, calendar: Calendar) -> Timetable:
    """By the clock's present budget and ledger. Raises SlaError("calendar_not_covered")."""
    reach = _reach(clock, calendar)
    due = reach(clock.budget)
    return Timetable(due, tuple([_rung_time(clock, calendar, rung, reach, due) for rung in clock.rungs]))


def rung_times(clock: Clock, calendar: Calendar) -> tuple[int | None, ...]:
    """When each rung is due by the present budget and ledger, None if that depends on a resume."""
    return timetable(clock, calendar).rungs


@lru_cache(maxsize=4096)
def share_of(budget: int, percent: str) -> int:
    """`budget * percent / 100`, exact, rounded up to a whole second."""
    number = Decimal(percent)
    if not number or not budget:
        return 0
    if number.adjusted() > _LARGE_EXPONENT:
        return budget * _LARGE_SHARE
    if number.adjusted() < _SMALL_EXPONENT:
        return 1
    numerator, denominator = number.as_integer_ratio()
    return -(-budget * numerator // (denominator * 100))


def _reach(clock: Clock, calendar: Calendar) -> Reach:
    """`reached_at` for several amounts; a clock that never paused asks its calendar for its start only once."""
    if clock.ledger or clock.since is None:
        return partial(reached_at, clock, calendar)
    return units.adding_from(calendar, clock.unit, clock.since)


def _rung_time(clock: Clock, calendar: Calendar, rung: Rung, reach: Reach, due: int | None) -> int | None:
    if isinstance(rung, ShareRung):
        return reach(share_of(clock.budget, rung.percent))
    if isinstance(rung, RepeatRung):
        first = _rung_time(clock, calendar, rung.base, reach, due)
        return None if first is None else units.add(calendar, rung.unit, first, rung.every * (rung.occurrence - 1))
    return None if due is None else units.shift(calendar, rung.unit, due, rung.seconds)
