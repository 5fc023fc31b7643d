"""Why a clock was late (超时原因), as reports count it."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from services.escalation.domain.instants import to_instant, to_seconds
from services.escalation.domain.moments import Moment
from services.escalation.domain.table import SUSPENSION, WAKE_UP
from shared.events.parts import ClockChange
from shared.kernel.sla_clock import Clock, elapsed
from shared.kernel.working_time import Calendar, SlaError, units

ROUTING: Final = ("dispatch", "accept")
SUSPENDED: Final = (SUSPENSION, WAKE_UP)
OUTAGE_FROM: Final = timedelta(seconds=60)
"""A breach decided so long after it began was not decided by a timer of a service that ran."""


def cause_of(record: ClockChange, clock: Clock, calendar: Calendar, moment: Moment) -> str:
    """The first that holds of:

    late_intake  half the budget or more had passed when the order was created;
    retarget     by the due that was promised first it would be in time;
    suspension   the order was suspended while this clock counted on, for at least as long as it overran;
    routing      it is about dispatching or accepting itself, or that took at least as long as it overran;
    outage       the breach was decided more than a minute after it began;
    handling     none of these.

    How long a clock overruns is known when it has stopped. While it still counts, suspension and routing mean that
    the order is suspended, or waits to be dispatched or accepted, at the breach.
    """
    try:
        if _received_late(record, clock, calendar, moment):
            return "late_intake"
        if _promised_later(record, clock):
            return "retarget"
        if _took_it(SUSPENDED, clock, calendar, moment):
            return "suspension"
        if record.kind in ROUTING or _took_it(ROUTING, clock, calendar, moment):
            return "routing"
    except SlaError:
        pass  # beyond the calendar nothing can be measured
    breached_at = to_instant(clock.breached_at)
    late = breached_at is not None and moment.now - breached_at > OUTAGE_FROM
    return "outage" if late and record.breached_at is None else _known(record)


def _known(record: ClockChange) -> str:
    """What the breach was put down to when it was decided stands if nothing else came up."""
    return "outage" if record.cause == "outage" else "handling"


def _received_late(record: ClockChange, clock: Clock, calendar: Calendar, moment: Moment) -> bool:
    dispatched = (other.started_at for other in moment.clocks if other.kind == "dispatch")
    created = to_seconds(next(dispatched, moment.now if not moment.clocks else record.started_at))
    started = to_seconds(record.started_at)
    if created <= started:
        return False
    return 2 * units.between(calendar, clock.unit, started, created) >= clock.budget


def _promised_later(record: ClockChange, clock: Clock) -> bool:
    end = clock.breached_at if clock.state == "running" else clock.as_of
    return record.first_due_at is not None and end is not None and end <= to_seconds(record.first_due_at)


def _took_it(kinds: Sequence[str], clock: Clock, calendar: Calendar, moment: Moment) -> bool:
    others = [other for other in moment.clocks if other.kind in kinds]
    if clock.state == "running":
        return any(other.state == "running" for other in others)
    kind = next((kind for kind in kinds if any(other.kind == kind for other in others)), None)
    if kinds is SUSPENDED:  # both measure the same time
        others = [other for other in others if other.kind == kind]
    overrun = elapsed(clock, calendar) - clock.budget
    taken = sum(_overlap(clock, calendar, other) for other in others)
    return 0 < overrun <= taken


def _overlap(clock: Clock, calendar: Calendar, other: ClockChange) -> int:
    """Seconds of the clock's unit in which both counted."""
    found = 0
    for since, until in _spans(clock):
        for ran in other.ledger:
            start = max(since, to_seconds(ran.since))
            end = until if ran.until is None else min(until, to_seconds(ran.until))
            found += units.between(calendar, clock.unit, start, end) if start < end else 0
    return found


def _spans(clock: Clock) -> Iterator[tuple[int, int]]:
    yield from clock.ledger
    if clock.since is not None:
        yield clock.since, clock.as_of
