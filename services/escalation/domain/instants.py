"""Between the instants of events (UTC, milliseconds) and those of the SLA arithmetic (whole epoch seconds)."""

from datetime import UTC, datetime, timedelta
from typing import overload

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400
_MILLISECOND = timedelta(milliseconds=1)


def to_seconds(instant: datetime) -> int:
    """Cut down to the whole second, towards the past."""
    since = instant - _EPOCH  # days and seconds of a timedelta are floored: what is left is a positive fraction
    return since.days * _DAY + since.seconds


@overload
def to_instant(seconds: int) -> datetime: ...
@overload
def to_instant(seconds: int | None) -> datetime | None: ...
def to_instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def late_ms(fired: datetime, planned: datetime) -> int:
    return (fired - planned) // _MILLISECOND
