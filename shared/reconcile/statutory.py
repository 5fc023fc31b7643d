"""I12: a statutory clock (法定时限) never pauses, and never moves but for a recorded legal reason."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from shared.events.parts import ClockChange
from shared.events.sla import ClocksChanged
from shared.kernel.aggregate import Event
from shared.reconcile.verdict import Violation

STATUTORY = "statutory"


@dataclass(slots=True)
class StatutoryClocks:
    """Follows the clocks of that kind, event by event."""

    violations: list[Violation] = field(default_factory=list)
    _due: dict[str, datetime] = field(default_factory=dict)  # by clock id

    def see(self, event: Event) -> None:
        if isinstance(event, ClocksChanged):
            for clock in event.clocks:
                if clock.kind == STATUTORY:
                    self.violations += [Violation("I12", clock.id, fault) for fault in self._faults(clock)]

    def _faults(self, clock: ClockChange) -> Iterator[str]:
        if clock.state == "paused" or clock.change == "paused" or clock.pauses:
            yield "was paused"
        for ran, next_ran in pairwise(clock.ledger):
            if ran.until != next_ran.since:
                yield f"stood still before {next_ran.since.isoformat()}"
        if clock.due_at is None:
            return  # its calendar does not reach so far
        before = self._due.get(clock.id)
        self._due[clock.id] = clock.due_at
        lawful = clock.change == "retargeted" and clock.turn is not None and clock.turn.reason is not None
        if before is not None and before != clock.due_at and not lawful:
            yield f"moved from {before.isoformat()} to {clock.due_at.isoformat()} without a reason"
