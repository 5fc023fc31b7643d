"""Why a stretch of time counts as much as it does: split where work begins and ends, each part with its layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Final, Literal

from shared.kernel.working_time import units
from shared.kernel.working_time.calendar import Calendar, Layer
from shared.kernel.working_time.instants import DAY
from shared.kernel.working_time.units import Unit

SPANS_AT_MOST: Final = 500
_BLOCK_DAYS: Final = 64
# A window may start two dates before an instant it holds: over midnight, and the clock put back there.
_LOOK_BACK: Final = 2


@dataclass(frozen=True, slots=True)
class Span:
    """`[since, until)` in epoch seconds, and how many `seconds` of it count.

    `working` and `closed`: what `layer` says of the dates from `first_date` to `last_date` (a window's tail over
    midnight belongs to the date on which it began). `natural`: every second counts, no calendar was asked.
    `rest`: whatever lies beyond the spans that are listed one by one.
    """

    kind: Literal["working", "closed", "natural", "rest"]
    since: int
    until: int
    seconds: int
    layer: Layer | None
    first_date: int
    last_date: int


def spans(
    calendar: Calendar, unit: Unit, since: int, until: int, *, at_most: int = SPANS_AT_MOST
) -> tuple[Span, ...]:
    """`[since, until)` without holes; the seconds add up to `between`, and neighbours of one layer are one span.

    Of more than `at_most` (at least 1) the last is the `rest`. Raises SlaError as `between` does.
    """
    total = units.between(calendar, unit, since, until)
    if since == until:
        return ()
    last_date = calendar.zone.date_at(until - 1)
    if unit == "natural":
        return (Span("natural", since, until, total, None, calendar.zone.date_at(since), last_date),)
    found: list[Span] = []
    for piece in _pieces(calendar, since, until):
        if found and (found[-1].kind, found[-1].layer) == (piece.kind, piece.layer):
            merged = found[-1].seconds + piece.seconds
            found[-1] = replace(found[-1], until=piece.until, seconds=merged, last_date=piece.last_date)
        elif len(found) < at_most:
            found.append(piece)
        else:
            beyond = found.pop()
            listed = sum(span.seconds for span in found)
            rest = Span("rest", beyond.since, until, total - listed, None, beyond.first_date, last_date)
            return (*found, rest)
    return tuple(found)


def _pieces(calendar: Calendar, since: int, until: int) -> Iterator[Span]:
    """The span date by date: closed up to a date's midnight, then by turns closed and its windows."""
    reached, today = since, 0
    layer: Layer = "weekly"  # of `today`; the first date looked at lies before `since`
    for day, midnight, windows in _dates(calendar, calendar.zone.date_at(since) - _LOOK_BACK):
        if midnight >= until:
            break
        if midnight > reached:
            yield _closed(reached, midnight, layer, today)
            reached = midnight
        layer, today = calendar.layer_of(day)[0], day
        for opens, closes in windows:
            start, end = max(opens, reached), min(closes, until)
            if start >= end:
                continue
            if start > reached:
                yield _closed(reached, start, layer, day)
            yield Span("working", start, end, end - start, layer, day, day)
            reached = end
    if reached < until:
        yield _closed(reached, until, layer, today)


def _closed(since: int, until: int, layer: Layer, day: int) -> Span:
    return Span("closed", since, until, 0, layer, day, day)


def _dates(calendar: Calendar, first_day: int) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """Every date that exists, its first instant, and its windows as instants."""
    zone = calendar.zone
    for block in count(first_day, _BLOCK_DAYS):
        for day, offset in enumerate(zone.steady_offsets(block, _BLOCK_DAYS), block):
            if not zone.has_date(day):
                continue
            midnight, windows = day * DAY, calendar.windows_of(day)
            if offset is None:
                begins = zone.first_reaching(midnight)
                edges = [
                    (zone.first_reaching(midnight + start), zone.last_before(midnight + end))
                    for start, end in windows
                ]
            else:
                begins = midnight - offset
                edges = [(begins + start, begins + end) for start, end in windows]
            yield day, begins, edges
