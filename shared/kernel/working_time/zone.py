"""A time zone as integers: epoch seconds to local wall seconds and back, across every clock change.

A wall time is written as the seconds that a clock in UTC would need to show it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from shared.kernel.working_time.instants import DAY, FIRST_INSTANT, LAST_INSTANT

# No zone changes its clocks twice within a week, none crosses the date line twice within a year
# (a test reads the whole zone database to keep this true), so probing at these steps misses nothing.
_PROBE: Final = 3 * DAY
_DATE_LINE_PROBE: Final = 30 * DAY
_BLOCK_DAYS: Final = 64
# Before these years zones kept local mean time, after them the database knows rules only, no moves.
_DATE_LINE_SINCE: Final = -47_500 * DAY  # 1839
_DATE_LINE_UNTIL: Final = 25_600 * DAY  # 2040


class Change(NamedTuple):
    """The clocks go from one offset to another (seconds east of UTC) at an instant."""

    at: int
    before: int
    after: int


class Piece(NamedTuple):
    """A stretch of time `[since, until)` with one offset."""

    since: int
    until: int
    offset: int


@dataclass(frozen=True)
class Zone:
    """An IANA zone; use `Zone.named`. Two zones are equal if their names are."""

    name: str
    _rules: ZoneInfo = field(repr=False, compare=False)

    @staticmethod
    @lru_cache(maxsize=1024)
    def named(name: str) -> Zone | None:
        """The zone of that name, None if the database has none."""
        return Zone(name, ZoneInfo(name)) if name in _zone_names() else None

    def offset_at(self, instant: int) -> int:
        """Seconds east of UTC; beyond the years 0001 to 9999 the offset of their edge."""
        instant = min(max(instant, FIRST_INSTANT + DAY), LAST_INSTANT - DAY)
        offset = datetime.fromtimestamp(instant, self._rules).utcoffset()
        assert offset is not None  # noqa: S101 - a ZoneInfo always knows the offset of an aware time
        return offset.days * DAY + offset.seconds

    def date_at(self, instant: int) -> int:
        """The civil date shown at an instant, as days since 1970-01-01."""
        offset = self._steady_offset(instant // DAY)
        return (instant + (self.offset_at(instant) if offset is None else offset)) // DAY

    def first_reaching(self, wall: int) -> int:
        """The first instant whose wall time has reached `wall`: where a window starts."""
        for since, until, offset in self._pieces(wall - 2 * DAY, wall + 2 * DAY):
            instant = max(since, wall - offset)
            if instant < until:
                return instant
        raise AssertionError("an offset of two days or more")

    def last_before(self, wall: int) -> int:
        """The instant after the last one that shows a time before `wall`: where a window ends."""
        for since, until, offset in reversed(self._pieces(wall - 2 * DAY, wall + 2 * DAY)):
            instant = min(until, wall - offset)
            if instant > since:
                return instant
        raise AssertionError("an offset of two days or more")

    def end_of_date(self, day: int) -> int:
        """24:00 of a civil date."""
        midnight, offset = (day + 1) * DAY, self._steady_offset(day)
        return self.last_before(midnight) if offset is None else midnight - offset

    def has_date(self, day: int) -> bool:
        return day not in self.skipped_dates

    @cached_property
    def skipped_dates(self) -> tuple[int, ...]:
        """Dates that no clock of the zone ever showed (the date line moved over it), in order."""
        changes = self._changes(_DATE_LINE_SINCE, _DATE_LINE_UNTIL, _DATE_LINE_PROBE)
        return tuple(
            day
            for at, before, after in changes
            if after - before >= DAY
            for day in range(-(-(at + before) // DAY), (at + after) // DAY)
        )

    def steady_offsets(self, first_day: int, days: int) -> tuple[int | None, ...]:
        """For each date the one offset that holds for all its windows, None near a clock change."""
        return _steady_offsets(self, first_day, days)

    def _steady_offset(self, day: int) -> int | None:
        """The one offset from the day before in UTC to two days after it; None near a clock change."""
        block = day - day % _BLOCK_DAYS
        return self.steady_offsets(block, _BLOCK_DAYS)[day - block]

    def _pieces(self, since: int, until: int) -> list[Piece]:
        pieces = []
        offset = self.offset_at(since)
        for at, _, after in self._changes(since, until, _PROBE):
            pieces.append(Piece(since, at, offset))
            since, offset = at, after
        pieces.append(Piece(since, until, offset))
        return pieces

    def _changes(self, since: int, until: int, step: int) -> list[Change]:
        changes = []
        left, before = since, self.offset_at(since)
        while left < until:
            right = min(left + step, until)
            after = self.offset_at(right)
            if after != before:
                changes.append(Change(self._change_between(left, right, before), before, after))
            left, before = right, after
        return changes

    def _change_between(self, left: int, right: int, before: int) -> int:
        while right - left > 1:
            middle = (left + right) // 2
            if self.offset_at(middle) == before:
                left = middle
            else:
                right = middle
        return right


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    """The names of the database; on some machines it also holds `localtime`, which is another zone on each."""
    return frozenset(available_timezones()) - {"localtime"}


@lru_cache(maxsize=8192)
def _steady_offsets(zone: Zone, first_day: int, days: int) -> tuple[int | None, ...]:
    # A window of a date starts after the date before in UTC and ends before the third after it.
    pieces = zone._pieces((first_day - 1) * DAY, (first_day + days + 3) * DAY)
    offsets: list[int | None] = []
    for day in range(first_day, first_day + days):
        while pieces[0].until <= (day - 1) * DAY:
            pieces.pop(0)
        offsets.append(pieces[0].offset if pieces[0].until >= (day + 3) * DAY else None)
    return tuple(offsets)
