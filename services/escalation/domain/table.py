"""Which record of the work order starts, pauses and stops which clock: one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from shared.events import workorders as order
from shared.kernel.aggregate import Event

ALARM = "alarm."
NEXT_UPDATE, RESOLVE, STATUTORY = "next_update", "resolve", "statutory"
SUSPENSION, SUPERVISION, COOPERATION = "suspension", "supervision", "cooperation"
WAKE_UP = ALARM + "wake_up"
CALLBACK_ATTEMPT = ALARM + "callback_attempt"
SURVEY_CLOSE = ALARM + "survey_close"
ARCHIVE = ALARM + "archive"
APPEAL_WINDOW = ALARM + "appeal_window"
EXTENSION_EXPIRY = ALARM + "extension_expiry"
KINDS = (
    "acknowledge",
    "dispatch",
    "accept",
    "first_response",
    NEXT_UPDATE,
    RESOLVE,
    "review",
    "callback",
    SUSPENSION,
    SUPERVISION,
    COOPERATION,
    STATUTORY,
    WAKE_UP,
    CALLBACK_ATTEMPT,
    SURVEY_CLOSE,
    ARCHIVE,
    APPEAL_WINDOW,
    EXTENSION_EXPIRY,
)
PAUSABLE: Mapping[str, frozenset[str] | None] = {
    "first_response": frozenset({"complainant_unreachable"}),
    RESOLVE: None,
    COOPERATION: None,
}
"""Kinds that a suspension may pause at all, and for which reasons alone (None: for any)."""


def is_alarm(kind: str) -> bool:
    """Alarms (闹钟) wake something up; they cannot be breached and stand in no report."""
    return kind.startswith(ALARM)


def may_pause(kind: str, reason: str) -> bool:
    reasons = PAUSABLE.get(kind, frozenset())
    return reasons is None or reason in reasons


def may_start(kind: str, status: str) -> bool:
    """Whether a clock has anything to measure in an order of that status."""
    if kind == ARCHIVE:
        return status == "closed"
    # Nobody waits for news of an answer that is about to come.
    return kind != NEXT_UPDATE or status != "pending_callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """What one record does, in the order of the fields.

    `holds` stops a clock that `releases` lets count on. `pauses` and `resumes` concern the clocks that the policy
    lists for the reason. `renews` names the setting that says whether the resolve clock counts on or another starts.
    `starts` counts from the action's occurrence, `starts_at_receipt` from the complaint's receipt. `ends` is what
    becomes of every clock that still counts, but for those that it `spares`.
    """

    stops: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    pauses: bool = False
    resumes: bool = False
    renews: Literal["cycle_mode", "reopen_mode"] | None = None
    starts: tuple[str, ...] = ()
    starts_at_receipt: tuple[str, ...] = ()
    ends: Literal["stopped", "cancelled"] | None = None
    spares: tuple[str, ...] = ()


UPDATE = Touch(stops=("first_response", NEXT_UPDATE), starts=(NEXT_UPDATE,))
TERMS = Touch()
"""Nothing of its own: clocks follow the order's new terms whatever record brings them."""

TOUCHES: Mapping[type[Event], Touch] = {
    order.Created: Touch(
        starts=("dispatch",), starts_at_receipt=("acknowledge", "first_response", RESOLVE, STATUTORY)
    ),
    order.Acknowledged: Touch(stops=("acknowledge", NEXT_UPDATE), starts=(NEXT_UPDATE,)),
    order.Dispatched: Touch(stops=("dispatch",), starts=("accept",)),
    order.Arbitrated: Touch(stops=("dispatch",), starts=("accept",)),
    order.Accepted: Touch(stops=("accept",)),
    order.Recalled: Touch(stops=("accept",), starts=("dispatch",)),
    order.Returned: Touch(stops=("accept",), starts=("dispatch",)),
    order.Transferred: Touch(stops=("accept",), starts=("accept",)),
    order.Responded: UPDATE,
    # A report of progress is a person's answer too, should it be the first.
    order.ProgressReported: UPDATE,
    order.Suspended: Touch(pauses=True, starts=(SUSPENSION, WAKE_UP)),
    order.Resumed: Touch(stops=(SUSPENSION, WAKE_UP), resumes=True),
    order.Supervised: Touch(starts=(SUPERVISION,)),
    order.SupervisionAnswered: Touch(stops=(SUPERVISION,)),
    order.SubOrderOpened: Touch(starts=(COOPERATION,)),
    order.SubOrderAnswered: Touch(stops=(COOPERATION,)),
    order.ExtensionRequested: Touch(starts=(EXTENSION_EXPIRY,)),
    order.ExtensionDecided: Touch(stops=(EXTENSION_EXPIRY,)),
    order.PriorityChanged: TERMS,
    order.Reclassified: TERMS,
    order.ResolutionSubmitted: Touch(holds=(RESOLVE,), starts=("review",)),
    order.ReviewApproved: Touch(stops=("review",), starts=("callback",)),
    order.ReviewRejected: Touch(stops=("review",), releases=(RESOLVE,)),
    # The decision is a person's answer, whoever carries it to the complainant.
    order.DecisionCommunicated: Touch(stops=(STATUTORY, "first_response", NEXT_UPDATE)),
    order.CallbackAttempted: Touch(stops=(CALLBACK_ATTEMPT,), starts=(CALLBACK_ATTEMPT,)),
    order.CallbackCompleted: Touch(stops=("callback", CALLBACK_ATTEMPT)),
    order.Redispatched: Touch(stops=("callback", CALLBACK_ATTEMPT), renews="cycle_mode", starts=("dispatch",)),
    order.LiabilityAssigned: Touch(stops=(APPEAL_WINDOW,), starts=(APPEAL_WINDOW,)),
    order.LiabilityAppealed: Touch(stops=(APPEAL_WINDOW,)),
    order.LiabilityRevised: Touch(stops=(APPEAL_WINDOW,), starts=(ARCHIVE,)),
    order.LiabilitySettled: Touch(stops=(APPEAL_WINDOW,), starts=(ARCHIVE,)),
    order.Closed: Touch(starts=(SURVEY_CLOSE, ARCHIVE), ends="stopped", spares=(APPEAL_WINDOW,)),
    order.SurveyClosed: Touch(stops=(SURVEY_CLOSE,)),
    order.Reopened: Touch(stops=(SURVEY_CLOSE, ARCHIVE), renews="reopen_mode", starts=("dispatch",)),
    order.Archived: Touch(ends="stopped"),
    order.Cancelled: Touch(ends="cancelled"),
    order.Voided: Touch(ends="cancelled"),
}

# A dissatisfied complainant's order goes on: redispatched, which stops the callback clock in the same decision, or,
# beyond the cycle limit, waiting for a leader. Then this clock is the only one that still drives it.
DISSATISFIED = Touch(stops=(CALLBACK_ATTEMPT,))
# What the regulator sends back is to be answered in its time again.
REOPENED_BY_REGULATOR = Touch(stops=(SURVEY_CLOSE, ARCHIVE), renews="reopen_mode", starts=("dispatch", STATUTORY))


def touch_of(change: Event) -> Touch:
    if isinstance(change, order.CallbackCompleted) and not change.satisfied:
        return DISSATISFIED
    if isinstance(change, order.Reopened) and change.by == "regulator":
        return REOPENED_BY_REGULATOR
    return TOUCHES[type(change)]


def subjects_of(change: Event) -> frozenset[str] | None:
    """The demands or sub-orders that a record speaks of; None where an order has one clock of a kind at a time."""
    match change:
        case order.Supervised():
            return frozenset({str(change.number)})
        case order.SupervisionAnswered():
            return frozenset(map(str, change.numbers))
        case order.SubOrderOpened():
            return frozenset({change.suborder_id})
        case order.SubOrderAnswered():
            return frozenset({change.suborder_id, *change.released})
    return None
