"""Working time 工作时间: calendars, and exact arithmetic in whole seconds over them.

Instants are epoch seconds in UTC, dates are days since 1970-01-01; nothing here reads a clock.
"""

from shared.kernel.working_time.calendar import WEEKDAYS, Calendar, Layer
from shared.kernel.working_time.document import read_calendar
from shared.kernel.working_time.fault import SlaError
from shared.kernel.working_time.instants import format_date, format_instant, parse_date, parse_instant
from shared.kernel.working_time.timeline import Window
from shared.kernel.working_time.units import Unit
from shared.kernel.working_time.zone import Zone

__all__ = [
    "WEEKDAYS",
    "Calendar",
    "Layer",
    "SlaError",
    "Unit",
    "Window",
    "Zone",
    "format_date",
    "format_instant",
    "parse_date",
    "parse_instant",
    "read_calendar",
]
