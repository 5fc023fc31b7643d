"""Which event leads from which status to which: the one door to a complaint's status."""

from collections.abc import Mapping

from services.intake.domain.state import OPEN, Status
from shared.events.complaints import (
    Acknowledged,
    Answered,
    Closed,
    HandlingStarted,
    Reopened,
    Voided,
    WithdrawalRequested,
    Withdrawn,
)
from shared.kernel.aggregate import Event

TRANSITIONS: Mapping[type[Event], Mapping[Status, Status]] = {
    # Told after handling began: a fact worth publishing, but no step back.
    Acknowledged: {
        Status.RECEIVED: Status.ACKNOWLEDGED,
        Status.IN_HANDLING: Status.IN_HANDLING,
        Status.ANSWERED: Status.ANSWERED,
    },
    HandlingStarted: {Status.RECEIVED: Status.IN_HANDLING, Status.ACKNOWLEDGED: Status.IN_HANDLING},
    Answered: {status: Status.ANSWERED for status in OPEN if status is not Status.ANSWERED},
    Reopened: dict.fromkeys((*OPEN, Status.CLOSED), Status.IN_HANDLING),
    Closed: dict.fromkeys(OPEN, Status.CLOSED),
    WithdrawalRequested: {status: status for status in OPEN},
    Withdrawn: dict.fromkeys(OPEN, Status.WITHDRAWN),
    Voided: dict.fromkeys(OPEN, Status.VOIDED),
}


def next_status(event: type[Event], status: Status) -> Status | None:
    """The status after `event`; None if it changes nothing or cannot happen in `status`."""
    return TRANSITIONS[event].get(status)


def is_reached(event: type[Event], status: Status) -> bool:
    """Whether an `event` without next status has nothing to add: the complaint is further on, or ended by it."""
    return status in OPEN or status in TRANSITIONS[event].values()
