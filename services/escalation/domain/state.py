"""A clock set 时钟组: every clock that ever ran for one work order, and what policies ask of the order now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.escalation.domain.table import is_alarm
from shared.events.parts import ClockChange
from shared.events.sla import Traits

BREACH_SHOWS_AFTER = timedelta(seconds=1)
"""At due a clock is not breached yet."""
LIVE = ("running", "paused")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSet:
    """`clocks` holds the newest change of each clock, by number from 1, and what its rungs came to since.

    `traits` are the order's by the last record that touched this set; status and escalation level may be older.
    """

    work_order_id: str
    cycle: int
    region: str
    team: str | None
    traits: Traits
    clocks: tuple[ClockChange, ...] = ()

    @property
    def running(self) -> Iterator[ClockChange]:
        return (clock for clock in self.clocks if clock.state == "running")

    @property
    def live(self) -> Iterator[ClockChange]:
        """Clocks that run, or wait for a suspension to end."""
        return (clock for clock in self.clocks if clock.state in LIVE)

    def newest_of(self, kind: str) -> ClockChange | None:
        return next((clock for clock in reversed(self.clocks) if clock.kind == kind), None)

    @property
    def next_fire(self) -> datetime | None:
        """When something is due next: a rung, an alarm, or the second after a due."""
        due = [due for clock in self.clocks if clock.state == "running" and (due := next_due(clock)) is not None]
        return min(due, default=None)


def next_due(clock: ClockChange) -> datetime | None:
    """When a running clock has something to tell next."""
    due = [rung.fire_at for rung in clock.rungs if rung.status == "pending" and rung.fire_at is not None]
    if clock.due_at is not None and clock.breached_at is None and not is_alarm(clock.kind):
        due.append(clock.due_at + BREACH_SHOWS_AFTER)
    return min(due, default=None)
