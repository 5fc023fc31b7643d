"""What can happen to a clock. Each event first moves time on to its instant, then counts.

Every function returns the clock as it is afterwards and what happened on the way, in order. An event that
does not apply to the clock's state only moves time. Instants are epoch seconds; one before the clock's
`as_of` raises `SlaError("request_invalid")`, a due or a rung that no calendar covers
`SlaError("calendar_not_covered")`. `begun`, `run_on`, `pass_by` and `pass_unwatched` are the steps of a clock whose
timetable is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from shared.kernel.alteration import altered
from shared.kernel.sla_clock.ladder import (
    Happening,
    fire_in_turn,
    next_rung_at,
    reopen_decided,
    settle_passed,
    settle_unwatched,
    void_pending,
)
from shared.kernel.sla_clock.state import Clock, Decision, Rung
from shared.kernel.sla_clock.timetable import Timetable, timetable
from shared.kernel.working_time import Calendar, SlaError, Unit

RetargetMode = Literal["keep_elapsed", "restart", "keep_deadline", "min"]
Step = tuple[Clock, tuple[Happening, ...]]

_PENDING: Final = Decision()


@dataclass(frozen=True, slots=True)
class ClockPlan:
    """What a clock starts from; `budget` in seconds of `unit`."""

    budget: int
    unit: Unit
    pausable: bool
    rungs: tuple[Rung, ...] = ()


def start(plan: ClockPlan, calendar: Calendar, at: int) -> Step:
    clock = begun(plan, at)
    return run_on(clock, timetable(clock, calendar))


def begun(plan: ClockPlan, at: int) -> Clock:
    """A clock at the instant of its start, of which nothing has been decided yet."""
    return Clock(
        budget=plan.budget,
        unit=plan.unit,
        pausable=plan.pausable,
        rungs=plan.rungs,
        state="running",
        ledger=(),
        since=at,
        as_of=at,
        breached_at=None,
        decisions=(_PENDING,) * len(plan.rungs),
    )


def run_on(clock: Clock, times: Timetable) -> Step:
    """A clock that begins to run, or to run on, at `as_of` under new terms."""
    at = clock.as_of
    decisions, happenings = settle_passed(clock, times, at)
    breached_at = clock.breached_at
    if times.due is not None and times.due < at and breached_at is None:
        breached_at = at
        happenings.append(Happening("breached", at, times.due))
    if not happenings:
        return clock, ()
    return altered(clock, decisions=decisions, breached_at=breached_at), tuple(happenings)


def days_budget(
    calendar: Calendar, unit: Literal["natural_days", "work_days"], at: int, count: int, *, roll: bool = False
) -> int:
    """The natural seconds that a clock in whole days has from its start; from then on it is a natural clock."""
    if unit == "work_days":
        return calendar.work_days(at, count) - at
    return calendar.natural_days(at, count, roll_to_working_day=roll) - at


def advance(clock: Clock, calendar: Calendar, to: int) -> Step:
    """Time alone: rungs fire at their times, and a due left behind is a breach."""
    if clock.ended or to == clock.as_of:  # every event settles its own instant
        return clock, ()
    if to < clock.as_of:
        raise SlaError("request_invalid", "an event lies before the one that came earlier")
    if clock.state == "paused":
        return altered(clock, as_of=to), ()
    return pass_by(clock, timetable(clock, calendar), to)


def pass_by(clock: Clock, times: Timetable, to: int) -> Step:
    """Time alone, for a running clock before `to`."""
    clock, happenings = _passed(clock, times, to, *fire_in_turn(clock, times, to))
    # A rung at due itself comes before the breach, which begins only after due.
    return clock, tuple(sorted(happenings, key=lambda happening: (happening.at, happening.what == "breached")))


def pass_unwatched(clock: Clock, times: Timetable, to: int) -> Step:
    """As `pass_by` when nobody looked: the rungs of the latest instant fire, those below collapse.

    The breach comes last, whenever it was.
    """
    return _passed(clock, times, to, *settle_unwatched(clock, times, to))


def _passed(
    clock: Clock, times: Timetable, to: int, decisions: tuple[Decision, ...], happenings: list[Happening]
) -> Step:
    """The clock at `to`; a due left behind is a breach."""
    breached_at = clock.breached_at
    if times.due is not None and times.due < to and breached_at is None:
        breached_at = times.due
        happenings.append(Happening("breached", breached_at, breached_at))
    return altered(clock, decisions=decisions, as_of=to, breached_at=breached_at), tuple(happenings)


def pause(clock: Clock, calendar: Calendar, at: int) -> Step:
    moved, happenings = advance(clock, calendar, at)
    if moved.state != "running" or moved.since is None or not moved.pausable:
        return moved, happenings
    ledger = (*moved.ledger, (moved.since, at))
    return altered(moved, state="paused", ledger=ledger, since=None), happenings


def resume(clock: Clock, calendar: Calendar, at: int) -> Step:
    moved, happenings = advance(clock, calendar, at)
    if moved.state != "paused":
        return moved, happenings
    running = altered(moved, state="running", since=at, retargeted_while_paused=False)
    times = timetable(running, calendar)
    if moved.retargeted_while_paused:
        running = reopen_decided(running, times, at)
    settled, passed = run_on(running, times)
    return settled, happenings + passed


def stop(clock: Clock, calendar: Calendar, at: int) -> Step:
    return _end(clock, calendar, at, "stopped")


def cancel(clock: Clock, calendar: Calendar, at: int) -> Step:
    return _end(clock, calendar, at, "cancelled")


def retarget(clock: Clock, calendar: Calendar, at: int, budget: int, mode: RetargetMode) -> Step:
    """A new budget in seconds; `mode` says what becomes of the time used and of the deadline given."""
    moved, happenings = advance(clock, calendar, at)
    if moved.ended:
        return moved, happenings
    moved = _rebudget(moved, at, budget, mode)
    times = timetable(moved, calendar)  # a time that is known but not covered is refused now
    if moved.state == "paused":
        return altered(moved, retargeted_while_paused=True), happenings
    settled, passed = run_on(reopen_decided(moved, times, at), times)
    return settled, happenings + passed


def next_event_at(clock: Clock, calendar: Calendar) -> int | None:
    """The instant to advance to next: a rung fires, or a second after due the breach shows. None: nothing."""
    if clock.state != "running":
        return None
    times = timetable(clock, calendar)
    instants = [next_rung_at(clock, times)]
    if clock.breached_at is None:
        instants.append(None if times.due is None else times.due + 1)
    return min((instant for instant in instants if instant is not None), default=None)


def _rebudget(clock: Clock, at: int, budget: int, mode: RetargetMode) -> Clock:
    if mode == "keep_deadline" or (mode == "min" and budget >= clock.budget):
        return clock
    if mode == "restart":
        since = at if clock.state == "running" else None
        return altered(clock, budget=budget, ledger=(), since=since)
    return altered(clock, budget=budget)


def _end(clock: Clock, calendar: Calendar, at: int, state: Literal["stopped", "cancelled"]) -> Step:
    moved, happenings = advance(clock, calendar, at)
    if moved.ended:
        return moved, happenings
    return void_pending(altered(moved, state=state)), happenings
