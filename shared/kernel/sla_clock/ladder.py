"""Ladder 升级阶梯: when each rung is due, and which of those that were passed fires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from shared.kernel.alteration import altered
from shared.kernel.sla_clock.state import Clock, Decision
from shared.kernel.sla_clock.timetable import Timetable, rung_times, timetable
from shared.kernel.working_time import Calendar

_PENDING: Final = Decision()


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


Decided = tuple[tuple[Decision, ...], list[Happening]]
"""What became of every rung, and what happened for it."""


def fire_times(clock: Clock, calendar: Calendar) -> tuple[int | None, ...]:
    """What to show for each rung: the time of its decision, or its present time if it has none."""
    times = rung_times(clock, calendar)
    return tuple(
        time if decision.status in ("pending", "void") else decision.at
        for decision, time in zip(clock.decisions, times, strict=True)
    )


def fire_in_turn(clock: Clock, times: Timetable, to: int) -> Decided:
    """Every pending rung of a running clock that is due up to `to` fires at its own time."""
    decisions = list(clock.decisions)
    fired: list[Happening] = []
    for place, time in _pending(clock, times):
        if time <= to:
            decisions[place] = Decision("fired", time)
            fired.append(Happening("fired", time, time, place))
    return tuple(decisions), fired


def settle_passed(clock: Clock, times: Timetable, at: int) -> Decided:
    """Of the pending rungs that `at` has already reached the highest fires now, the others collapse."""
    passed = _passed(clock, times, at)
    return _settle(clock, at, passed[:-1], passed[-1:]) if passed else (clock.decisions, [])


def catch_up(clock: Clock, calendar: Calendar, at: int) -> tuple[Clock, list[Happening]]:
    """Time went by unwatched: of a running clock's rungs up to `at` those of the latest instant fire,
    the others collapse.

    Watched in time nothing collapses, as several rungs of one instant all fire then.
    """
    if clock.state != "running":
        return clock, []
    decisions, happenings = settle_unwatched(clock, timetable(clock, calendar), at)
    return altered(clock, decisions=decisions), happenings


def settle_unwatched(clock: Clock, times: Timetable, at: int) -> Decided:
    """As `catch_up`, for a running clock."""
    passed = _passed(clock, times, at)
    lower = [rung for rung in passed if rung[0] < passed[-1][0]]
    return _settle(clock, at, lower, passed[len(lower) :])


def reopen_decided(clock: Clock, times: Timetable, at: int) -> Clock:
    """After a retarget a decided rung whose time now lies after `at` is pending again."""
    decisions = tuple(
        _PENDING if time is not None and time > at else decision
        for decision, time in zip(clock.decisions, times.rungs, strict=True)
    )
    return altered(clock, decisions=decisions)


def void_pending(clock: Clock) -> Clock:
    """The clock has ended: what has not been decided never will be."""
    decisions = tuple(Decision("void") if d.status == "pending" else d for d in clock.decisions)
    return altered(clock, decisions=decisions)


def next_rung_at(clock: Clock, times: Timetable) -> int | None:
    """When the next pending rung of a running clock fires."""
    return min((time for _, time in _pending(clock, times)), default=None)


def _passed(clock: Clock, times: Timetable, at: int) -> list[tuple[int, int]]:
    """Time and place of the pending rungs whose time is `at` or earlier, the highest last."""
    rungs = enumerate(zip(clock.decisions, times.rungs, strict=True))
    return sorted(
        [
            (time, place)
            for place, (decision, time) in rungs
            if time is not None and time <= at and decision.status == "pending"
        ]
    )


def _settle(clock: Clock, at: int, lower: Sequence[tuple[int, int]], highest: Sequence[tuple[int, int]]) -> Decided:
    decisions = list(clock.decisions)
    happenings = []
    for time, place in lower:
        decisions[place] = Decision("collapsed", time)
        happenings.append(Happening("collapsed", at, time, place))
    for time, place in highest:
        decisions[place] = Decision("fired", at)
        happenings.append(Happening("fired", at, time, place))
    return tuple(decisions), happenings


def _pending(clock: Clock, times: Timetable) -> list[tuple[int, int]]:
    """Place and time of every pending rung whose time is known."""
    return [
        (place, time)
        for place, (decision, time) in enumerate(zip(clock.decisions, times.rungs, strict=True))
        if time is not None and decision.status == "pending"
    ]
