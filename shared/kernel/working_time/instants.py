"""Instants: RFC 3339 text to and from whole epoch seconds in UTC."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Final

from shared.kernel.working_time.fault import SlaError

DAY: Final = 86_400
EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
FIRST_INSTANT: Final = (date.min.toordinal() - EPOCH_ORDINAL) * DAY
LAST_INSTANT: Final = (date.max.toordinal() - EPOCH_ORDINAL + 1) * DAY - 1

_EPOCH = datetime(1970, 1, 1)
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.\d+)?"
    r"(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))",
    re.ASCII,
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def parse_instant(text: object) -> int:
    """Epoch seconds of an RFC 3339 instant, a fraction of a second cut off towards the past.

    Raises `SlaError("request_invalid")` for anything else, also for an instant without an offset
    and for the leap second `:60`, which the epoch does not count.
    """
    match = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise SlaError("request_invalid", f"not an RFC 3339 instant with an offset: {text!r:.60}")
    civil, hour, minute, second, sign, offset_hours, offset_minutes = match.groups()
    try:
        day = date.fromisoformat(civil).toordinal() - EPOCH_ORDINAL
    except ValueError:
        raise SlaError("request_invalid", f"no such date: {civil}") from None
    local = day * DAY + int(hour) * 3600 + int(minute) * 60 + int(second)
    if sign is None:
        return local
    offset = int(offset_hours) * 3600 + int(offset_minutes) * 60
    return local - offset if sign == "+" else local + offset


def format_instant(instant: int) -> str:
    """`2025-03-03T06:00:00Z`; raises `request_invalid` outside the years 0001 to 9999."""
    return (_EPOCH + timedelta(seconds=within_years(instant))).isoformat() + "Z"


def within_years(instant: int) -> int:
    """The instant itself, or `request_invalid` if no four-digit year can name it."""
    if not FIRST_INSTANT <= instant <= LAST_INSTANT:
        raise SlaError("request_invalid", "the result lies outside the years 0001 to 9999")
    return instant


def parse_date(text: object) -> int | None:
    """Days since 1970-01-01 of a `YYYY-MM-DD` date, None if it is not one."""
    if not isinstance(text, str) or not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text).toordinal() - EPOCH_ORDINAL
    except ValueError:
        return None


def format_date(day: int) -> str:
    return date.fromordinal(day + EPOCH_ORDINAL).isoformat()
