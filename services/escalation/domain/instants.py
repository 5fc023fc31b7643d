"""Between the instants of events (UTC, milliseconds) and those of the SLA arithmetic (whole epoch seconds)."""

from datetime import UTC, datetime, timedelta
from typing import overload

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


def to_seconds(instant: datetime) -> int:
    """Cut down to the whole second, towards the past."""
    return (instant - _EPOCH) // _SECOND


@overload
def to_instant(seconds: int) -> datetime: ...
@overload
def to_instant(seconds: int | None) -> datetime | None: ...
def to_instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else _EPOCH + timedelta(seconds=seconds)


def late_ms(fired: datetime, planned: datetime) -> int:
    return (fired - planned) // timedelta(milliseconds=1)
