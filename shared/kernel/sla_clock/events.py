"""What can happen to a clock. Each event first moves time on to its instant, then counts.

Every function returns the clock as it is afterwards and what happened on the way, in order. An event that
does not apply to the clock's state only moves time. Instants are epoch seconds; one before the clock's
`as_of` raises `SlaError("request_invalid")`, a due or a rung that no calendar covers
`SlaError("calendar_not_covered")`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from shared.kernel.sla_clock.ladder import (
    Happening,
    fire_in_turn,
    next_rung_at,
    reopen_decided,
    rung_times,
    settle_passed,
    void_pending,
)
from shared.kernel.sla_clock.state import Clock, Decision, Rung, due_at
from shared.kernel.working_time import Calendar, SlaError, Unit

RetargetMode = Literal["keep_elapsed", "restart", "keep_deadline", "min"]
Step = tuple[Clock, tuple[Happening, ...]]


@dataclass(frozen=True, slots=True)
class ClockPlan:
    """What a clock starts from; `budget` in seconds of `unit`."""

    budget: int
    unit: Unit
    pausable: bool
    rungs: tuple[Rung, ...] = ()


def start(plan: ClockPlan, calendar: Calendar, at: int) -> Step:
    clock = Clock(
        budget=plan.budget,
        unit=plan.unit,
        pausable=plan.pausable,
        rungs=plan.rungs,
        state="running",
        ledger=(),
        since=at,
        as_of=at,
        breached_at=None,
        decisions=(Decision(),) * len(plan.rungs),
    )
    return _run_on(clock, calendar)


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
        return replace(clock, as_of=to), ()
    due = due_at(clock, calendar)
    moved, happenings = fire_in_turn(replace(clock, as_of=to), calendar, to)
    if due is not None and due < to and clock.breached_at is None:
        moved = replace(moved, breached_at=due)
        happenings.append(Happening("breached", due, due))
    # A rung at due itself comes before the breach, which begins only after due.
    happenings.sort(key=lambda happening: (happening.at, happening.what == "breached"))
    return moved, tuple(happenings)


def pause(clock: Clock, calendar: Calendar, at: int) -> Step:
    moved, happenings = advance(clock, calendar, at)
    if moved.state != "running" or moved.since is None or not moved.pausable:
        return moved, happenings
    ledger = (*moved.ledger, (moved.since, at))
    return replace(moved, state="paused", ledger=ledger, since=None), happenings


def resume(clock: Clock, calendar: Calendar, at: int) -> Step:
    moved, happenings = advance(clock, calendar, at)
    if moved.state != "paused":
        return moved, happenings
    running = replace(moved, state="running", since=at, retargeted_while_paused=False)
    if moved.retargeted_while_paused:
        running = reopen_decided(running, calendar, at)
    settled, passed = _run_on(running, calendar)
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
    changed = _rebudget(moved, at, budget, mode)
    if changed.state == "paused":
        rung_times(changed, calendar)  # a time that is known but not covered is refused now
        return replace(changed, retargeted_while_paused=True), happenings
    settled, passed = _run_on(reopen_decided(changed, calendar, at), calendar)
    return settled, happenings + passed


def next_event_at(clock: Clock, calendar: Calendar) -> int | None:
    """The instant to advance to next: a rung fires, or a second after due the breach shows. None: nothing."""
    if clock.state != "running":
        return None
    instants = [next_rung_at(clock, calendar)]
    if clock.breached_at is None:
        due = due_at(clock, calendar)
        instants.append(None if due is None else due + 1)
    return min((instant for instant in instants if instant is not None), default=None)


def _rebudget(clock: Clock, at: int, budget: int, mode: RetargetMode) -> Clock:
    if mode == "keep_deadline" or (mode == "min" and budget >= clock.budget):
        return clock
    if mode == "restart":
        since = at if clock.state == "running" else None
        return replace(clock, budget=budget, ledger=(), since=since)
    return replace(clock, budget=budget)


def _run_on(clock: Clock, calendar: Calendar) -> Step:
    """A clock that begins to run, or to run on, at `as_of` under new terms."""
    at = clock.as_of
    due = due_at(clock, calendar)
    settled, happenings = settle_passed(clock, calendar, at)
    if due is not None and due < at and clock.breached_at is None:
        settled = replace(settled, breached_at=at)
        happenings.append(Happening("breached", at, due))
    return settled, tuple(happenings)


def _end(clock: Clock, calendar: Calendar, at: int, state: Literal["stopped", "cancelled"]) -> Step:
    moved, happenings = advance(clock, calendar, at)
    if moved.ended:
        return moved, happenings
    return void_pending(replace(moved, state=state)), happenings
