"""Reads the days of a year from CSV or iCalendar; every fault is told with line and column.

Of iCalendar only whole-day events are read, as China's holiday calendars are written: 班 in the summary is a make-up
workday, 休 or 假 a holiday. That is a small part of the format, so no library is needed for it.
"""

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, timedelta

from services.escalation.calendar_days import Day, Days
from services.escalation.policy_files import Fault, InvalidPolicies
from shared.kernel.working_time import WEEKDAYS, parse_date

COLUMNS = ("date", "kind", "windows_or_weekday", "name")
KINDS = ("holiday", "makeup_workday", "closure", "override")
MOST_DAYS = 366
_WINDOW = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)")
_LINE = re.compile(r"(DTSTART|DTEND|SUMMARY|RRULE)(?:;([^:]*))?:(.*)")
_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")


def days_of_csv(text: str, year: int) -> Days:
    """`date,kind,windows_or_weekday,name` with that heading. Raises InvalidPolicies."""
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    found: dict[str, Day] = {}
    faults: list[Fault] = []
    try:
        heading = next(rows, [])
        if tuple(cell.strip() for cell in heading) != COLUMNS:
            raise InvalidPolicies(Fault(f"the first line must be {','.join(COLUMNS)}", line=1))
        for row in rows:
            if any(cell.strip() for cell in row):
                faults += _take(_row(row, rows.line_num, year), found, rows.line_num)
    except csv.Error as error:
        faults.append(Fault(f"not CSV: {error}", line=rows.line_num))
    return _whole(found, faults)


def _row(row: list[str], line: int, year: int) -> Day | Fault:
    cells = [*(cell.strip() for cell in row), *([""] * len(COLUMNS))]
    day, kind, hours, name = cells[:4]
    if len(row) > len(COLUMNS):
        return Fault(f"{len(row)} columns instead of {len(COLUMNS)}", (f"column {len(COLUMNS) + 1}",), line)
    if (wrong := _wrong_date(day, year)) is not None:
        return Fault(wrong, ("column 1", "date"), line)
    match kind:
        case "holiday" | "closure" if hours:
            return Fault(f"a {kind} has no hours", ("column 3", COLUMNS[2]), line)
        case "holiday" | "closure":
            return Day(day, kind, name=name)
        case "makeup_workday" if hours in WEEKDAYS:
            return Day(day, kind, hours, name)
        case "makeup_workday":
            return Fault(f"must be the weekday that it stands in for: {', '.join(WEEKDAYS)}", ("column 3",), line)
        case "override":
            windows = hours.split()
            if not all(map(_WINDOW.fullmatch, windows)):
                return Fault("must be windows such as 09:00-12:00 13:00-18:00, or empty", ("column 3",), line)
            return Day(day, kind, tuple((window[:5], window[6:]) for window in windows), name)
    return Fault(f"must be one of {', '.join(KINDS)}", ("column 2", "kind"), line)


def _wrong_date(text: str, year: int) -> str | None:
    if parse_date(text) is None:
        return "not a date such as 2027-01-01"
    return None if text.startswith(f"{year:04}-") else f"not in {year}"


def _take(read: Day | Fault, found: dict[str, Day], line: int) -> list[Fault]:
    if isinstance(read, Fault):
        return [read]
    if found.setdefault(read.date, read) != read:
        return [Fault(f"{read.date} is given twice, differently", ("column 1",), line)]
    return []


def days_of_ics(text: str, year: int) -> Days:
    """The whole-day events of the year that say 休, 假 or 班. Raises InvalidPolicies."""
    found: dict[str, Day] = {}
    faults: list[Fault] = []
    if not text.removeprefix("\ufeff").lstrip().startswith("BEGIN:VCALENDAR"):
        raise InvalidPolicies(Fault("not an iCalendar file: it must begin with BEGIN:VCALENDAR", line=1))
    for line, event in _events(text):
        for read in _event_days(event, line, year):
            faults += _take(read, found, line)
    return _whole(found, faults)


def _events(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The line on which each event begins, and its fields; long lines are folded by a leading space."""
    began, fields, last = 0, dict[str, str](), ""
    for number, raw in enumerate(text.splitlines(), start=1):
        if raw[:1] in (" ", "\t") and last:
            fields[last] += raw[1:]
        elif raw.strip() == "BEGIN:VEVENT":
            began, fields, last = number, {}, ""
        elif raw.strip() == "END:VEVENT":
            yield began, fields
        else:
            known = _LINE.fullmatch(raw.rstrip())
            last = known[1] if known else ""
            if known:
                fields[last] = known[3]


def _event_days(event: dict[str, str], line: int, year: int) -> Iterator[Day | Fault]:
    name = event.get("SUMMARY", "")
    workday, holiday = "班" in name, "休" in name or "假" in name
    if not workday and not holiday:
        return
    if workday and holiday:
        yield Fault("says both 班 and 休", ("SUMMARY",), line)
        return
    if "RRULE" in event:
        yield Fault("an event that repeats is not read", ("RRULE",), line)
        return
    start = _day(event.get("DTSTART", ""))
    end = _day(event["DTEND"]) if "DTEND" in event else start and start + timedelta(days=1)
    if start is None or end is None or not start < end <= start + timedelta(days=MOST_DAYS):
        yield Fault("must be whole days, such as DTSTART;VALUE=DATE:20270101", ("DTSTART",), line)
        return
    for after in range((end - start).days):
        day = start + timedelta(days=after)
        if day.year == year:
            text = day.isoformat()
            yield Day(text, "makeup_workday", "mon", name) if workday else Day(text, "holiday", name=name)


def _day(text: str) -> date | None:
    parts = _DAY.fullmatch(text)
    try:
        return None if parts is None else date(*map(int, parts.groups()))
    except ValueError:
        return None


def _whole(found: dict[str, Day], faults: list[Fault]) -> Days:
    if faults:
        raise InvalidPolicies(*faults)
    return tuple(found[day] for day in sorted(found))
