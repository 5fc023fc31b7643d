"""Between a clock as it is recorded and the clock that the SLA arithmetic reckons with."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, Literal

from services.escalation.domain.instants import to_instant, to_seconds
from services.escalation.domain.policies import ClockRule, Match, Rulebook
from shared.events.parts import ClockChange, ClockView, RungTime, RunningInterval, Turn
from shared.kernel.alteration import altered
from shared.kernel.sla_clock import (
    Clock,
    ClockPlan,
    Decision,
    Rung,
    Timetable,
    days_budget,
    elapsed,
    timetable,
    used_in,
)
from shared.kernel.working_time import Calendar, SlaError, Unit

DECIDED: Final = ("fired", "collapsed")
PENDING: Final = Decision()
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


def recorded(
    clock: Clock,
    calendar: Calendar,
    at: int,
    former: ClockChange | None,
    turn: Turn | None,
    times: Timetable | None = None,
) -> dict[str, Any]:
    """The fields of a record that the arithmetic decides, as of `at`; `turn` is what made the clock begin or cease.

    `times`: the clock's, where they are laid out already. Raises SlaError("calendar_not_covered") unless due and
    rungs are covered.
    """
    times = times or timetable(clock, calendar)
    return {
        "state": clock.state,
        "budget_seconds": clock.budget,
        "due_at": to_instant(times.due),
        "elapsed_seconds": elapsed_at(clock, calendar, at),
        "breached_at": to_instant(clock.breached_at),
        "ledger": ledger_of(_spans(clock), () if former is None else former.ledger, turn),
        "rungs": _rungs(clock, times, former),
        "retargeted_while_paused": clock.retargeted_while_paused,
        "not_covered": False,
    }


def _rungs(clock: Clock, times: Timetable, former: ClockChange | None) -> tuple[RungTime, ...]:
    decided = (
        {(rung.name, rung.occurrence): rung for rung in former.rungs if rung.status in DECIDED} if former else {}
    )
    target = former.target if former else 0
    found = []
    for rung, decision, planned in zip(clock.rungs, clock.decisions, times.rungs, strict=True):
        before = decided.get((rung.key, rung.occurrence)) if decided else None
        if before is not None and _decision(before.status, before.fire_at) == decision:
            found.append(before)
        else:
            time = planned if decision.at is None else decision.at
            found.append(RungTime(rung.key, decision.status, to_instant(time), target, rung.occurrence))
    return tuple(found)


def frozen(record: ClockChange, calendar: Calendar, at: int, turn: Turn | None) -> dict[str, Any]:
    """As `recorded` for a running clock that ends at `at`, when nothing was due since the record: its due stands."""
    *ran, last = record.ledger
    ledger = (*ran, RunningInterval(last.since, to_instant(at), last.began, turn))
    rungs = [
        rung if rung.status in DECIDED else RungTime(rung.name, "void", rung.fire_at, rung.target, rung.occurrence)
        for rung in record.rungs
    ]
    return {
        "elapsed_seconds": _used(_closed(ledger), calendar, record.unit),
        "ledger": ledger,
        "rungs": tuple(rungs),
    }


def _closed(ledger: Sequence[RunningInterval]) -> tuple[tuple[int, int], ...]:
    """The intervals that have ended, in epoch seconds."""
    return tuple([(to_seconds(ran.since), to_seconds(ran.until)) for ran in ledger if ran.until is not None])


def _used(ledger: Sequence[tuple[int, int]], calendar: Calendar, unit: str) -> int | None:
    """Seconds used up; None where the calendar cannot tell."""
    try:
        return used_in(ledger, calendar, "business" if unit == "business" else "natural")
    except SlaError as error:
        not_covered(error)
        return None


def _spans(clock: Clock) -> Sequence[tuple[int, int | None]]:
    """The stretches of time in which a clock ran, the last one open if it still does."""
    if clock.since is None:
        return clock.ledger
    return (*clock.ledger, (clock.since, clock.as_of if clock.ended else None))


def ledger_of(
    spans: Sequence[tuple[int, int | None]], former: Sequence[RunningInterval], turn: Turn | None
) -> tuple[RunningInterval, ...]:
    """The intervals with what began and ended them: known for those that stand in `former`, else it was `turn`."""
    ledger: list[RunningInterval] = []
    for place, (since, until) in enumerate(spans):
        known = former[place] if place < len(former) and to_seconds(former[place].since) == since else None
        if known is None:
            ended = None if until is None else turn
            known = RunningInterval(to_instant(since), to_instant(until), began=turn, ended=ended)
        elif until is not None and known.until is None:
            known = replace(known, since=to_instant(since), until=to_instant(until), ended=turn)
        ledger.append(known)
    return tuple(ledger)


def restored(record: ClockChange, rules: Rulebook) -> tuple[Clock, Calendar]:
    """The clock of a record that still counts, or that may count on, with its pinned calendar."""
    rule = rules.rule(record.policy, record.kind)
    return clock_of(record, rule.rungs), rules.calendar(record.calendar)


def clock_of(record: ClockChange, rungs: tuple[Rung, ...], as_of: int | None = None) -> Clock:
    """The clock of a record with the ladder `rungs`; what was decided of rungs of the same name stays decided.

    `as_of` in epoch seconds: not before its last turn, which is the default.
    """
    ledger = _closed(record.ledger)
    last = record.ledger[-1] if record.ledger else None
    since = to_seconds(last.since) if last is not None and last.until is None else None
    if as_of is None:
        # Not the last time that something fired: a stop that occurred before it may still come.
        as_of = since if since is not None else ledger[-1][1] if ledger else to_seconds(record.started_at)
    return Clock(
        budget=record.budget_seconds,
        unit="business" if record.unit == "business" else "natural",
        pausable=True,
        rungs=rungs,
        state="paused" if since is None else "running",
        ledger=ledger,
        since=since,
        as_of=as_of,
        breached_at=None if record.breached_at is None else to_seconds(record.breached_at),
        decisions=_decisions(record, rungs),
        retargeted_while_paused=record.retargeted_while_paused,
    )


def times_of(record: ClockChange, clock: Clock) -> Timetable:
    """The timetable of a clock that runs, from its own record: what is pending stands there as it was laid out."""
    planned = {(rung.name, rung.occurrence): to_seconds(rung.fire_at) for rung in record.rungs if rung.fire_at}
    rungs = tuple([planned.get((rung.key, rung.occurrence)) for rung in clock.rungs])
    return Timetable(None if record.due_at is None else to_seconds(record.due_at), rungs)


def _decisions(record: ClockChange, rungs: tuple[Rung, ...]) -> tuple[Decision, ...]:
    decided = {
        (rung.name, rung.occurrence): _decision(rung.status, rung.fire_at)
        for rung in (record.rungs if rungs else ())
        if rung.status in DECIDED
    }
    if not decided:
        return (PENDING,) * len(rungs)
    return tuple(decided.get((rung.key, rung.occurrence), PENDING) for rung in rungs)


def _decision(status: str, at: datetime | None) -> Decision:
    return PENDING if at is None else Decision("fired" if status == "fired" else "collapsed", to_seconds(at))


def elapsed_at(clock: Clock, calendar: Calendar, at: int) -> int | None:
    """Seconds used up; None where the calendar cannot tell."""
    try:
        return elapsed(clock, calendar, max(at, clock.as_of))
    except SlaError as error:
        not_covered(error)
        return None


_VIEW: Final = tuple(ClockView.__dataclass_fields__)
_viewed = attrgetter(*_VIEW)


def view_of(record: ClockChange, **newer: Any) -> ClockView:
    """The record as rungs and breaches show it, with what is newer."""
    return ClockView(**(dict(zip(_VIEW, _viewed(record), strict=True)) | newer))


def blank(match: Match, kind: str, clock_id: tuple[str, int], cycle: int, at: datetime, **known: Any) -> ClockChange:
    """A clock that starts at `at`, without a due unless it is among what is `known` of it.

    `clock_id` is the work order and the clock's number.
    """
    order_id, number = clock_id
    fields = known if "due_at" in known else {**_unreckoned(match.rule), **known}
    return ClockChange(
        id=f"{order_id}/{number}",
        kind=kind,
        started_at=at,
        policy=match.policy,
        calendar=match.calendar,
        change="started",
        number=number,
        cycle=cycle,
        matched=match.conditions,
        **fields,
    )


def _unreckoned(rule: ClockRule) -> dict[str, Any]:
    budget, unit = bare(rule)
    return {
        "state": "running",
        "budget_seconds": budget,
        "unit": unit,
        "due_at": None,
        "elapsed_seconds": None,
        "not_covered": True,
        "rungs": pending(rule),
    }


def bare(rule: ClockRule) -> tuple[int, str]:
    """Budget in seconds and unit as far as the rule alone tells; how long days are, only a calendar does."""
    return (0, "natural") if rule.unit in DAY_UNITS else (rule.budget, rule.unit)


def pending(rule: ClockRule) -> tuple[RungTime, ...]:
    return tuple(RungTime(rung.key, "pending", None, occurrence=rung.occurrence) for rung in rule.rungs)


def ceased_blank(record: ClockChange, state: str, at: datetime, turn: Turn | None) -> ClockChange:
    """An uncovered clock after its pause, stop or cancel: what it used is not known."""
    ledger = record.ledger
    if ledger and ledger[-1].until is None:
        last = ledger[-1]
        ledger = (*ledger[:-1], replace(last, until=max(at, last.since), ended=turn))
    undecided = "pending" if state == "paused" else "void"
    rungs = tuple(
        rung if rung.status in DECIDED else replace(rung, status=undecided, fire_at=None) for rung in record.rungs
    )
    return altered(
        record, state=state, due_at=None, elapsed_seconds=None, ledger=ledger, rungs=rungs, not_covered=True
    )


def running_blank(record: ClockChange, at: datetime, turn: Turn | None) -> ClockChange:
    """A clock that counts on from `at` beyond what its calendar covers."""
    rungs = tuple(
        rung if rung.status in DECIDED else replace(rung, status="pending", fire_at=None) for rung in record.rungs
    )
    ledger = record.ledger
    if not ledger or ledger[-1].until is not None:
        ledger = (*ledger, RunningInterval(at, began=turn))
    return altered(
        record, state="running", due_at=None, elapsed_seconds=None, ledger=ledger, rungs=rungs, not_covered=True
    )
