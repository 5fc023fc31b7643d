"""Watches over the calendars' coverage: clocks beyond it have no due, so somebody has to be told."""

import asyncio
from datetime import datetime, timedelta

from services.escalation.domain import CLOCK_SETS
from services.escalation.domain.instants import to_instant
from services.escalation.domain.policies import Rulebook
from shared.kernel.ids import WORK_ORDER, sibling
from shared.persistence.driver import DriverError
from shared.runtime.context import Context, Unavailable
from shared.runtime.logging import get_logger
from shared.runtime.telemetry import ALERTS

log = get_logger()
EVERY_SECONDS = 60.0  # of the machine
WARN_AHEAD = timedelta(days=60)
NAMED_AT_ONCE = 50


async def watch_coverage(context: Context) -> None:
    """Logs and counts orders whose clocks are not covered, and calendars that soon end, when that changes."""
    seen: tuple[list[str], list[str]] = ([], [])
    while True:
        try:
            found = (
                await uncovered_orders(context),
                ending_calendars(context.facts().reference, context.clock.now()),
            )
        except (DriverError, Unavailable):
            found = seen
        if found != seen:
            report(*found)
            seen = found
        await asyncio.sleep(EVERY_SECONDS)


def report(orders: list[str], calendars: list[str]) -> None:
    if orders:
        ALERTS.labels("clocks_not_covered").inc()
        log.error("clocks_not_covered", work_orders=orders)
    if calendars:
        ALERTS.labels("calendar_ends_soon").inc()
        log.warning("calendar_ends_soon", calendars=calendars)


async def uncovered_orders(context: Context) -> list[str]:
    """The first of the orders with a running clock that has no due for lack of a calendar."""
    found = await context.find(CLOCK_SETS, {"not_covered": True}, [("_id", 1)], NAMED_AT_ONCE)
    return [sibling(snapshot.id, WORK_ORDER) for snapshot in found]


def ending_calendars(rules: Rulebook, now: datetime) -> list[str]:
    """The calendars in force that are complete for less than 60 days to come."""
    in_force = [rules.calendar_at(name, now) for name in sorted({ref.id for ref in rules.calendars})]
    return [
        f"{version.ref.id} v{version.ref.version}"
        for version in in_force
        if to_instant(version.calendar.end) < now + WARN_AHEAD
    ]
