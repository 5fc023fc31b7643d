"""What intake says on the topic complaints (投诉受理)."""

from dataclasses import dataclass
from datetime import datetime

from shared.events.catalogue import event
from shared.events.parts import ComplaintObject, Reason, RegulatorCase
from shared.kernel.aggregate import Event
from shared.kernel.personal import Personal


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """The customer as of receipt; what the source left out comes from the customer replica."""

    id: str
    name: Personal | None = None
    phone: Personal | None = None
    email: Personal | None = None
    tier: str = "standard"
    region: str = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    name: Personal
    uri: str
    media_type: str
    size: int


@event("complaint.received")
@dataclass(frozen=True, slots=True, kw_only=True)
class Received(Event):
    """受理: a complaint is known; its work order is created from this record."""

    source: str
    external_id: str
    number: str
    channel: str
    customer: Customer
    subject: Personal
    description: Personal
    category: str
    category_given: bool
    priority: str
    remedy_sought: str
    object: ComplaintObject | None = None
    severity_flags: tuple[str, ...] = ()
    regulator_case: RegulatorCase | None = None
    received_at: datetime
    acknowledged: bool
    promised_reply_at: datetime | None = None
    attachments: tuple[Attachment, ...] = ()
    language: str = "zh"
    work_order_id: str
    digest: str  # of the submission: the same number with other content is a contradiction


@event("complaint.acknowledged")
@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged(Event):
    """已告知: the complainant was told the number and the promised time."""


@event("complaint.handling_started")
@dataclass(frozen=True, slots=True, kw_only=True)
class HandlingStarted(Event):
    """处理中: for the first time, or again in a new cycle."""

    cycle: int


@event("complaint.answered")
@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Event):
    """已答复: the decision was communicated."""


@event("complaint.closed")
@dataclass(frozen=True, slots=True, kw_only=True)
class Closed(Event):
    """已办结."""

    outcome: str  # satisfied, unreachable, forced


@event("complaint.reopened")
@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened(Event):
    """Handled again after an answer or a closing: redispatched or reopened."""

    cycle: int


@event("complaint.withdrawal_requested")
@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalRequested(Event):
    """The complainant wants to withdraw; the work order decides."""

    text: Personal | None = None
    by: str = "complainant"


@event("complaint.withdrawn")
@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn(Event):
    """撤诉: the work order was cancelled."""

    reason: Reason | None = None


@event("complaint.voided")
@dataclass(frozen=True, slots=True, kw_only=True)
class Voided(Event):
    """作废: the work order was made by mistake."""

    reason: Reason | None = None
