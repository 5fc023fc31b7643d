"""One clock of a replayed story, and the steps that it takes: those of the running service, or shorter ones alike."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from services.escalation.domain.clockwork import blank, clock_of, recorded
from services.escalation.domain.instants import to_instant
from services.escalation.domain.ladder import Told
from services.escalation.domain.matching import Asked
from services.escalation.domain.moments import Moment, Step
from services.escalation.domain.policies import Match, Rulebook
from services.escalation.domain.rungs import unmet
from services.escalation.simulation_course import Course
from services.escalation.simulation_story import CANCELLED, MET, MISSED, NOT_COVERED, OPEN
from shared.events.parts import ClockChange
from shared.events.sla import RungFired
from shared.kernel import sla_clock
from shared.kernel.sla_clock import (
    Clock,
    ClockPlan,
    Happening,
    catch_up,
    due_at,
)
from shared.kernel.working_time import Calendar, SlaError

Notice = tuple[str, str, tuple[str, ...]]
"""Kind of clock, rung, audience."""


@dataclass(slots=True)
class Replayed:
    """A clock as it would have gone; instants in epoch seconds.

    `number`: of the recorded clock that it stands for. `heard`: when its start was. `counting` is None as long as
    nothing happened to it but its end: then all of it is reckoned at once.
    """

    number: int
    kind: str
    course: Course
    match: Match
    calendar: Calendar
    plan: ClockPlan
    started: int
    heard: int
    asked: Asked
    counting: Clock | None = None
    state: str = "running"
    held: bool = False
    ended: int | None = None
    pauses: dict[str, int] = field(default_factory=dict)
    target: int = 0
    not_covered: bool = False
    breached: bool = False
    corrected: bool = False
    due: int | None = None
    fired: list[Notice] = field(default_factory=list)

    @property
    def live(self) -> bool:
        return self.state in ("running", "paused")

    @property
    def outcome(self) -> str:
        """What a report would count it as."""
        if self.state == "cancelled":
            return CANCELLED
        if self.breached and not self.corrected:
            return MISSED
        if self.not_covered:
            return NOT_COVERED
        return MET if self.state == "stopped" else OPEN

    # -- what happens to it; each raises SlaError

    def end(self, at: int, state: str, held: bool) -> None:
        """Stopped, for good or for now (`held`), or cancelled; that it is over counts, whatever can be reckoned."""
        try:
            if not self.not_covered and self.counting is not None:
                self._cease(self.counting, at, state, held)
        finally:
            self.state, self.held, self.ended = state, held, at

    def _cease(self, counting: Clock, at: int, state: str, held: bool) -> None:
        to = max(at, counting.as_of)
        self.due = due_at(counting, self.calendar)  # shown as long as it is held
        self.corrected = self._in_time(counting.breached_at, to)
        if held:
            self._take(*sla_clock.pause(counting, self.calendar, to))
        elif state == "stopped":
            self._take(*sla_clock.stop(counting, self.calendar, to))
        else:
            self._take(*sla_clock.cancel(counting, self.calendar, to))

    def pause(self, at: int, reason: str) -> None:
        counting = self.now_counting()
        self._take(*sla_clock.pause(counting, self.calendar, max(at, counting.as_of)))
        self.pauses[reason] = self.pauses.get(reason, 0) + 1
        self.state = "paused"

    def resume(self, at: int | None) -> None:
        """None: as if it had never ceased to count."""
        counting = self.now_counting()
        since = counting.as_of if at is None else max(at, counting.as_of)
        self.state, self.held, self.ended, self.corrected = "running", False, None, False
        self._take(*sla_clock.resume(counting, self.calendar, since))

    def hear_late(self, heard: int) -> None:
        """What is heard of after due comes after the breach was told, and a breach that was told stands."""
        if self.state != "running":
            return
        counting = self.now_counting()
        due = due_at(counting, self.calendar)
        if counting.breached_at is None and due is not None and due < heard:
            self.counting, self.breached = replace(counting, breached_at=due), True

    def _in_time(self, breached_at: int | None, at: int) -> bool:
        """Stopped in time though the breach was told; a due that was moved since excuses nothing."""
        if breached_at is None or self.due is None or at > self.due:
            return False
        return self.target == 0 or at <= breached_at

    def advance(self, at: int) -> None:
        """Time alone; rungs fire at their times."""
        if self.state == "running":
            counting = self.now_counting()
            self._take(*sla_clock.advance(counting, self.calendar, max(at, counting.as_of)))

    def take_step(self, step: Step, match: Match, rules: Rulebook) -> None:
        """A step of the running service, taken on this clock as `record` shows it."""
        record = step.record
        self.match = replace(match, policy=record.policy, calendar=record.calendar)
        self.calendar, self.target = rules.calendar(record.calendar), record.target
        self._tell([*step.before, *step.after])
        if record.not_covered:
            self.not_covered = True
            return
        self.counting = clock_of(record, match.rule.rungs)
        self.breached = self.breached or self.counting.breached_at is not None

    def record(self, order_id: str) -> ClockChange:
        """The clock as the running service would have it in its state."""
        counting = self.now_counting()
        bare = blank(self.match, self.kind, (order_id, self.number), 1, to_instant(self.started))
        bare = replace(bare, unit=counting.unit, target=self.target, pauses=self.pauses, provisional=self.held)
        fields = recorded(counting, self.calendar, counting.as_of, bare, None)
        return replace(bare, **fields)

    def settle(self, now: int) -> None:
        """Takes it to its end, or to `now`."""
        if self.counting is None:
            self._settle_at_once(now)
            return
        self.advance(now)
        if not self.held:
            self.due = due_at(self.now_counting(), self.calendar)

    def now_counting(self) -> Clock:
        """The clock as the arithmetic has it, from the first time that something happens to it."""
        if self.counting is None:
            counting, happenings = sla_clock.start(self.plan, self.calendar, self.started)
            self._fire(happenings)
            if self.heard > self.started:
                # A start in the past: what had passed by then was told at once.
                counting, late = catch_up(counting, self.calendar, self.heard)
                self._fire(late)
            self.counting = counting
            if self.held and self.ended is not None:
                self._cease(counting, self.ended, "stopped", held=True)
        return self.counting

    def _settle_at_once(self, now: int) -> None:
        laid_out = self.course.times(self.plan, self.started)
        self.due, times = laid_out.due, laid_out.rungs
        end = max(now if self.ended is None else self.ended, self.started)
        self.breached = self.due is not None and self.due < end
        late, passed = max(self.started, self.heard), []
        for place, time in enumerate(times):
            if time is None:
                continue
            if time <= late:
                passed.append((time, place))
            elif time <= end:
                self._note(place)
        for time, place in passed:
            if time == max(passed)[0]:  # of those that had passed when the start was heard of, the last counts
                self._note(place)

    def _take(self, counting: Clock, happenings: Iterable[Happening]) -> None:
        if not counting.ended:
            # As the running service has it, for which the last turn is what counts: late news may lie behind a rung.
            counting = replace(counting, as_of=_last_turn(counting, self.started))
        self.counting, self.breached = counting, self.breached or counting.breached_at is not None
        self._fire(happenings)

    def _fire(self, happenings: Iterable[Happening]) -> None:
        for happening in happenings:
            if happening.what == "fired" and happening.rung is not None:
                self._note(happening.rung)

    def _note(self, place: int) -> None:
        rule = self.match.rule
        effect = rule.effects[place]
        if effect.audience and not (effect.conditions and unmet(effect.conditions, self.asked)):
            self.fired.append((self.kind, rule.rungs[place].key, effect.audience))

    def _tell(self, told: Iterable[Told]) -> None:
        for _, event in told:
            if isinstance(event, RungFired) and event.rung.audience:
                self.fired.append((self.kind, event.rung.name, event.rung.audience))


def _last_turn(counting: Clock, started: int) -> int:
    if counting.since is not None:
        return counting.since
    return counting.ledger[-1][1] if counting.ledger else started


def uncovered(clock: Replayed, error: SlaError) -> None:
    """Raises `error` again unless it says that the calendar does not reach far enough."""
    if error.code != "calendar_not_covered":
        raise error
    clock.not_covered, clock.due = True, None


def moment_at(at: int, heard: int, rules: Rulebook, asked: Any) -> Moment:
    return Moment(to_instant(at), to_instant(heard), 1, rules, None, asked)
