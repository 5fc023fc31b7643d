"""What a record of the work order does to one clock: it starts, pauses, is held, counts on, or ends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from services.escalation.domain.causes import cause_of
from services.escalation.domain.clockwork import (
    blank,
    ceased_blank,
    clock_of,
    frozen,
    not_covered,
    plan_of,
    recorded,
    restored,
    running_blank,
    times_of,
)
from services.escalation.domain.instants import to_instant, to_seconds
from services.escalation.domain.ladder import Teller, Told, run_until
from services.escalation.domain.moments import Moment, Step
from services.escalation.domain.policies import Match
from services.escalation.domain.state import next_due
from services.escalation.domain.table import is_alarm
from shared.events.parts import ClockChange
from shared.events.sla import ClockAtRisk, ClockBreached
from shared.kernel import sla_clock
from shared.kernel.alteration import altered
from shared.kernel.sla_clock import Clock, ClockPlan, Happening, timetable
from shared.kernel.working_time import Calendar, SlaError, units


@dataclass(frozen=True, slots=True)
class Terms:
    """What the record that starts a clock says of it beside the rule.

    `due`: when it is due, whatever the budget. `cap`: the most natural seconds that it gets. `subject`: what it is
    about, where an order may have several of a kind.
    """

    due: datetime | None = None
    cap: int | None = None
    subject: str | None = None


def passed(record: ClockChange, moment: Moment) -> Sequence[Told]:
    """What is told of a running clock when time moves to `moment.at`."""
    if record.not_covered:
        return ()
    clock, calendar = restored(record, moment.rules)
    moved, happenings = run_until(clock, times_of(record, clock), moment.at)
    return tell(record, moment, moved, calendar, happenings)


def started(match: Match, kind: str, clock_id: tuple[str, int], moment: Moment, terms: Terms) -> Step:
    """A new clock under the rule that matched."""
    calendar, at = moment.rules.calendar(match.calendar), moment.at
    known: dict[str, Any] = {"subject": terms.subject, "turn": moment.turn}
    try:
        plan = _capped(_plan(match, calendar, at, terms), calendar, at, terms.cap)
        known |= {"budget_seconds": plan.budget, "unit": plan.unit}
        clock = sla_clock.begun(plan, at)
        times = timetable(clock, calendar)
        clock, happenings = sla_clock.run_on(clock, times)
        fields = recorded(clock, calendar, to_seconds(moment.now), None, moment.turn, times)
    except SlaError as error:
        not_covered(error)
        uncovered = blank(match, kind, clock_id, moment.cycle, moment.instant, **known)
        return Step(running_blank(uncovered, moment.instant, moment.turn))
    record = blank(match, kind, clock_id, moment.cycle, moment.instant, **(known | fields))
    return _with_told(record, tell(record, moment, clock, calendar, happenings))


def _with_told(record: ClockChange, told: Sequence[Told]) -> Step:
    """A clock with what began with it."""
    cause = cause_in(told)
    return Step(record if cause is None else altered(record, cause=cause), after=told)


def _plan(match: Match, calendar: Calendar, at: int, terms: Terms) -> ClockPlan:
    if terms.due is None:
        return plan_of(match.rule, calendar, at)
    return ClockPlan(max(0, to_seconds(terms.due) - at), "natural", pausable=True, rungs=match.rule.rungs)


def _capped(plan: ClockPlan, calendar: Calendar, at: int, cap: int | None) -> ClockPlan:
    if cap is None or units.add(calendar, plan.unit, at, plan.budget) <= at + cap:
        return plan
    return replace(plan, budget=cap, unit="natural")


def ended(record: ClockChange, moment: Moment, state: Literal["stopped", "cancelled"]) -> Step:
    if record.not_covered:
        return Step(altered(_ceased(record, moment, state), provisional=False))
    if record.state == "running" and (at := _undisturbed(record, moment)) is not None:
        calendar = moment.rules.calendar(record.calendar)
        fields = frozen(record, calendar, at, moment.turn) | {"state": state, "provisional": False}
        # Only a cause is asked of the clock, and no cause asks for its rungs.
        breached = None if record.breached_at is None else Moved(clock_of(record, (), at), calendar, ())
        return _over(record, moment, breached, fields)
    moved = moved_to(record, moment, commands=False)
    end = sla_clock.stop if state == "stopped" else sla_clock.cancel
    clock, _ = end(moved.clock, moved.calendar, moved.clock.as_of)
    fields = recorded(clock, moved.calendar, clock.as_of, record, moment.turn)
    return _over(record, moment, Moved(clock, moved.calendar, moved.told), fields | {"provisional": False})


def held(record: ClockChange, moment: Moment) -> Step:
    """Stopped for now: as a stop for everybody who looks, as a pause for the arithmetic."""
    if record.not_covered:
        return Step(altered(_ceased(record, moment, "stopped"), provisional=True))
    moved = moved_to(record, moment, commands=False)
    clock, _ = sla_clock.pause(moved.clock, moved.calendar, moved.clock.as_of)
    fields = recorded(clock, moved.calendar, clock.as_of, record, moment.turn)
    fields |= {"state": "stopped", "due_at": record.due_at, "provisional": True}
    return _over(record, moment, Moved(clock, moved.calendar, moved.told), fields)


def _over(record: ClockChange, moment: Moment, moved: "Moved | None", fields: dict[str, Any]) -> Step:
    """The record of a clock that was stopped, for good or for now, or cancelled.

    `moved`: what became of it; None where nothing was told of it and it was never breached.
    """
    told, breached_at = (moved.told, moved.clock.breached_at) if moved is not None else ((), None)
    over: dict[str, Any] = {
        "change": fields["state"],
        "breached_at": None,
        "warned": record.warned or warned_in(told),
        "cause": None,
        "turn": moment.turn,
    }
    if moved is not None and breached_at is not None and not is_alarm(record.kind):
        over["breached_at"] = to_instant(breached_at)
        if not _was_in_time(record, moved.clock.as_of):
            over["cause"] = cause_of(record, moved.clock, moved.calendar, moment)
        elif fields["state"] == "stopped":
            over["change"] = "corrected"
    return Step(altered(record, **(fields | over)), told)


def paused(record: ClockChange, moment: Moment, reason: str) -> Step:
    """Pauses for a reason that its policy knows; what was breached before stays breached."""
    times = {**record.pauses, reason: record.pauses.get(reason, 0) + 1}
    again = altered(record, change="paused", pauses=times, turn=moment.turn)
    if record.not_covered:
        return Step(ceased_blank(again, "paused", moment.instant, moment.turn))
    moved = moved_to(record, moment, commands=True)
    clock, _ = sla_clock.pause(moved.clock, moved.calendar, moved.clock.as_of)
    fields = recorded(clock, moved.calendar, moved.clock.as_of, record, moment.turn)
    cause = cause_in(moved.told) or record.cause
    return Step(altered(again, warned=record.warned or warned_in(moved.told), cause=cause, **fields), moved.told)


def resumed(record: ClockChange, moment: Moment, at: int | None = None) -> Step:
    """Counts on after a pause or a stop that was not for good; `at` in epoch seconds, default: from the moment on."""
    again = altered(record, change="resumed", provisional=False, turn=moment.turn)
    if record.not_covered:
        return Step(running_blank(again, moment.instant, moment.turn))
    clock, calendar = restored(record, moment.rules)
    since = max(moment.at if at is None else at, clock.as_of)
    try:
        running, happenings = sla_clock.resume(clock, calendar, since)
        again = altered(again, **recorded(running, calendar, to_seconds(moment.now), record, moment.turn))
    except SlaError as error:
        not_covered(error)
        return Step(running_blank(again, to_instant(since), moment.turn))
    return _with_told(again, tell(again, moment, running, calendar, happenings))


def released(record: ClockChange, moment: Moment) -> Step:
    """Counts on after a review that rejected, with or without the time of the review as its rule has it."""
    counts_review = moment.rules.rule(record.policy, record.kind).counts_review
    stopped_at = record.ledger[-1].until if counts_review and record.ledger else None
    return resumed(record, moment, None if stopped_at is None else to_seconds(stopped_at))


@dataclass(frozen=True, slots=True)
class Moved:
    """A clock after time alone, and what is told of it."""

    clock: Clock
    calendar: Calendar
    told: Sequence[Told]


def moved_to(record: ClockChange, moment: Moment, commands: bool) -> Moved:
    """The clock at the moment, or at its last turn if that came later. Nothing happens to a paused one."""
    clock, calendar = restored(record, moment.rules)
    at = max(moment.at, clock.as_of)
    if clock.state != "running" or not _due_by(record, at):
        return Moved(altered(clock, as_of=at), calendar, ())
    moved, happenings = run_until(clock, times_of(record, clock), at)
    return Moved(moved, calendar, tell(record, moment, moved, calendar, happenings, commands))


def _undisturbed(record: ClockChange, moment: Moment) -> int | None:
    """The moment, or the last turn of a clock that runs if that came later; None if something was due by then."""
    at = max(moment.at, to_seconds(record.ledger[-1].since))
    return None if _due_by(record, at) else at


def _due_by(record: ClockChange, at: int) -> bool:
    due = next_due(record)
    return due is not None and to_seconds(due) <= at


def _ceased(record: ClockChange, moment: Moment, state: str) -> ClockChange:
    return altered(ceased_blank(record, state, moment.instant, moment.turn), change=state, turn=moment.turn)


def _was_in_time(record: ClockChange, at: int) -> bool:
    """A breach was decided, and only then it became known that the clock had stopped before.

    A due that was moved after the breach excuses nothing.
    """
    if record.breached_at is None or record.due_at is None or at > to_seconds(record.due_at):
        return False
    return record.target == 0 or at <= to_seconds(record.breached_at)


def warned_in(told: Sequence[Told]) -> bool:
    return bool(told) and any(isinstance(event, ClockAtRisk) for _, event in told)


def cause_in(told: Sequence[Told]) -> str | None:
    if not told:
        return None
    return next((event.clock.cause for _, event in told if isinstance(event, ClockBreached)), None)


def tell(
    record: ClockChange,
    moment: Moment,
    clock: Clock,
    calendar: Calendar,
    happenings: Sequence[Happening],
    commands: bool = True,
) -> Sequence[Told]:
    """The events of what happened; a breach says why."""
    if not happenings:
        return ()
    if any(happening.what == "breached" for happening in happenings) and not is_alarm(record.kind):
        record = altered(record, cause=cause_of(record, clock, calendar, moment))
    policy = moment.rules.policy(record.policy)
    rule, quiet = policy.clocks[record.kind], policy.quiet_hours
    return Teller(
        record, rule, moment.cycle, moment.now, clock, calendar, commands, order=moment.asked, quiet=quiet
    ).tell(happenings)
