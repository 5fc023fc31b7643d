"""I6 and I7: every rung is decided once, in its time and while its clock runs. And which clocks run, for I11."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.events.parts import ClockChange, ClockView
from shared.events.sla import ClockAtRisk, ClockBreached, ClocksChanged, RungCollapsed, RungFired
from shared.kernel.aggregate import Decision, Event
from shared.reconcile.verdict import Violation

ALARM = "alarm."
BREACH, BREACH_AFTER = "breach", timedelta(seconds=1)
"""At due a clock is not breached yet."""
NEVER_LATE = timedelta(0)

Name = tuple[str, int]
"""A rung of a clock and which of its occurrences."""


@dataclass(frozen=True, slots=True)
class Plan:
    """When something is due, and when (business time) that was decided: nothing can fire before it is planned."""

    due: datetime
    since: datetime

    def late(self, at: datetime) -> timedelta:
        return max(NEVER_LATE, at - max(self.due, self.since))


@dataclass(slots=True)
class RunningClock:
    """A clock that counts now. `pending`: its undecided rungs, and its breach."""

    work_order_id: str
    kind: str
    pending: dict[Name, Plan]

    @property
    def is_alarm(self) -> bool:
        return self.kind.startswith(ALARM)


@dataclass(slots=True)
class Rungs:
    """Follows what escalation says, decision by decision.

    `latest`: the rung that fired longest after it could have, and how long.
    """

    decided: Counter[str] = field(default_factory=Counter)
    running: dict[str, RunningClock] = field(default_factory=dict)  # by clock id
    untimely: list[Violation] = field(default_factory=list)
    latest: tuple[timedelta, str] = (NEVER_LATE, "")

    def see(self, decision: Decision) -> None:
        rung_out = [ended for event in decision.events if (ended := self._see(event, decision)) is not None]
        # An alarm is over once it rang, but all that it had to say belongs to the same decision.
        for clock_id in rung_out:
            self.running.pop(clock_id, None)

    def _see(self, event: Event, decision: Decision) -> str | None:
        match event:
            case ClocksChanged():
                for clock in event.clocks:
                    self._changed(event.work_order_id, clock, decision.at)
            case RungFired() | RungCollapsed():
                self.decided[event.rung.key] += 1
                self._check_time(event, decision)
                return self._passed(event.clock, (event.rung.name, event.rung.occurrence), event.rung.key)
            case ClockBreached():
                return self._passed(event.clock, (BREACH, 1), f"{event.clock.id}/{BREACH}")
            case ClockAtRisk() if event.clock.id not in self.running:
                self._not_running(event.rung.key)
        return None

    def _changed(self, work_order_id: str, clock: ClockChange, at: datetime) -> None:
        if clock.state != "running":
            self.running.pop(clock.id, None)
            return
        due = {
            (rung.name, rung.occurrence): rung.fire_at
            for rung in clock.rungs
            if rung.status == "pending" and rung.fire_at
        }
        if clock.due_at is not None and clock.breached_at is None and not clock.kind.startswith(ALARM):
            due[BREACH, 1] = clock.due_at + BREACH_AFTER
        before = self.running[clock.id].pending if clock.id in self.running else {}
        pending = {name: _plan(before.get(name), instant, at) for name, instant in due.items()}
        self.running[clock.id] = RunningClock(work_order_id, clock.kind, pending)

    def _check_time(self, event: RungFired | RungCollapsed, decision: Decision) -> None:
        rung = event.rung
        # An order may be ahead of us by the little that its source's clock may be.
        decided_at = max(decision.at, decision.occurred_at)
        if rung.fired_at < rung.fire_at or decided_at < rung.fire_at:
            self.untimely.append(Violation("I7", rung.key, f"was decided before {rung.fire_at.isoformat()}"))
        clock = self.running.get(event.clock.id)
        plan = None if clock is None else clock.pending.get((rung.name, rung.occurrence))
        if plan is None:
            return  # it was passed the moment its clock began to run
        if rung.fire_at < plan.due:
            self.untimely.append(Violation("I7", rung.key, f"was planned for {plan.due.isoformat()}"))
        if isinstance(event, RungFired):
            self.latest = max(self.latest, (plan.late(rung.fired_at), rung.key))

    def _passed(self, clock: ClockView, name: Name, subject: str) -> str | None:
        known = self.running.get(clock.id)
        if known is None:
            self._not_running(subject)
            return None
        known.pending.pop(name, None)
        return clock.id if clock.state != "running" else None

    def _not_running(self, subject: str) -> None:
        self.untimely.append(Violation("I7", subject, "was decided although its clock did not run any more"))

    def repeated(self) -> Iterator[Violation]:
        for key, times in self.decided.items():
            if times > 1:
                yield Violation("I6", key, f"was decided {times} times")

    def missed(self, since: datetime, waits: Callable[[str], bool]) -> Iterator[Violation]:
        """Rungs that were due before `since` (business time); `waits`: the timers of that order may not fire."""
        for clock_id, clock in self.running.items():
            overdue = {name: plan.due for name, plan in clock.pending.items() if plan.due < since}
            if not overdue or waits(clock.work_order_id):
                continue
            for (name, occurrence), due in overdue.items():
                subject = f"{clock_id}/{name}" if occurrence == 1 else f"{clock_id}/{name}/{occurrence}"
                yield Violation("I6", subject, f"was due at {due.isoformat()} and is undecided")

    def too_late(self, within: timedelta) -> Iterator[Violation]:
        """The latest rung, if it fired later than `within` after it could have."""
        late, key = self.latest
        if late > within:
            yield Violation("I7", key, f"fired {late.total_seconds():.0f} s late")


def _plan(before: Plan | None, due: datetime, at: datetime) -> Plan:
    return before if before is not None and before.due == due else Plan(due, at)
