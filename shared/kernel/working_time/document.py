"""Reads a calendar document (JSON or YAML already parsed) into a `Calendar`, naming what is wrong in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.kernel.working_time.calendar import WEEKDAYS, Calendar, Windows
from shared.kernel.working_time.fault import SlaError
from shared.kernel.working_time.instants import DAY, parse_date
from shared.kernel.working_time.timeline import Window
from shared.kernel.working_time.zone import Zone

_CLOCK_TIMES: Final = {f"{minute // 60:02}:{minute % 60:02}": minute * 60 for minute in range(24 * 60)}
_END_TIMES: Final = {**_CLOCK_TIMES, "24:00": DAY}


def read_calendar(document: object) -> Calendar:
    """The calendar written in a document; `SlaError("calendar_invalid")` names the field at fault.

    Fields that are not known are ignored, layers left out are empty.
    """
    fields = _mapping(document, "calendar")
    zone_name = fields.get("zone")
    zone = Zone.named(zone_name) if isinstance(zone_name, str) else None
    if zone is None:
        raise _invalid("zone", f"unknown zone {zone_name!r:.60}")
    weekly = {
        _weekday(name, "weekly"): _windows(windows, f"weekly.{name}")
        for name, windows in _mapping(fields.get("weekly", {}), "weekly").items()
    }
    overrides = {
        _date(text, "overrides"): _windows(windows, f"overrides.{text}")
        for text, windows in _mapping(fields.get("overrides", {}), "overrides").items()
    }
    makeup_workdays = {
        _date(text, "makeup_workdays"): _weekday(name, f"makeup_workdays.{text}")
        for text, name in _mapping(fields.get("makeup_workdays", {}), "makeup_workdays").items()
    }
    if "complete_until" not in fields:
        raise _invalid("complete_until", "missing")
    return Calendar(
        zone=zone,
        weekly=tuple(weekly.get(weekday, ()) for weekday in range(7)),
        overrides=tuple(sorted(overrides.items())),
        makeup_workdays=tuple(sorted(makeup_workdays.items())),
        holidays=_dates(fields.get("holidays", []), "holidays"),
        closures=_dates(fields.get("closures", []), "closures"),
        last_date=_date(fields["complete_until"], "complete_until"),
    )


def _windows(value: object, where: str) -> Windows:
    return tuple(sorted(_window(pair, where) for pair in _list(value, where)))


def _window(pair: object, where: str) -> Window:
    match pair:
        case [str(opens), str(closes)]:
            start, end = _CLOCK_TIMES.get(opens), _END_TIMES.get(closes)
        case _:
            raise _invalid(where, f"a window is a start and an end, not {pair!r:.60}")
    if start is None or end is None:
        raise _invalid(where, f"not a time of day in {opens:.20}-{closes:.20}")
    if start == end:
        raise _invalid(where, f"the window {opens}-{closes} starts where it ends")
    return Window(start, end if end > start else end + DAY)


def _weekday(name: object, where: str) -> int:
    if name not in WEEKDAYS:
        raise _invalid(where, f"unknown weekday {name!r:.60}")
    return WEEKDAYS.index(str(name))


def _dates(value: object, where: str) -> tuple[int, ...]:
    return tuple(sorted({_date(text, where) for text in _list(value, where)}))


def _date(text: object, where: str) -> int:
    day = parse_date(text)
    if day is None:
        raise _invalid(where, f"not a date: {text!r:.60}")
    return day


def _mapping(value: object, where: str) -> Mapping[object, object]:
    if not isinstance(value, Mapping):
        raise _invalid(where, "not an object")
    return value


def _list(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise _invalid(where, "not a list")
    return value


def _invalid(where: str, what: str) -> SlaError:
    return SlaError("calendar_invalid", f"{where}: {what}")
