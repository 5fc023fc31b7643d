"""Where services take the time from: real time, moved and scaled in test mode."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


def to_milliseconds(instant: datetime) -> datetime:
    """`instant` in UTC, cut down to the millisecond: the resolution of logs, projections and topics."""
    instant = instant.astimezone(UTC)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def machine_now() -> datetime:
    """The machine's own time, by which leases, back-off and the like go."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Clock:
    """Business time in UTC milliseconds: `origin` plus machine time since `anchor`, times `rate` (0 stands still).

    Leases, back-off, token expiry and the like use the machine's own clock, never this one.
    """

    origin: datetime
    anchor: float
    rate: float = 1.0

    @classmethod
    def real(cls) -> "Clock":
        return cls(origin=datetime.now(UTC), anchor=time.monotonic())

    def now(self) -> datetime:
        return to_milliseconds(self.origin + timedelta(seconds=(time.monotonic() - self.anchor) * self.rate))

    def set(self, instant: datetime) -> None:
        """Moves to `instant`, which may lie in the past; decisions stay in order by their own guard."""
        self.origin, self.anchor = instant.astimezone(UTC), time.monotonic()

    def advance(self, seconds: float) -> None:
        self.set(self.now() + timedelta(seconds=seconds))

    def set_rate(self, rate: float) -> None:
        self.set(self.now())
        self.rate = rate
