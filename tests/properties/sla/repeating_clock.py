"""The stepped clock with rungs that repeat, and with timers that may sleep. Shares no code with the product."""

from __future__ import annotations

from dataclasses import dataclass

from tests.properties.sla.stepped_clock import SteppedClock, SteppedRung


@dataclass
class RepeatingClock(SteppedClock):
    """A rung that comes again says so: `repeats` (the place of the one before it), `every` and `every_unit`."""

    def time_of(self, rung: SteppedRung) -> int | None:
        if "repeats" not in rung.document:
            return super().time_of(rung)
        before = self.time_of(self.rungs[rung.document["repeats"]])
        return None if before is None else self.forward(before, rung.document["every"], rung.document["every_unit"])

    def sleep_until(self, instant: int) -> None:
        """Nobody looks before `instant`; then whatever was missed is decided at once."""
        if self.state != "running":
            self.live_until(instant)
            return
        due = self.reached(self.budget)
        times = [self.time_of(rung) for rung in self.rungs]
        missed: list[tuple[int, SteppedRung]] = []
        for rung, time in zip(self.rungs, times, strict=True):
            if rung.status == "pending" and time is not None and time <= instant:
                missed.append((time, rung))
        for time, rung in missed:
            is_last = all(time >= other for other, _ in missed)
            rung.status, rung.at = ("fired", instant) if is_last else ("collapsed", time)
        if due is not None and due < instant and self.breached_at is None:
            self.breached_at = due
        self.now = instant
