"""Clock 时钟 as a value: a budget 时限 and a ledger of the intervals in which it ran. No deadline is stored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

from shared.kernel.working_time import Calendar, Unit, units

State = Literal["running", "paused", "stopped", "cancelled"]
RungStatus = Literal["pending", "fired", "collapsed", "void"]


@dataclass(frozen=True, slots=True)
class ShareRung:
    """A rung 升级档 at a share of the budget; `percent` is the decimal number as it was written."""

    occurrence: ClassVar[int] = 1

    key: str
    percent: str


@dataclass(frozen=True, slots=True)
class OffsetRung:
    """A rung a signed number of seconds from due, in its own unit."""

    occurrence: ClassVar[int] = 1

    key: str
    seconds: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class RepeatRung:
    """A rung once more: each occurrence `every` > 0 seconds of `unit` after the one before; `occurrence` from 2.

    Like an offset it counts calendar time, whether the clock runs or not; and it is decided by itself.
    """

    base: ShareRung | OffsetRung
    every: int
    unit: Unit
    occurrence: int

    @property
    def key(self) -> str:
        return self.base.key


Rung = ShareRung | OffsetRung | RepeatRung


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a rung, and for a decided one when: a fired one's firing, a collapsed one's own time."""

    status: RungStatus = "pending"
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """Plain data all through; every function over it takes the calendar beside it.

    `ledger` holds the intervals that ended, `since` opens the last one, which goes on until `as_of`.
    A stop or a cancel leaves `since` in place and freezes `as_of`, so everything stands as it stood.
    """

    budget: int
    unit: Unit
    pausable: bool
    rungs: tuple[Rung, ...]
    state: State
    ledger: tuple[tuple[int, int], ...]
    since: int | None
    as_of: int
    breached_at: int | None
    decisions: tuple[Decision, ...]
    retargeted_while_paused: bool = False

    @property
    def ended(self) -> bool:
        return self.state in ("stopped", "cancelled")


def elapsed(clock: Clock, calendar: Calendar, at: int | None = None) -> int:
    """Seconds of the clock's unit used up at `at` (default: its `as_of`), which only a running clock heeds."""
    until = clock.as_of if at is None or clock.state != "running" else at
    ran = clock.ledger if clock.since is None else (*clock.ledger, (clock.since, until))
    return used_in(ran, calendar, clock.unit)


def used_in(ledger: Iterable[tuple[int, int]], calendar: Calendar, unit: Unit) -> int:
    """Seconds of the unit in all the intervals of a ledger together."""
    used = 0
    for since, until in ledger:
        used += units.between(calendar, unit, since, until)
    return used


def remaining(clock: Clock, calendar: Calendar, at: int | None = None) -> int:
    """What is left of the budget; negative once it is overdrawn."""
    return clock.budget - elapsed(clock, calendar, at)


def due_at(clock: Clock, calendar: Calendar) -> int | None:
    """The earliest instant at which the budget is used up, None if that depends on a resume."""
    return reached_at(clock, calendar, clock.budget)


def reached_at(clock: Clock, calendar: Calendar, amount: int) -> int | None:
    """The earliest instant at which `elapsed` reaches `amount`, running on from the last interval."""
    used = 0
    for since, until in clock.ledger:
        ran = units.between(calendar, clock.unit, since, until)
        if used + ran >= amount:
            return units.add(calendar, clock.unit, since, amount - used)
        used += ran
    if clock.since is None:
        return None
    return units.add(calendar, clock.unit, clock.since, amount - used)
