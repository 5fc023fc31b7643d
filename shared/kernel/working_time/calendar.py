"""Business calendar 工作日历: which dates and hours count as working time, and arithmetic over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from shared.kernel.working_time.fault import SlaError
from shared.kernel.working_time.instants import format_date, within_years
from shared.kernel.working_time.timeline import Timeline, Window
from shared.kernel.working_time.zone import Zone

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Layer = Literal["override", "makeup_workday", "holiday", "closure", "weekly"]
Windows = tuple[Window, ...]


@dataclass(frozen=True)
class Calendar:
    """A value; dates are days since 1970-01-01, instants epoch seconds. Known from 1970-01-01 on.

    Two calendars with the same content are equal. What is derived from the content is laid out when
    first needed and kept with the value, so share one value instead of building it again.
    Every method that reads dates raises `SlaError("calendar_not_covered")` outside `begin` to `end`.
    """

    zone: Zone
    weekly: tuple[Windows, ...]
    overrides: tuple[tuple[int, Windows], ...]
    makeup_workdays: tuple[tuple[int, int], ...]
    holidays: tuple[int, ...]
    closures: tuple[int, ...]
    last_date: int

    @cached_property
    def begin(self) -> int:
        return self.zone.first_reaching(0)

    @cached_property
    def end(self) -> int:
        """24:00 of the last date the calendar is complete for; itself still covered."""
        return self.zone.end_of_date(self.last_date)

    def layer_of(self, day: int) -> tuple[Layer, Windows]:
        """The first layer that names the date, and the windows it gives it."""
        return self._named_dates.get(day) or ("weekly", self.weekly[weekday_of(day)])

    def windows_of(self, day: int) -> Windows:
        return self.layer_of(day)[1] if self.zone.has_date(day) else ()

    def is_working_day(self, day: int) -> bool:
        return bool(self.windows_of(day))

    def covers(self, instant: int) -> bool:
        return self.begin <= instant <= self.end

    def between(self, since: int, until: int) -> int:
        """Working seconds of `[since, until)`; `request_invalid` if `until` is earlier."""
        if until < since:
            raise SlaError("request_invalid", "the span ends before it begins")
        self._require(since)
        self._require(until)
        return self._timeline(since).between(since, until)

    def add(self, instant: int, seconds: int) -> int:
        """The earliest instant by which `seconds` of working time have passed since `instant`."""
        return self.adding_from(instant)(seconds)

    def adding_from(self, instant: int) -> Callable[[int], int]:
        """`add` for as many spans as you like from one instant, which is found in the layout once."""
        self._require(instant)
        timeline, end = self._timeline(instant), self.end
        worked = timeline.worked_before(instant)

        def add(seconds: int) -> int:
            if seconds == 0:
                return instant
            # Working time is no faster than real time: what cannot be covered is refused unseen.
            if instant + seconds > end:
                raise self._not_covered()
            found = timeline.first_with(worked + seconds)
            if found is None:
                raise self._not_covered()
            return found

        return add

    def sub(self, instant: int, seconds: int) -> int:
        """The latest instant from which `seconds` of working time pass until `instant`."""
        self._require(instant)
        if seconds == 0:
            return instant
        if instant - seconds < self.begin:
            raise self._not_covered()
        found = self._timeline(instant).latest_before(instant, seconds)
        if found is None:
            raise self._not_covered()
        return found

    def work_days(self, instant: int, count: int) -> int:
        """24:00 of the `count`-th working day after the date of `instant`."""
        self._require(instant)
        day = self.zone.date_at(instant)
        if day + count > self.last_date:
            raise self._not_covered()
        for _ in range(count):
            day = self._working_day_from(day + 1)
        return self.zone.end_of_date(day)

    def natural_days(self, instant: int, count: int, *, roll_to_working_day: bool = False) -> int:
        """24:00 of the `count`-th date after the date of `instant`.

        Rolled, it is 24:00 of the first working day from that date on. Only rolling reads the calendar;
        unrolled the answer may lie outside the coverage, but not outside the years 0001 to 9999
        (`request_invalid`).
        """
        day = self.zone.date_at(instant)
        last = day + count
        for skipped in self.zone.skipped_dates:
            last += day < skipped <= last
        if roll_to_working_day:
            self._require(instant)
            last = self._working_day_from(last)
        return within_years(self.zone.end_of_date(last))

    def _working_day_from(self, day: int) -> int:
        while day <= self.last_date:
            if self.is_working_day(day):
                return day
            day += 1
        raise self._not_covered()

    def _timeline(self, near: int) -> Timeline:
        timeline: Timeline | None = self.__dict__.get("_laid_out")
        if timeline is None:
            # Like cached_property, past the frozen fields: it is derived from them and never differs.
            timeline = self.__dict__["_laid_out"] = Timeline(self, near)
        return timeline

    @cached_property
    def _named_dates(self) -> Mapping[int, tuple[Layer, Windows]]:
        named: dict[int, tuple[Layer, Windows]] = {}
        named.update((day, ("closure", ())) for day in self.closures)
        named.update((day, ("holiday", ())) for day in self.holidays)
        named.update((day, ("makeup_workday", self.weekly[as_day])) for day, as_day in self.makeup_workdays)
        named.update((day, ("override", windows)) for day, windows in self.overrides)
        return named

    def _require(self, instant: int) -> None:
        if not self.begin <= instant <= self.end:
            raise self._not_covered()

    def _not_covered(self) -> SlaError:
        until = format_date(self.last_date)
        return SlaError("calendar_not_covered", f"the calendar is known from 1970-01-01 to {until}")


def weekday_of(day: int) -> int:
    """0 = Monday; 1970-01-01 was a Thursday."""
    return (day + 3) % 7
