"""I6: every rung of every clock is decided once and none is missed. And which clocks run, for I11."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.events.parts import ClockChange, ClockView
from shared.events.sla import ClockAtRisk, ClockBreached, ClocksChanged, RungCollapsed, RungFired
from shared.kernel.aggregate import Event
from shared.reconcile.verdict import Violation

ALARM = "alarm."
BREACH, BREACH_AFTER = "breach", timedelta(seconds=1)
"""At due a clock is not breached yet."""


@dataclass(slots=True)
class RunningClock:
    """A clock that counts now. `pending`: when its undecided rungs, and its breach, are due."""

    work_order_id: str
    kind: str
    pending: dict[str, datetime]

    @property
    def is_alarm(self) -> bool:
        return self.kind.startswith(ALARM)


@dataclass(slots=True)
class Rungs:
    """Follows what escalation says, event by event."""

    decided: Counter[str] = field(default_factory=Counter)
    running: dict[str, RunningClock] = field(default_factory=dict)  # by clock id

    def see(self, event: Event) -> None:
        match event:
            case ClocksChanged():
                for clock in event.clocks:
                    self._changed(event.work_order_id, clock)
            case RungFired() | RungCollapsed():
                self.decided[event.rung.key] += 1
                self._passed(event.clock, event.rung.name)
            case ClockBreached():
                self._passed(event.clock, BREACH)
            case ClockAtRisk():
                pass

    def _changed(self, work_order_id: str, clock: ClockChange) -> None:
        if clock.state != "running":
            self.running.pop(clock.id, None)
            return
        pending = {rung.name: rung.fire_at for rung in clock.rungs if rung.status == "pending" and rung.fire_at}
        if clock.due_at is not None and clock.breached_at is None and not clock.kind.startswith(ALARM):
            pending[BREACH] = clock.due_at + BREACH_AFTER
        self.running[clock.id] = RunningClock(work_order_id, clock.kind, pending)

    def _passed(self, clock: ClockView, rung: str) -> None:
        known = self.running.get(clock.id)
        if known is None:
            return
        known.pending.pop(rung, None)
        if clock.state != "running":
            del self.running[clock.id]

    def repeated(self) -> Iterator[Violation]:
        for key, times in self.decided.items():
            if times > 1:
                yield Violation("I6", key, f"was decided {times} times")

    def missed(self, since: datetime, waits: Callable[[str], bool]) -> Iterator[Violation]:
        """Rungs that were due before `since` (business time); `waits`: the timers of that order may not fire."""
        for clock_id, clock in self.running.items():
            overdue = {name: due for name, due in clock.pending.items() if due < since}
            if not overdue or waits(clock.work_order_id):
                continue
            for name, due in overdue.items():
                yield Violation("I6", f"{clock_id}/{name}", f"was due at {due.isoformat()} and is undecided")
