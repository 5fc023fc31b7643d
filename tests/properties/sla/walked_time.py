"""An oracle for working time: walks local time step by step with zoneinfo. Shares no code with the product.

It reads a calendar document as the rules are written: a window goes from the first step whose local time has
reached its start to the last step that still shows a time before its end.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ONE_DAY = timedelta(days=1)


class NotCovered(Exception):
    pass


class OutOfSight(Exception):
    """The answer lies outside the stretch that was walked."""


class WalkedTime:
    """Every `step` seconds of `[first, last)`, epoch seconds, with the local time they show."""

    def __init__(self, document: Json, first: int, last: int, step: int = 60) -> None:
        zone = ZoneInfo(document["zone"])
        self.document, self.first, self.last, self.step = document, first, last, step
        self.walls = [
            datetime.fromtimestamp(instant, zone).replace(tzinfo=None) for instant in range(first, last, step)
        ]
        self.dates = sorted({wall.date() for wall in self.walls})
        self.working = self._mark_working()
        self.worked = [0, *accumulate(self.working)]

    def _mark_working(self) -> list[bool]:
        working = [False] * len(self.walls)
        for day in self.dates:
            for opens, closes in self.windows_of(day):
                start = datetime.combine(day, time.fromisoformat(opens))
                ends_next_day = closes in ("24:00", "00:00") or closes < opens
                end_time = time() if closes == "24:00" else time.fromisoformat(closes)
                end = datetime.combine(day + _ONE_DAY if ends_next_day else day, end_time)
                for place in range(self._first_reaching(start), self._last_before(end) + 1):
                    working[place] = True
        return working

    def windows_of(self, day: date) -> list[list[str]]:
        weekly, name = self.document.get("weekly", {}), day.isoformat()
        windows: list[list[str]]
        if name in self.document.get("overrides", {}):
            windows = self.document["overrides"][name]
        elif name in self.document.get("makeup_workdays", {}):
            windows = weekly.get(self.document["makeup_workdays"][name], [])
        elif name in self.document.get("holidays", []) or name in self.document.get("closures", []):
            windows = []
        else:
            windows = weekly.get(_WEEKDAYS[day.weekday()], [])
        return windows

    def _near(self, wall: datetime) -> range:
        """Steps around a local time; no zone is further than a day and a half from where UTC would be."""
        guess = int((wall - datetime(1970, 1, 1)).total_seconds() - self.first) // self.step
        reach = 36 * 3600 // self.step
        return range(max(guess - reach, 0), min(guess + reach, len(self.walls)))

    def _first_reaching(self, wall: datetime) -> int:
        return next((place for place in self._near(wall) if self.walls[place] >= wall), len(self.walls))

    def _last_before(self, wall: datetime) -> int:
        return next((place for place in reversed(self._near(wall)) if self.walls[place] < wall), -1)

    def works_at(self, instant: int) -> bool:
        return self.working[(instant - self.first) // self.step]

    @cached_property
    def edges(self) -> list[int]:
        """Where work begins or ends."""
        changes = (place for place, pair in enumerate(pairwise(self.working), 1) if pair[0] != pair[1])
        return [self.first + place * self.step for place in changes]

    @cached_property
    def begin(self) -> int:
        """The first instant of 1970, or of the walk."""
        return self.first + self._first_reaching(datetime(1970, 1, 1)) * self.step if self.reaches_1970 else 0

    @property
    def reaches_1970(self) -> bool:
        return self.dates[0] < date(1970, 1, 1)

    @cached_property
    def end(self) -> int | None:
        """24:00 of `complete_until`, None if that lies beyond the walk."""
        until = date.fromisoformat(self.document["complete_until"])
        return None if until >= self.dates[-1] else self.end_of_date(until)

    def end_of_date(self, day: date) -> int:
        return self.first + (self._last_before(datetime.combine(day + _ONE_DAY, time())) + 1) * self.step

    def require(self, instant: int) -> None:
        if self.reaches_1970 and instant < self.begin:
            raise NotCovered
        if self.end is not None and instant > self.end:
            raise NotCovered

    def worked_by(self, instant: int) -> int:
        place, rest = divmod(instant - self.first, self.step)
        return self.worked[place] * self.step + (rest if rest and self.working[place] else 0)

    def between(self, since: int, until: int) -> int:
        self.require(since)
        self.require(until)
        return self.worked_by(until) - self.worked_by(since)

    def add(self, instant: int, seconds: int) -> int:
        self.require(instant)
        candidates = range(instant, self.last)
        target = self.worked_by(instant) + seconds
        found = bisect_left(candidates, target, key=self.worked_by)
        if found == len(candidates):
            raise OutOfSight if self.end is None else NotCovered
        self.require(candidates[found])
        return candidates[found]

    def sub(self, instant: int, seconds: int) -> int:
        self.require(instant)
        candidates = range(instant, self.first - 1, -1)
        target = self.worked_by(instant) - seconds
        found = bisect_left(candidates, -target, key=lambda candidate: -self.worked_by(candidate))
        if found == len(candidates):
            raise NotCovered if self.reaches_1970 else OutOfSight
        self.require(candidates[found])
        if candidates[found] < self.first + 2 * 86_400:
            raise OutOfSight  # a window from before the walk might reach to here
        return candidates[found]

    def days_after(self, instant: int) -> list[date]:
        """The dates that exist after the date of an instant, as far as the walk knows them whole."""
        today = self.walls[(instant - self.first) // self.step].date()
        return [day for day in self.dates if today < day < self.dates[-1]]

    def natural_days(self, instant: int, count: int, *, roll: bool) -> int:
        if roll:
            self.require(instant)
        ahead = self.days_after(instant)
        if len(ahead) < count:
            raise OutOfSight
        day = ahead[count - 1]
        if not roll:
            return self.end_of_date(day)
        if self._is_late(day):
            raise NotCovered
        return self._end_of_working_day([day, *ahead[count:]], 1)

    def work_days(self, instant: int, count: int) -> int:
        self.require(instant)
        return self._end_of_working_day(self.days_after(instant), count)

    def _end_of_working_day(self, ahead: list[date], count: int) -> int:
        working = [day for day in ahead if self.windows_of(day)]
        if len(working) < count:
            raise OutOfSight if self.end is None else NotCovered
        if self._is_late(working[count - 1]):
            raise NotCovered
        return self.end_of_date(working[count - 1])

    def _is_late(self, day: date) -> bool:
        return day > date.fromisoformat(self.document["complete_until"])
