"""Deciding for a clock set: records of the work order start and stop clocks, time fires what is due."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.escalation.domain.commands import Fire, Observe
from services.escalation.domain.instants import to_seconds
from services.escalation.domain.ladder import Told
from services.escalation.domain.state import ClockSet
from services.escalation.domain.steps import Moment, Step, ended, passed, resumed, started, suspended
from services.escalation.domain.table import touch_of
from shared.events import workorders
from shared.events.parts import ClockChange
from shared.events.sla import ClocksChanged
from shared.kernel.aggregate import Event, Facts, Outcome
from shared.kernel.refusal import UNCHANGED, Refusal


def decide(state: ClockSet | None, command: Observe | Fire, facts: Facts) -> Outcome:
    match command:
        case Observe():
            return _Observation(state, command, facts).events() or UNCHANGED
        case Fire():
            return _fire(state, facts)


def _fire(state: ClockSet | None, facts: Facts) -> Outcome:
    """Everything due at `facts.now`, in the order in which it was due."""
    if state is None:
        return Refusal("not_found")
    moment = Moment(facts.now, facts.now, state.cycle, facts.reference)
    return _in_turn(told for clock in state.running for told in passed(clock, moment)) or UNCHANGED


def _in_turn(told: Iterable[Told]) -> Sequence[Event]:
    return [event for _, event in sorted(told, key=lambda each: each[0])]


@dataclass(slots=True)
class _Observation:
    """One record of the work order, worked through the table of touches."""

    state: ClockSet | None
    command: Observe
    facts: Facts
    changes: dict[int, ClockChange] = field(default_factory=dict)
    before: list[Told] = field(default_factory=list)
    after: list[Told] = field(default_factory=list)

    def events(self) -> Sequence[Event]:
        touch = touch_of(self.command.change)
        moment = self._moment(self._occurred_at)
        for clock in self._running(touch.stops):
            self._take(ended(clock, moment, "stopped"), self.before)
        for clock in self._running(touch.suspends):
            self._take(suspended(clock, moment), self.before)
        for clock in self._provisional(touch.resumes):
            self._take(resumed(clock, moment), self.after)
        for kind in touch.starts:
            self._start(kind, moment)
        for kind in touch.starts_at_receipt:
            self._start(kind, self._moment(self._received_at(kind)))
        if touch.ends is not None:
            for clock in self._running(None):
                self._take(ended(clock, moment, touch.ends), self.before)
        return (*_in_turn(self.before), *self._changed(), *_in_turn(self.after))

    @property
    def _occurred_at(self) -> datetime:
        return self.command.occurred_at or self.facts.now

    def _received_at(self, kind: str) -> datetime:
        """The statutory clock of a regulator's case counts from when the regulator received it."""
        order = self.command.order
        case = order.regulator_case if kind == "statutory" else None
        return order.received_at if case is None else case.received_at

    def _moment(self, instant: datetime) -> Moment:
        return Moment(instant, self.facts.now, self.command.order.cycle, self.facts.reference)

    def _running(self, kinds: Sequence[str] | None) -> Sequence[ClockChange]:
        running = () if self.state is None else self.state.running
        return [clock for clock in running if kinds is None or clock.kind in kinds]

    def _provisional(self, kinds: Sequence[str]) -> Iterable[ClockChange]:
        found = () if self.state is None else (self.state.provisional_of(kind) for kind in kinds)
        return (clock for clock in found if clock is not None)

    def _take(self, step: Step, told: list[Told]) -> None:
        self.changes[step.record.number] = step.record
        told.extend(step.told)

    def _start(self, kind: str, moment: Moment) -> None:
        order, rules = self.command.order, self.facts.reference
        if any(clock.number not in self.changes for clock in self._running((kind,))):
            return
        match = rules.match(kind, order, self.facts.now)
        if match is not None:
            number = 1 + max([*self.changes, *self._numbers], default=0)
            self._take(started(match, kind, (order.id, number), moment, self._budget(moment)), self.after)

    @property
    def _numbers(self) -> Iterable[int]:
        return () if self.state is None else (clock.number for clock in self.state.clocks)

    def _budget(self, moment: Moment) -> int | None:
        """Seconds until the next attempt if one was agreed."""
        change = self.command.change
        if isinstance(change, workorders.CallbackAttempted) and change.next_at is not None:
            return max(0, to_seconds(change.next_at) - moment.at)
        return None

    def _changed(self) -> Sequence[Event]:
        order, state = self.command.order, self.state
        same_owner = state is not None and (state.team, state.region) == (order.team, order.region)
        if not self.changes and same_owner:
            return ()
        clocks = tuple(self.changes[number] for number in sorted(self.changes))
        return (
            ClocksChanged(
                work_order_id=order.id, cycle=order.cycle, clocks=clocks, region=order.region, team=order.team
            ),
        )
