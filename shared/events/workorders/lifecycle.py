"""The way of an order from its creation to its end; what every such event has."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.events.catalogue import event
from shared.events.parts import ComplaintObject, Reason, RegulatorCase
from shared.kernel.aggregate import Event
from shared.kernel.personal import Personal


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOrderEvent(Event):
    """What every action may carry beside its own arguments."""

    note: Personal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What the complainant gets: refund, repair, replace, compensation, apology, information, other, none."""

    kind: str
    amount_cents: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTaken:
    """Why the order went where it went: the rule with its version, and the conditions that matched."""

    rule: str
    version: int
    matched: Mapping[str, str]


@event("workorder.created")
@dataclass(frozen=True, slots=True, kw_only=True)
class Created(WorkOrderEvent):
    """建单: the internal job of one complaint."""

    complaint_id: str
    number: str
    channel: str
    subject: Personal
    category: str
    priority: str
    tier: str
    region: str
    customer_id: str
    remedy_sought: str
    object: ComplaintObject | None = None
    severity_flags: tuple[str, ...] = ()
    regulator_case: RegulatorCase | None = None
    received_at: datetime
    language: str = "zh"
    promised_reply_at: datetime | None = None
    told: bool = False  # the complainant knows number and promised time already; an acknowledgement follows


@event("workorder.acknowledged")
@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged(WorkOrderEvent):
    """告知."""

    by: str
    text: Personal | None = None


@event("workorder.dispatched")
@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatched(WorkOrderEvent):
    """派单: `route` when a rule chose the team, else a dispatcher did."""

    team: str
    assignee: str | None = None
    route: RouteTaken | None = None
    reason: Reason | None = None


@event("workorder.accepted")
@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted(WorkOrderEvent):
    """接单."""

    assignee: str


@event("workorder.recalled")
@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled(WorkOrderEvent):
    """超时收回: nobody accepted in time."""

    team: str
    reason: Reason | None = None


@event("workorder.transferred")
@dataclass(frozen=True, slots=True, kw_only=True)
class Transferred(WorkOrderEvent):
    """转派."""

    from_team: str
    team: str
    assignee: str | None
    reason: Reason


@event("workorder.responded")
@dataclass(frozen=True, slots=True, kw_only=True)
class Responded(WorkOrderEvent):
    """响应: text that the complainant can see, from a person."""

    text: Personal
    first: bool


@event("workorder.resolution_submitted")
@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionSubmitted(WorkOrderEvent):
    """回单."""

    handler: str
    root_cause: Personal
    measures: Personal
    remedy: Remedy
    reply_text: Personal


@event("workorder.review_approved")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewApproved(WorkOrderEvent):
    """审核通过: the answer may go out; `reply_text` is what the complainant will read."""

    reviewer: str
    text: Personal | None = None
    reply_text: Personal


@event("workorder.review_rejected")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRejected(WorkOrderEvent):
    """审核退回."""

    reviewer: str
    reason: Reason


@event("workorder.decision_communicated")
@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionCommunicated(WorkOrderEvent):
    """答复: the complainant has the decision."""

    by: str
    text: Personal | None = None


@event("workorder.callback_attempted")
@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackAttempted(WorkOrderEvent):
    """回访未达: nobody was reached, or another time was agreed."""

    outcome: str
    attempt: int
    next_at: datetime | None = None
    text: Personal | None = None


@event("workorder.callback_completed")
@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackCompleted(WorkOrderEvent):
    """回访完成: the complainant answered."""

    outcome: str
    attempt: int
    satisfied: bool
    scores: Mapping[str, int] | None = None
    text: Personal | None = None


@event("workorder.callback_prompted")
@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackPrompted(WorkOrderEvent):
    """回访到期: the time for the next attempt has come."""

    attempt: int


@event("workorder.redispatched")
@dataclass(frozen=True, slots=True, kw_only=True)
class Redispatched(WorkOrderEvent):
    """不满意重派: the next cycle of the same order begins."""

    cycle: int
    team: str | None = None
    reason: Reason | None = None


@event("workorder.closed")
@dataclass(frozen=True, slots=True, kw_only=True)
class Closed(WorkOrderEvent):
    """办结: satisfied, unreachable (attempts exhausted, `notice` requested) or forced by a leader."""

    outcome: str
    notice: bool = False
    reason: Reason | None = None


@event("workorder.cancelled")
@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(WorkOrderEvent):
    """撤单: the complaint was withdrawn."""

    reason: Reason
    confirmed_by: str | None = None


@event("workorder.escalated")
@dataclass(frozen=True, slots=True, kw_only=True)
class Escalated(WorkOrderEvent):
    """升级."""

    level: int
    reason: Reason | None = None


@event("workorder.unreached")
@dataclass(frozen=True, slots=True, kw_only=True)
class Unreached(WorkOrderEvent):
    """The notifier found no way to reach the complainant; an agent must (flag `unreached`)."""

    template: str
