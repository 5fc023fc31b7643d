"""`sla compute`: when would this be due, how much working time lies between, one question per line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from shared.cli.sla_lines import Request, boolean, integer, invalid, seconds_unit
from shared.kernel.working_time import Calendar, format_instant, parse_instant, units

_OPERATIONS: Final = {
    "business": ("add", "between", "sub"),
    "natural": ("add", "between", "sub"),
    "natural_days": ("add",),
    "work_days": ("add",),
}
Calculation = Callable[[Calendar], Mapping[str, object]]


def compute(request: Request) -> Mapping[str, object]:
    """The whole request is checked first, then the calendar, then the coverage."""
    calculation = _calculation(request)
    return calculation(request.calendar())


def _calculation(request: Request) -> Calculation:
    request.require("calendar")
    unit, operation = request.value("unit"), request.value("op")
    if not isinstance(unit, str) or unit not in _OPERATIONS:
        raise invalid("unit: unknown")
    if operation not in ("add", "between", "sub"):
        raise invalid("op: unknown")
    if operation not in _OPERATIONS[unit]:
        raise invalid(f"op: {unit} has no {operation}")
    at = parse_instant(request.value("at"))
    if unit in ("natural_days", "work_days"):
        return _days(request, unit, at)
    if operation == "between":
        return _span(request, at)
    return _seconds(request, operation, at)


def _days(request: Request, unit: str, at: int) -> Calculation:
    count = integer(request.value("count"), "count", least=1)
    if unit == "work_days":
        return lambda calendar: {"result": format_instant(calendar.work_days(at, count))}
    roll = boolean(request.get("roll_to_working_day", False), "roll_to_working_day")
    return lambda calendar: {"result": format_instant(calendar.natural_days(at, count, roll_to_working_day=roll))}


def _span(request: Request, at: int) -> Calculation:
    unit = seconds_unit(request.value("unit"), "unit")
    to = parse_instant(request.value("to"))
    if to < at:
        raise invalid("to: lies before at")
    return lambda calendar: {"seconds": units.between(calendar, unit, at, to)}


def _seconds(request: Request, operation: object, at: int) -> Calculation:
    unit = seconds_unit(request.value("unit"), "unit")
    seconds = integer(request.value("seconds"), "seconds", least=0)
    move = units.add if operation == "add" else units.sub
    return lambda calendar: {"result": format_instant(move(calendar, unit, at, seconds))}
