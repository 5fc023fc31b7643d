"""The complaint after each of its events."""

from dataclasses import replace
from typing import Any

from services.intake.domain.state import Complaint
from services.intake.domain.transitions import next_status
from shared.events.complaints import (
    Acknowledged,
    Closed,
    HandlingStarted,
    Received,
    Reopened,
    WithdrawalRequested,
)
from shared.kernel.aggregate import Event, Stamp


def evolve(state: Complaint | None, event: Event, stamp: Stamp) -> Complaint:
    """Raises ValueError for an event that cannot follow: such a log is not ours."""
    if state is None:
        if not isinstance(event, Received):
            raise ValueError(f"{event.TYPE} comes before complaint.received")
        return Complaint(received=event, created_at=stamp.at, updated_at=stamp.at)
    status = next_status(type(event), state.status)
    if status is None:
        raise ValueError(f"{event.TYPE} cannot follow {state.status}")
    return replace(state, status=status, updated_at=stamp.at, **_changed(event))


def _changed(event: Event) -> dict[str, Any]:
    match event:
        case Acknowledged():
            return {"acknowledged": True}
        case HandlingStarted():
            return {"cycle": event.cycle}
        case Reopened():
            return {"cycle": event.cycle, "outcome": None}
        case Closed():
            return {"outcome": event.outcome}
        case WithdrawalRequested():
            return {"withdrawal": event}
    return {}
