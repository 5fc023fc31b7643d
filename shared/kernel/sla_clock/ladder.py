"""Ladder 升级阶梯: when each rung is due, and which of those that were passed fires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal

from shared.kernel.sla_clock.state import Clock, Decision, RepeatRung, Rung, ShareRung, due_at, reached_at
from shared.kernel.working_time import Calendar, units

_PENDING: Final = Decision()
# Shares further apart from 1 than any clock can run are not worth the digits to write them out.
_LARGE_EXPONENT: Final = 30
_LARGE_SHARE: Final = 10**30
_SMALL_EXPONENT: Final = -60


@dataclass(frozen=True, slots=True)
class Happening:
    """A rung fired or collapsed, or the breach.

    `at` is when it happened; `planned` when the rung was due, for the breach the due it broke.
    `rung` is the rung's place in the clock's list.
    """

    what: Literal["fired", "collapsed", "breached"]
    at: int
    planned: int
    rung: int | None = None


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


def rung_times(clock: Clock, calendar: Calendar) -> tuple[int | None, ...]:
    """When each rung is due by the present budget and ledger, None if that depends on a resume."""
    due = due_at(clock, calendar)
    return tuple(_rung_time(clock, calendar, rung, due) for rung in clock.rungs)


def fire_times(clock: Clock, calendar: Calendar) -> tuple[int | None, ...]:
    """What to show for each rung: the time of its decision, or its present time if it has none."""
    times = rung_times(clock, calendar)
    return tuple(
        time if decision.status in ("pending", "void") else decision.at
        for decision, time in zip(clock.decisions, times, strict=True)
    )


def fire_in_turn(clock: Clock, calendar: Calendar, to: int) -> tuple[Clock, list[Happening]]:
    """Every pending rung of a running clock that is due up to `to` fires at its own time."""
    decisions = list(clock.decisions)
    fired = []
    for place, time in _pending(clock, rung_times(clock, calendar)):
        if time <= to:
            decisions[place] = Decision("fired", time)
            fired.append(Happening("fired", time, time, place))
    return replace(clock, decisions=tuple(decisions)), fired


def settle_passed(clock: Clock, calendar: Calendar, at: int) -> tuple[Clock, list[Happening]]:
    """Of the pending rungs that `at` has already reached the highest fires now, the others collapse."""
    passed = _passed(clock, calendar, at)
    return _settle(clock, at, passed[:-1], passed[-1:])


def catch_up(clock: Clock, calendar: Calendar, at: int) -> tuple[Clock, list[Happening]]:
    """Time went by unwatched: of a running clock's rungs up to `at` those of the latest instant fire,
    the others collapse.

    Watched in time nothing collapses, as several rungs of one instant all fire then.
    """
    passed = _passed(clock, calendar, at) if clock.state == "running" else []
    lower = [rung for rung in passed if rung[0] < passed[-1][0]]
    return _settle(clock, at, lower, passed[len(lower) :])


def reopen_decided(clock: Clock, calendar: Calendar, at: int) -> Clock:
    """After a retarget a decided rung whose time now lies after `at` is pending again."""
    decisions = tuple(
        _PENDING if time is not None and time > at else decision
        for decision, time in zip(clock.decisions, rung_times(clock, calendar), strict=True)
    )
    return replace(clock, decisions=decisions)


def void_pending(clock: Clock) -> Clock:
    """The clock has ended: what has not been decided never will be."""
    decisions = tuple(Decision("void") if d.status == "pending" else d for d in clock.decisions)
    return replace(clock, decisions=decisions)


def next_rung_at(clock: Clock, calendar: Calendar) -> int | None:
    """When the next pending rung of a running clock fires."""
    return min((time for _, time in _pending(clock, rung_times(clock, calendar))), default=None)


def _passed(clock: Clock, calendar: Calendar, at: int) -> list[tuple[int, int]]:
    """Time and place of the pending rungs whose time is `at` or earlier, the highest last."""
    return sorted((time, place) for place, time in _pending(clock, rung_times(clock, calendar)) if time <= at)


def _settle(
    clock: Clock, at: int, lower: Sequence[tuple[int, int]], highest: Sequence[tuple[int, int]]
) -> tuple[Clock, list[Happening]]:
    decisions = list(clock.decisions)
    happenings = []
    for time, place in lower:
        decisions[place] = Decision("collapsed", time)
        happenings.append(Happening("collapsed", at, time, place))
    for time, place in highest:
        decisions[place] = Decision("fired", at)
        happenings.append(Happening("fired", at, time, place))
    return (replace(clock, decisions=tuple(decisions)) if happenings else clock), happenings


def _pending(clock: Clock, times: tuple[int | None, ...]) -> list[tuple[int, int]]:
    """Place and time of every pending rung whose time is known."""
    return [
        (place, time)
        for place, (decision, time) in enumerate(zip(clock.decisions, times, strict=True))
        if decision.status == "pending" and time is not None
    ]


def _rung_time(clock: Clock, calendar: Calendar, rung: Rung, due: int | None) -> int | None:
    if isinstance(rung, RepeatRung):
        first = _rung_time(clock, calendar, rung.base, due)
        return None if first is None else units.add(calendar, rung.unit, first, rung.every * (rung.occurrence - 1))
    if isinstance(rung, ShareRung):
        return reached_at(clock, calendar, share_of(clock.budget, rung.percent))
    return None if due is None else units.shift(calendar, rung.unit, due, rung.seconds)
