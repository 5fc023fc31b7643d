"""What a record of the work order does to one clock: it starts, is suspended, counts on, or ends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from services.escalation.domain.clockwork import (
    blank,
    ended_blank,
    not_covered,
    plan_of,
    recorded,
    restored,
    resumed_blank,
)
from services.escalation.domain.instants import to_instant, to_seconds
from services.escalation.domain.ladder import Teller, Told, pass_time
from services.escalation.domain.policies import Match, Rulebook
from services.escalation.domain.table import is_alarm
from shared.events.parts import ClockChange
from shared.events.sla import ClockAtRisk
from shared.kernel import sla_clock
from shared.kernel.sla_clock import Clock, Happening
from shared.kernel.working_time import Calendar, SlaError


@dataclass(frozen=True, slots=True)
class Moment:
    """`instant`: when it happened. `now`: when we decide. `cycle`: the order's."""

    instant: datetime
    now: datetime
    cycle: int
    rules: Rulebook

    @property
    def at(self) -> int:
        """In epoch seconds, as the arithmetic counts."""
        return to_seconds(self.instant)


@dataclass(frozen=True, slots=True)
class Step:
    """The clock after it, and what happened on the way."""

    record: ClockChange
    told: Sequence[Told] = ()


def passed(record: ClockChange, moment: Moment) -> Sequence[Told]:
    """What is told of a running clock when time moves to `moment.at`."""
    if record.not_covered:
        return ()
    clock, calendar = restored(record, moment.rules)
    moved, happenings = pass_time(clock, calendar, moment.at)
    return _tell(record, moment, moved, calendar, happenings)


def started(match: Match, kind: str, clock_id: tuple[str, int], moment: Moment, budget: int | None) -> Step:
    """A new clock under the rule that matched; `budget` in seconds replaces the rule's."""
    record = blank(match, kind, clock_id, moment.cycle, moment.instant)
    calendar = moment.rules.calendar(match.calendar)
    try:
        plan = plan_of(match.rule, calendar, moment.at, budget)
        clock, happenings = sla_clock.start(plan, calendar, moment.at)
        fields = recorded(clock, calendar, to_seconds(moment.now))
    except SlaError as error:
        not_covered(error)
        return Step(record)
    record = replace(record, budget_seconds=clock.budget, **fields)
    return Step(record, _tell(record, moment, clock, calendar, happenings))


def ended(record: ClockChange, moment: Moment, state: Literal["stopped", "cancelled"]) -> Step:
    if record.not_covered:
        return Step(replace(ended_blank(record, state, moment.instant), change=state))
    clock, calendar = restored(record, moment.rules)
    at = max(moment.at, clock.as_of)
    moved, happenings = pass_time(clock, calendar, at)
    told = _tell(record, moment, moved, calendar, happenings, commands=False)
    end = sla_clock.stop if state == "stopped" else sla_clock.cancel
    fields = recorded(end(moved, calendar, at)[0], calendar, at)
    if is_alarm(record.kind):
        fields["breached_at"] = None
    change = "corrected" if state == "stopped" and _was_in_time(record, at) else state
    return Step(replace(record, change=change, warned=_warned(record, told), **fields), told)


def suspended(record: ClockChange, moment: Moment) -> Step:
    """Stopped for now: as a stop for everybody who looks, as a pause for the arithmetic."""
    if record.not_covered:
        return Step(replace(ended_blank(record, "stopped", moment.instant), change="stopped", provisional=True))
    clock, calendar = restored(record, moment.rules)
    at = max(moment.at, clock.as_of)
    moved, happenings = pass_time(clock, calendar, at)
    told = _tell(record, moment, moved, calendar, happenings, commands=False)
    fields = recorded(sla_clock.pause(moved, calendar, at)[0], calendar, at)
    fields |= {"state": "stopped", "due_at": record.due_at, "provisional": True}
    change = "corrected" if _was_in_time(record, at) else "stopped"
    return Step(replace(record, change=change, warned=_warned(record, told), **fields), told)


def resumed(record: ClockChange, moment: Moment) -> Step:
    """Counts on, with or without the time in between as its rule has it."""
    again = replace(record, change="resumed", provisional=False)
    if record.not_covered:
        return Step(resumed_blank(again, moment.instant))
    clock, calendar = restored(record, moment.rules)
    counts_review = moment.rules.rule(record.policy, record.kind).counts_review
    at = clock.as_of if counts_review else max(moment.at, clock.as_of)
    try:
        running, happenings = sla_clock.resume(clock, calendar, at)
        again = replace(again, **recorded(running, calendar, to_seconds(moment.now)))
    except SlaError as error:
        not_covered(error)
        return Step(resumed_blank(again, to_instant(at)))
    return Step(again, _tell(again, moment, running, calendar, happenings))


def _was_in_time(record: ClockChange, at: int) -> bool:
    """A breach was decided, and only then it became known that the clock had stopped before."""
    return record.breached_at is not None and record.due_at is not None and at <= to_seconds(record.due_at)


def _warned(record: ClockChange, told: Sequence[Told]) -> bool:
    return record.warned or any(isinstance(event, ClockAtRisk) for _, event in told)


def _tell(
    record: ClockChange,
    moment: Moment,
    clock: Clock,
    calendar: Calendar,
    happenings: Sequence[Happening],
    commands: bool = True,
) -> Sequence[Told]:
    rule = moment.rules.rule(record.policy, record.kind)
    return Teller(record, rule, moment.cycle, moment.now, clock, calendar, commands).tell(happenings)
