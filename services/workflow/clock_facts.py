"""What workflow keeps of a clock: how it stands, and what became of it (达标 met, 未达标 missed, or neither).

Only the passing of time is left to whoever reads it: an open clock is missed once it runs beyond its due.
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from operator import attrgetter
from typing import Any

from shared.events.parts import ClockChange, ClockView, RunningInterval, Turn
from shared.events.sla import ClockBreached, ClocksChanged
from shared.persistence.codec import stored

MET, MISSED, OPEN, NOT_COVERED = "met", "missed", "open", "not_covered"
CANCELLED, MERGED, VOIDED = "cancelled", "merged", "voided"
LEFT_OUT = (CANCELLED, MERGED, VOIDED)
SUSPENDED = "workorder.suspended"
GIVEN_TO_TEAM = frozenset({"accept"})
"""Clocks of the team that the order was given to: it is they who let it lapse, though another has the order then."""

OF_ORDER = ("category", "priority", "tier")
"""The order's, as they were when the clock last changed: an ended clock keeps what it was measured by."""

_TOLD = tuple(ClockView.__dataclass_fields__)
_told = attrgetter(*_TOLD)
_ENDED = frozenset({"stopped", "cancelled"})


def is_alarm(clock: ClockView) -> bool:
    """A timer of ours, not a clock of the order."""
    return clock.kind.startswith("alarm.")


def facts_of_change(event: ClocksChanged, clock: ClockChange, at: datetime) -> dict[str, Any]:
    """As of `at`, when escalation decided it."""
    ended_at = clock.ledger[-1].until if clock.ledger and clock.state in _ENDED else None
    facts = {
        **_facts(clock),
        "number": clock.number,
        "cycle": clock.cycle,
        "region": event.region,
        "first_due_at": clock.first_due_at,
        "corrected": clock.change == "corrected",
        "ended_at": ended_at,
        "outcome": outcome_of(clock),
        "counted_at": clock.due_at or ended_at or clock.started_at,
        "pauses": [{"reason": reason, "seconds": seconds} for reason, seconds in pauses_of(clock, at).items()],
        "paused": _open_pause(clock),
    }
    for name in OF_ORDER:
        if (value := getattr(event, name)) is not None:
            facts[name] = value
    if clock.kind not in GIVEN_TO_TEAM or clock.state not in _ENDED:
        facts["team"] = event.team
    return facts


def facts_of_breach(event: ClockBreached) -> dict[str, Any]:
    """Nothing about team and pauses: of those the record says nothing."""
    clock = event.clock
    return _facts(clock) | {"outcome": MISSED, "counted_at": clock.due_at or clock.started_at}


def outcome_of(clock: ClockChange) -> str:
    """A clock that was stopped in time is met, though its breach had been told; a breach that stands is missed."""
    if clock.state == "cancelled":
        cause = clock.turn.event.rpartition(".")[2] if clock.turn else CANCELLED
        return cause if cause in LEFT_OUT else CANCELLED
    if clock.change == "corrected":
        return MET
    if clock.breached_at is not None:
        return MISSED
    if clock.not_covered:
        return NOT_COVERED
    return MET if clock.state == "stopped" else OPEN


def pauses_of(clock: ClockChange, at: datetime) -> Mapping[str, int]:
    """Seconds between the stretches in which it ran, by reason; of a clock that never ran again, up to `at`."""
    breaks = [(before, after.since) for before, after in pairwise(clock.ledger)]
    if clock.state == "stopped" and clock.ledger and _ended_in_pause(clock, clock.ledger[-1]):
        breaks.append((clock.ledger[-1], at))
    seconds: dict[str, int] = {}
    for before, until in breaks:
        reason = reason_of(before.ended)
        seconds[reason] = seconds.get(reason, 0) + _between(before, until)
    return {reason: duration for reason, duration in seconds.items() if duration}


def reason_of(turn: Turn | None) -> str:
    """The reason's code; of a turn that needs none (a resolution under review), what happened."""
    if turn is None:
        return "unknown"
    return turn.reason or turn.event.rpartition(".")[2]


def _ended_in_pause(clock: ClockChange, last: RunningInterval) -> bool:
    """Whether what stopped it is not what it last ran to."""
    paused_by, stopped_by = last.ended, clock.turn
    return (
        paused_by is not None
        and stopped_by is not None
        and paused_by.event == SUSPENDED
        and paused_by.id != stopped_by.id
    )


def _open_pause(clock: ClockChange) -> dict[str, Any] | None:
    if clock.state != "paused" or not clock.ledger:
        return None
    return {"reason": reason_of(clock.ledger[-1].ended), "since": clock.ledger[-1].until}


def _between(ran: RunningInterval, until: datetime) -> int:
    return 0 if ran.until is None else max(0, int((until - ran.until).total_seconds()))


def _facts(clock: ClockView) -> dict[str, Any]:
    """What every record tells of a clock, without what only escalation needs."""
    facts = dict(zip(_TOLD, _told(clock), strict=True))
    facts["policy"], facts["calendar"] = stored(clock.policy), stored(clock.calendar)
    facts["clock"] = clock.id
    return facts
