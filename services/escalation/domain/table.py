"""Which record of the work order starts and stops which clock: one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from shared.events import workorders as order
from shared.kernel.aggregate import Event

ALARM = "alarm."
CALLBACK_ATTEMPT = ALARM + "callback_attempt"
KINDS = (
    "acknowledge",
    "dispatch",
    "accept",
    "first_response",
    "resolve",
    "review",
    "callback",
    "statutory",
    CALLBACK_ATTEMPT,
)


def is_alarm(kind: str) -> bool:
    """Alarms (闹钟) wake something up; they cannot be breached and stand in no report."""
    return kind.startswith(ALARM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """What one record does, in the order of the fields.

    `suspends` stops a clock that `resumes` lets count on. `starts` counts from the action's occurrence,
    `starts_at_receipt` from the complaint's receipt. `ends` is what becomes of every clock that still counts.
    """

    stops: tuple[str, ...] = ()
    suspends: tuple[str, ...] = ()
    resumes: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()
    starts_at_receipt: tuple[str, ...] = ()
    ends: Literal["stopped", "cancelled"] | None = None


TOUCHES: Mapping[type[Event], Touch] = {
    order.Created: Touch(
        starts=("dispatch",), starts_at_receipt=("acknowledge", "first_response", "resolve", "statutory")
    ),
    order.Acknowledged: Touch(stops=("acknowledge",)),
    order.Dispatched: Touch(stops=("dispatch",), starts=("accept",)),
    order.Accepted: Touch(stops=("accept",)),
    order.Recalled: Touch(stops=("accept",), starts=("dispatch",)),
    order.Transferred: Touch(stops=("accept",), starts=("accept",)),
    order.Responded: Touch(stops=("first_response",)),
    order.ResolutionSubmitted: Touch(suspends=("resolve",), starts=("review",)),
    order.ReviewApproved: Touch(stops=("review",), starts=("callback",)),
    order.ReviewRejected: Touch(stops=("review",), resumes=("resolve",)),
    # The decision is a person's answer, whoever carries it to the complainant.
    order.DecisionCommunicated: Touch(stops=("statutory", "first_response")),
    order.CallbackAttempted: Touch(stops=(CALLBACK_ATTEMPT,), starts=(CALLBACK_ATTEMPT,)),
    order.CallbackCompleted: Touch(stops=("callback", CALLBACK_ATTEMPT)),
    order.Redispatched: Touch(stops=("callback", CALLBACK_ATTEMPT), starts=("dispatch", "resolve")),
    order.Closed: Touch(ends="stopped"),
    order.Cancelled: Touch(ends="cancelled"),
}

# A dissatisfied complainant's order goes on: redispatched, which stops the callback clock in the same decision, or,
# beyond the cycle limit, waiting for a leader. Then this clock is the only one that still drives it.
DISSATISFIED = Touch(stops=(CALLBACK_ATTEMPT,))


def touch_of(change: Event) -> Touch:
    if isinstance(change, order.CallbackCompleted) and not change.satisfied:
        return DISSATISFIED
    return TOUCHES[type(change)]
