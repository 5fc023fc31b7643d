"""New terms for a clock that still counts (改期): another rule, an approved extension, or newer versions of both."""

from dataclasses import dataclass, replace
from typing import Any

from services.escalation.domain.clockwork import (
    bare,
    ceased_blank,
    clock_of,
    not_covered,
    pending,
    plan_of,
    recorded,
    running_blank,
)
from services.escalation.domain.instants import to_seconds
from services.escalation.domain.ladder import pass_time
from services.escalation.domain.moments import Moment, Step
from services.escalation.domain.policies import Match
from services.escalation.domain.steps import Moved, cause_in, moved_to, tell, warned_in
from shared.events.parts import ClockChange, VersionedRef
from shared.kernel import sla_clock
from shared.kernel.alteration import altered
from shared.kernel.sla_clock import Clock, ClockPlan, RetargetMode, elapsed
from shared.kernel.working_time import Calendar, SlaError, units


@dataclass(frozen=True, slots=True)
class Target:
    """What a clock is put under, and what becomes of the time used and of the deadline given (`mode`).

    `budget` in seconds of the clock's present unit replaces the rule's.
    """

    match: Match
    mode: RetargetMode
    budget: int | None = None


def retargeted(record: ClockChange, target: Target, moment: Moment) -> Step:
    """The clock under new terms from the moment on; what was due until then is told by the old ones first."""
    if record.not_covered:
        return _reckoned_anew(record, target, moment)
    moved = moved_to(record, moment, commands=True)
    before = _until(record, moved, moment)
    after = _pinned(before, target, moment)
    try:
        resting, calendar, pin = _under(target, before, moved, moment)
        return _counting_on(altered(after, calendar=pin), resting, calendar, moment, moved)
    except SlaError as error:
        not_covered(error)
    return Step(_blank(after, target, moment), before=moved.told)


def extended(record: ClockChange, until: int, moment: Moment) -> Step | None:
    """Due at `until` (epoch seconds) if it counts on; None where that is no later, or cannot be reckoned."""
    if record.not_covered:
        return None
    moved = moved_to(record, moment, commands=True)
    clock, calendar = moved.clock, moved.calendar
    try:
        left = units.between(calendar, clock.unit, clock.as_of, max(until, clock.as_of))
        budget = elapsed(clock, calendar) + left
    except SlaError as error:
        not_covered(error)
        return None
    if budget <= clock.budget:
        return None
    rule = moment.rules.rule(record.policy, record.kind)
    match = Match(record.policy, record.calendar, rule, record.matched)
    return retargeted(record, Target(match, "keep_elapsed", budget), moment)


def _until(record: ClockChange, moved: Moved, moment: Moment) -> ClockChange:
    """The record with what happened up to the moment."""
    fields = recorded(moved.clock, moved.calendar, moved.clock.as_of, record, moment.turn)
    warned = record.warned or warned_in(moved.told)
    return altered(record, warned=warned, cause=cause_in(moved.told) or record.cause, **fields)


def _pinned(record: ClockChange, target: Target, moment: Moment) -> ClockChange:
    return altered(
        record,
        change="retargeted",
        target=record.target + 1,
        first_due_at=record.first_due_at if record.target else record.due_at,
        policy=target.match.policy,
        calendar=target.match.calendar,
        matched=target.match.conditions,
        turn=moment.turn,
    )


def _under(target: Target, record: ClockChange, moved: Moved, moment: Moment) -> tuple[Clock, Calendar, VersionedRef]:
    """The clock under its target but at rest, so that nothing fires by a mixture of old and new terms."""
    resting = _at_rest(moved.clock)
    rungs = target.match.rule.rungs
    resting = altered(resting, rungs=rungs, decisions=clock_of(record, rungs).decisions)
    kept = moved.calendar, record.calendar
    if target.mode == "keep_deadline":
        return _given(resting, kept[0], resting.budget, "keep_deadline"), *kept
    calendar = moment.rules.calendar(target.match.calendar)
    start = resting.as_of if target.mode == "restart" else to_seconds(record.started_at)
    plan = _plan(target, calendar, record, start)
    if target.mode == "min" and not _sooner(plan, calendar, resting, kept[0]):
        return _given(resting, kept[0], resting.budget, "keep_deadline"), *kept
    mode: RetargetMode = "keep_elapsed" if target.mode == "min" else target.mode
    under = _given(altered(resting, unit=plan.unit), calendar, plan.budget, mode)
    return under, calendar, target.match.calendar


def _given(resting: Clock, calendar: Calendar, budget: int, mode: RetargetMode) -> Clock:
    return sla_clock.retarget(resting, calendar, resting.as_of, budget, mode)[0]


def _plan(target: Target, calendar: Calendar, record: ClockChange, start: int) -> ClockPlan:
    """The plan of the rule; one of days counts them from `start`, the clock's own unless it is restarted."""
    if target.budget is None:
        return plan_of(target.match.rule, calendar, start)
    unit: units.Unit = "business" if record.unit == "business" else "natural"
    return ClockPlan(target.budget, unit, pausable=True, rungs=target.match.rule.rungs)


def _sooner(plan: ClockPlan, calendar: Calendar, resting: Clock, present: Calendar) -> bool:
    """Whether a clock that counts on from now would be due earlier by the plan than by its present terms."""
    if plan.unit == resting.unit and calendar is present:
        return plan.budget < resting.budget
    at = resting.as_of
    used = elapsed(altered(resting, unit=plan.unit), calendar)
    new = units.add(calendar, plan.unit, at, max(0, plan.budget - used))
    return new < units.add(present, resting.unit, at, max(0, resting.budget - elapsed(resting, present)))


def _at_rest(clock: Clock) -> Clock:
    """As paused at its `as_of`: the retarget divides the interval that runs."""
    if clock.since is None:
        return clock
    ran = ((clock.since, clock.as_of),) if clock.since < clock.as_of else ()
    return altered(clock, state="paused", ledger=(*clock.ledger, *ran), since=None)


def _counting_on(record: ClockChange, resting: Clock, calendar: Calendar, moment: Moment, moved: Moved) -> Step:
    if record.state != "running":
        fields = recorded(resting, calendar, resting.as_of, record, moment.turn)
        return Step(altered(record, unit=resting.unit, **fields), before=moved.told)
    clock, happenings = sla_clock.resume(resting, calendar, resting.as_of)
    fields = recorded(clock, calendar, to_seconds(moment.now), record, moment.turn)
    after = altered(record, unit=clock.unit, **fields)
    told = tell(after, moment, clock, calendar, happenings)
    return Step(altered(after, cause=cause_in(told) or after.cause), before=moved.told, after=told)


def _reckoned_anew(record: ClockChange, target: Target, moment: Moment) -> Step:
    """A clock that its calendar did not cover, from its start on, as if the new one had always been known."""
    after = _pinned(record, target, moment)
    calendar = moment.rules.calendar(target.match.calendar)
    try:
        plan = _plan(_with_own_budget(record, target, moment), calendar, record, to_seconds(record.started_at))
        terms: dict[str, Any] = {"budget_seconds": plan.budget, "unit": plan.unit}
        after = altered(after, **terms)
        clock = clock_of(after, plan.rungs)
        if clock.since is None:
            return Step(altered(after, **recorded(clock, calendar, clock.as_of, after, moment.turn)))
        resting = altered(clock, state="paused", since=None)
        running, first = sla_clock.resume(resting, calendar, clock.since)
        running, then = pass_time(running, calendar, max(moment.at, running.as_of))
        fields = recorded(running, calendar, to_seconds(moment.now), after, moment.turn)
    except SlaError as error:
        not_covered(error)
        return Step(_blank(after, target, moment))
    after = altered(after, **fields)
    told = tell(after, moment, running, calendar, (*first, *then))
    return Step(altered(after, cause=cause_in(told)), after=told)


def _with_own_budget(record: ClockChange, target: Target, moment: Moment) -> Target:
    """A budget that the rule did not give stays, as no rule knows it."""
    own = (record.budget_seconds, record.unit) != bare(moment.rules.rule(record.policy, record.kind))
    return replace(target, budget=record.budget_seconds) if own else target


def _blank(record: ClockChange, target: Target, moment: Moment) -> ClockChange:
    budget, unit = bare(target.match.rule) if target.budget is None else (target.budget, record.unit)
    bared = altered(record, budget_seconds=budget, unit=unit, rungs=pending(target.match.rule))
    if record.state == "running":
        return running_blank(bared, moment.instant, moment.turn)
    return ceased_blank(bared, "paused", moment.instant, moment.turn)
