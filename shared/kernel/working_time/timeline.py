"""A calendar's working time laid out as integers: where each segment starts and how much came before it.

Two bisections answer every question, however long the span. Segments are laid out when first asked for,
in blocks of dates; a block depends on nothing but the calendar, so blocks can be added on either side.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Final, NamedTuple, Protocol

from shared.kernel.working_time.instants import DAY
from shared.kernel.working_time.zone import Zone

_BLOCK_DAYS: Final = 64
# A window may start two dates before an instant it holds: over midnight, and the clock put back there.
_LOOK_BACK: Final = 2


class Window(NamedTuple):
    """Wall seconds after 00:00 of the window's date; the end may lie on the following date."""

    start: int
    end: int


class WindowSource(Protocol):
    @property
    def zone(self) -> Zone: ...

    @property
    def begin(self) -> int: ...

    @property
    def end(self) -> int: ...

    @property
    def last_date(self) -> int: ...

    def windows_of(self, day: int) -> tuple[Window, ...]: ...


class Timeline:
    """Working seconds between `begin` and `end` of a calendar; both must hold the instants asked about."""

    def __init__(self, source: WindowSource, near: int) -> None:
        """`near` is an instant inside the coverage; the layout grows from there."""
        self._source = source
        self._starts = array("q")
        # _worked[i]: working seconds before segment i, counted from the first block laid out (so
        # negative to the left of it); one entry more than _starts, the last being the grand total.
        self._worked = array("q", [0])
        self._last_block = source.last_date // _BLOCK_DAYS
        self._next = min(max(near // DAY // _BLOCK_DAYS, 0), self._last_block)
        self._previous = self._next - 1
        self._since = self._until = self._start_of(self._next)

    def between(self, since: int, until: int) -> int:
        """Working seconds of `[since, until)`."""
        return self.worked_before(until) - self.worked_before(since)

    def first_with(self, worked: int) -> int | None:
        """The earliest instant with so much worked before it (as `worked_before` counts); None beyond the coverage.

        For more than was worked at some instant inside the layout.
        """
        while worked > self._worked[-1]:
            if not self._grow_right():
                return None
        segment = bisect_left(self._worked, worked) - 1
        return self._starts[segment] + worked - self._worked[segment]

    def latest_before(self, instant: int, seconds: int) -> int | None:
        """The latest instant from which `seconds` > 0 are worked; None if the coverage begins later."""
        target = self.worked_before(instant) - seconds
        while target < self._worked[0]:
            if not self._grow_left():
                return None
        segment = bisect_right(self._worked, target) - 1
        return self._starts[segment] + target - self._worked[segment]

    def worked_before(self, instant: int) -> int:
        """Working seconds up to an instant, from where the layout began; the same however it grows."""
        while instant < self._since:
            self._grow_left()
        while instant > self._until:
            self._grow_right()
        segment = bisect_right(self._starts, instant) - 1
        if segment < 0:
            return self._worked[0]
        before = self._worked[segment]
        return min(before + instant - self._starts[segment], self._worked[segment + 1])

    def _grow_right(self) -> bool:
        if self._next > self._last_block:
            return False
        starts, lengths = self._lay_out(self._next)
        self._starts.extend(starts)
        self._worked.extend(accumulate(lengths, initial=self._worked.pop()))
        self._next += 1
        self._until = self._start_of(self._next)
        return True

    def _grow_left(self) -> bool:
        if self._previous < 0:
            return False
        starts, lengths = self._lay_out(self._previous)
        sums = array("q", accumulate(lengths, initial=self._worked[0] - sum(lengths)))
        sums.pop()
        self._starts = array("q", starts) + self._starts
        self._worked = sums + self._worked
        self._since = self._start_of(self._previous)
        self._previous -= 1
        return True

    def _start_of(self, block: int) -> int:
        if block > self._last_block:
            return self._source.end
        return self._source.zone.first_reaching(block * _BLOCK_DAYS * DAY)

    def _lay_out(self, block: int) -> tuple[list[int], list[int]]:
        """Starts and lengths of the block's segments: the union of its windows, cut at its edges."""
        since, until = self._start_of(block), self._start_of(block + 1)
        starts: list[int] = []
        lengths: list[int] = []
        reached = since
        for start, end in self._windows(block * _BLOCK_DAYS, _BLOCK_DAYS):
            start, end = max(start, reached), min(end, until)
            if start >= end:
                continue
            if starts and start == reached:
                lengths[-1] += end - start
            else:
                starts.append(start)
                lengths.append(end - start)
            reached = end
        return starts, lengths

    def _windows(self, first_day: int, days: int) -> Iterator[tuple[int, int]]:
        """Start and end instants of every window that can touch these dates, by start."""
        zone, windows_of = self._source.zone, self._source.windows_of
        first_day, days = first_day - _LOOK_BACK, days + _LOOK_BACK
        for day, offset in enumerate(zone.steady_offsets(first_day, days), first_day):
            midnight = day * DAY
            for start, end in windows_of(day):
                if offset is None:
                    yield zone.first_reaching(midnight + start), zone.last_before(midnight + end)
                else:
                    yield midnight + start - offset, midnight + end - offset
