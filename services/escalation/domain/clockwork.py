"""Between a clock as it is recorded and the clock that the SLA arithmetic reckons with."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Literal

from services.escalation.domain.instants import to_instant, to_seconds
from services.escalation.domain.policies import ClockRule, Match, Rulebook
from shared.events.parts import ClockChange, ClockView, RungTime, RunningInterval
from shared.kernel.sla_clock import Clock, ClockPlan, Decision, days_budget, due_at, elapsed, fire_times
from shared.kernel.working_time import Calendar, SlaError, Unit

DECIDED: Final = ("fired", "collapsed")
DAY_UNITS: Final = ("natural_days", "work_days")


def plan_of(rule: ClockRule, calendar: Calendar, at: int, budget: int | None = None) -> ClockPlan:
    """What a clock of this rule starts from at `at`; `budget` in seconds if the rule's does not count.

    Raises SlaError("calendar_not_covered"). Days become natural seconds here, for good.
    """
    unit: Unit = "business" if rule.unit == "business" else "natural"
    if budget is None and rule.unit in DAY_UNITS:
        days: Literal["natural_days", "work_days"] = "work_days" if rule.unit == "work_days" else "natural_days"
        budget = days_budget(calendar, days, at, rule.budget, roll=rule.roll_to_working_day)
    # Which clocks a suspension pauses is the table's matter, so the arithmetic may pause every one.
    return ClockPlan(rule.budget if budget is None else budget, unit, pausable=True, rungs=rule.rungs)


def not_covered(error: SlaError) -> bool:
    """Raises `error` again unless it says that the calendar does not reach far enough."""
    if error.code != "calendar_not_covered":
        raise error
    return True


def recorded(clock: Clock, calendar: Calendar, at: int) -> dict[str, Any]:
    """The fields of a record that the arithmetic decides, as of `at`.

    Raises SlaError("calendar_not_covered") unless due and rungs are covered.
    """
    times = fire_times(clock, calendar)
    return {
        "state": clock.state,
        "due_at": to_instant(due_at(clock, calendar)),
        "elapsed_seconds": elapsed_at(clock, calendar, at),
        "breached_at": to_instant(clock.breached_at),
        "ledger": _ledger(clock),
        "rungs": tuple(
            RungTime(rung.key, decision.status, to_instant(time))
            for rung, decision, time in zip(clock.rungs, clock.decisions, times, strict=True)
        ),
        "not_covered": False,
    }


def _ledger(clock: Clock) -> tuple[RunningInterval, ...]:
    ran = tuple(RunningInterval(to_instant(since), to_instant(until)) for since, until in clock.ledger)
    if clock.since is None:
        return ran
    return (*ran, RunningInterval(to_instant(clock.since), to_instant(clock.as_of) if clock.ended else None))


def restored(record: ClockChange, rules: Rulebook) -> tuple[Clock, Calendar]:
    """The clock of a record that still counts, or that may count on, with its pinned calendar."""
    rule = rules.rule(record.policy, record.kind)
    ledger = tuple((to_seconds(ran.since), to_seconds(ran.until)) for ran in record.ledger if ran.until is not None)
    since = next((to_seconds(ran.since) for ran in record.ledger if ran.until is None), None)
    clock = Clock(
        budget=record.budget_seconds,
        unit="business" if record.unit == "business" else "natural",
        pausable=True,
        rungs=rule.rungs,
        state="paused" if since is None else "running",
        ledger=ledger,
        since=since,
        # Not the last time that something fired: a stop that occurred before it may still come.
        as_of=ledger[-1][1] if since is None else since,
        breached_at=None if record.breached_at is None else to_seconds(record.breached_at),
        decisions=tuple(_decision(rung) for rung in record.rungs) or (Decision(),) * len(rule.rungs),
    )
    return clock, rules.calendar(record.calendar)


def _decision(rung: RungTime) -> Decision:
    if rung.status in DECIDED and rung.fire_at is not None:
        return Decision("fired" if rung.status == "fired" else "collapsed", to_seconds(rung.fire_at))
    return Decision()


def elapsed_at(clock: Clock, calendar: Calendar, at: int) -> int | None:
    """Seconds used up; None where the calendar cannot tell."""
    try:
        return elapsed(clock, calendar, max(at, clock.as_of))
    except SlaError as error:
        not_covered(error)
        return None


def view_of(record: ClockChange, **newer: Any) -> ClockView:
    """The record as rungs and breaches show it, with what is newer."""
    fields = {name: getattr(record, name) for name in ClockView.__dataclass_fields__}
    return ClockView(**{**fields, **newer})


def blank(match: Match, kind: str, clock_id: tuple[str, int], cycle: int, at: datetime) -> ClockChange:
    """A clock that runs from `at` without a due, as one does whose calendar does not reach so far.

    `clock_id` is the work order and the clock's number.
    """
    order_id, number = clock_id
    days = match.rule.unit in DAY_UNITS
    return ClockChange(
        id=f"{order_id}/{number}",
        kind=kind,
        state="running",
        budget_seconds=0 if days else match.rule.budget,
        unit="natural" if days else match.rule.unit,
        started_at=at,
        due_at=None,
        elapsed_seconds=None,
        policy=match.policy,
        calendar=match.calendar,
        not_covered=True,
        change="started",
        number=number,
        cycle=cycle,
        ledger=(RunningInterval(at),),
        rungs=tuple(RungTime(rung.key, "pending", None) for rung in match.rule.rungs),
        matched=match.conditions,
    )


def ended_blank(record: ClockChange, state: str, at: datetime) -> ClockChange:
    """An uncovered clock after its stop or cancel: what it used is not known."""
    *ran, last = record.ledger
    ledger = (*ran, replace(last, until=max(at, last.since)))
    rungs = tuple(rung if rung.status in DECIDED else replace(rung, status="void") for rung in record.rungs)
    return replace(record, state=state, due_at=None, elapsed_seconds=None, ledger=ledger, rungs=rungs)


def resumed_blank(record: ClockChange, at: datetime) -> ClockChange:
    """A clock that counts on from `at` beyond what its calendar covers."""
    rungs = tuple(
        rung if rung.status in DECIDED else replace(rung, status="pending", fire_at=None) for rung in record.rungs
    )
    ledger = (*record.ledger, RunningInterval(at))
    return replace(
        record, state="running", due_at=None, elapsed_seconds=None, ledger=ledger, rungs=rungs, not_covered=True
    )
