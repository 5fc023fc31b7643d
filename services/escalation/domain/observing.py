"""One record of the work order, worked through the table of touches."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from services.escalation.domain.commands import Observe
from services.escalation.domain.instants import to_seconds
from services.escalation.domain.ladder import Told
from services.escalation.domain.matching import asked_of, same_terms, traits_of
from services.escalation.domain.moments import Moment, Step, in_turn
from services.escalation.domain.named import terms_of
from services.escalation.domain.policies import Rulebook
from services.escalation.domain.rematching import by_order
from services.escalation.domain.retargeting import extended, retargeted
from services.escalation.domain.state import ClockSet
from services.escalation.domain.steps import ended, held, paused, released, resumed, started
from services.escalation.domain.table import (
    COOPERATION,
    RESOLVE,
    STATUTORY,
    Touch,
    may_pause,
    may_start,
    subjects_of,
    touch_of,
)
from shared.events import workorders
from shared.events.parts import ClockChange
from shared.events.sla import ClocksChanged
from shared.kernel.aggregate import Event, Facts


class Observation:
    """What the record does to the clocks of its order; `events` may be asked once."""

    def __init__(self, state: ClockSet | None, command: Observe, facts: Facts) -> None:
        self.state, self.command, order = state, command, command.order
        self.rules: Rulebook = facts.reference
        self.traits = traits_of(order)
        self.moment = Moment(
            instant=command.occurred_at or facts.now,
            now=facts.now,
            cycle=order.cycle,
            rules=self.rules,
            turn=command.turn,
            asked=asked_of(self.traits, order.region),
            clocks=() if state is None else state.clocks,
        )
        self.live = () if state is None else tuple(state.live)
        self.subjects = subjects_of(command.change)
        # Whether policies may see another order than when the clocks were last touched.
        self.other_terms = state is not None and (
            state.region != order.region or not same_terms(state.traits, self.traits)
        )
        self.changes: dict[int, ClockChange] = {}
        self.before: list[Told] = []
        self.after: list[Told] = []

    def events(self) -> Sequence[Event]:
        touch, moment = touch_of(self.command.change), self.moment
        self._each(self._live(touch.stops, self.subjects), partial(ended, state="stopped"))
        self._each(self._live(touch.holds), held)
        self._each(self._released(touch.releases), self._release)
        self._pause_or_resume(touch)
        if touch.renews is not None:
            self._renew(touch.renews)
        for kind in touch.starts:
            self._start(kind, moment)
        if touch.starts_at_receipt:
            self._start_at_receipt(touch.starts_at_receipt)
        if isinstance(self.command.change, workorders.ExtensionDecided):
            self._extend(self.command.change)
        if touch.ends is not None:
            spared = [clock for clock in self._live() if clock.kind not in touch.spares]
            self._each(spared, partial(ended, state=touch.ends))
        elif self.other_terms:
            self._each(self._live(), self._follow)
        return (*in_turn(self.before), *self._changed(), *in_turn(self.after))

    def _each(self, clocks: Iterable[ClockChange], step: Callable[[ClockChange, Moment], Step | None]) -> None:
        for clock in clocks:
            taken = None if clock.number in self.changes else step(clock, self.moment)
            if taken is not None:
                self.changes[clock.number] = taken.record
                self.before.extend(taken.before)
                self.after.extend(taken.after)

    def _live(
        self, kinds: Sequence[str] | None = None, subjects: frozenset[str] | None = None
    ) -> Sequence[ClockChange]:
        return [
            clock
            for clock in self.live
            if (kinds is None or clock.kind in kinds) and (subjects is None or clock.subject in subjects)
        ]

    def _newest(self, kind: str) -> ClockChange | None:
        return None if self.state is None else self.state.newest_of(kind)

    def _released(self, kinds: Sequence[str]) -> Iterable[ClockChange]:
        newest = (self._newest(kind) for kind in kinds)
        return (clock for clock in newest if clock is not None and clock.provisional)

    def _release(self, clock: ClockChange, moment: Moment) -> Step:
        """Counts on by the terms that its order has by now."""
        target = by_order(clock, moment)
        return released(clock if target is None else retargeted(clock, target, moment).record, moment)

    def _pause_or_resume(self, touch: Touch) -> None:
        change = self.command.change
        if touch.pauses and isinstance(change, workorders.Suspended):
            code = change.reason.code
            clocks = [clock for clock in self._live() if clock.state == "running" and self._pauses(clock, code)]
            self._each(clocks, partial(paused, reason=code))
        if touch.resumes:
            self._each([clock for clock in self._live() if clock.state == "paused"], resumed)

    def _pauses(self, clock: ClockChange, code: str) -> bool:
        """Whether the clock's own policy lets this reason pause it once more."""
        rule = self.rules.policy(clock.policy).pauses.get(code)
        if rule is None or clock.kind not in rule.clocks or not may_pause(clock.kind, code):
            return False
        return rule.times is None or clock.pauses.get(code, 0) < rule.times

    def _renew(self, mode: str) -> None:
        """The next cycle: the last resolve clock counts on where its rule says so, else another starts."""
        last = self._newest(RESOLVE)
        goes_on = last is not None and last.state == "stopped" and self._continues(last, mode)
        if last is not None and goes_on:
            self._each([last], resumed)
        else:
            self._start(RESOLVE, self.moment)

    def _continues(self, clock: ClockChange, mode: str) -> bool:
        rule = self.rules.rule(clock.policy, clock.kind)
        return (rule.cycle_mode if mode == "cycle_mode" else rule.reopen_mode) == "continue"

    def _extend(self, decided: workorders.ExtensionDecided) -> None:
        """The resolve clock goes on to the day that was granted; the statutory one for a legal reason alone."""
        if not decided.approved:
            return
        until = to_seconds(decided.until)
        self._each(self._live((RESOLVE,)), lambda clock, moment: extended(clock, until, moment))
        for clock in self._live((STATUTORY,)):
            if decided.reason.code in self.rules.policy(clock.policy).legal_reasons:
                self._each([clock], lambda clock, moment: extended(clock, until, _by_approver(moment, decided)))

    def _follow(self, clock: ClockChange, moment: Moment) -> Step | None:
        target = by_order(clock, moment)
        return None if target is None else retargeted(clock, target, moment)

    def _start_at_receipt(self, kinds: Sequence[str]) -> None:
        """The statutory clock of a regulator's case counts from when the regulator received it."""
        traits = self.traits
        received = replace(self.moment, instant=traits.received_at)
        transferred = replace(received, instant=traits.transferred_at) if traits.transferred_at else received
        for kind in kinds:
            self._start(kind, transferred if kind == STATUTORY else received)

    def _start(self, kind: str, moment: Moment) -> None:
        order, change = self.command.order, self.command.change
        runs = any([clock.number not in self.changes for clock in self._live((kind,), self.subjects)])
        if runs or not may_start(kind, order.status):
            return
        team = change.team if kind == COOPERATION and isinstance(change, workorders.SubOrderOpened) else None
        match = moment.rules.match(kind, moment.asked, moment.now, team)
        if match is not None:
            number = 1 + max([*self.changes, len(moment.clocks)])
            step = started(match, kind, (order.id, number), moment, terms_of(kind, change, match, moment))
            self.changes[number] = step.record
            self.after.extend(step.after)

    def _changed(self) -> Sequence[Event]:
        order, state = self.command.order, self.state
        same_owner = state is not None and state.team == order.team and not self.other_terms
        if not self.changes and same_owner:
            return ()
        return (
            ClocksChanged(
                work_order_id=order.id,
                cycle=order.cycle,
                clocks=tuple(self.changes[number] for number in sorted(self.changes)),
                region=order.region,
                team=order.team,
                category=order.category,
                priority=order.priority,
                tier=order.tier,
                traits=None if state is not None and state.traits == self.traits else self.traits,
            ),
        )


def _by_approver(moment: Moment, decided: workorders.ExtensionDecided) -> Moment:
    """What moves a statutory clock names the legal reason and who approved it."""
    turn = moment.turn
    if turn is None:
        return moment
    return replace(moment, turn=replace(turn, actor=f"agent:{decided.decided_by}", reason=decided.reason.code))
