"""A notice (通知) and its deliveries: who is told what, by which channels, and how far each of them got."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.events.notifications import DeliveryError, Message
from shared.events.parts import VersionedRef


class Status(StrEnum):
    PENDING = "pending"
    ATTEMPTING = "attempting"
    UNCERTAIN = "uncertain"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    DEAD_LETTERED = "dead_lettered"
    SUPPRESSED = "suppressed"


WAITING = frozenset({Status.PENDING, Status.UNCERTAIN})
ARRIVED = frozenset({Status.SENT, Status.DELIVERED})
GIVEN_UP = frozenset({Status.FAILED, Status.DEAD_LETTERED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One channel to one recipient. `next_attempt_at` and `lease_until` are the machine's time; None: at once.
    `quiet_until`, when quiet hours end, follows the business clock like every rule does.

    `attempts` never starts again, so that a late outcome finds its own attempt; `attempts_before` were made before
    the last redelivery and `doubts` since it. The message is dropped once nothing needs it any more.
    """

    id: str
    channel: str
    recipient_ref: str
    language: str
    status: Status
    attempts: int = 0
    attempts_before: int = 0
    doubts: int = 0
    next_attempt_at: datetime | None = None
    lease_until: datetime | None = None
    quiet_until: datetime | None = None
    error: DeliveryError | None = None
    message: Message | None = None
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One cause, rung and audience. `team` and `region` are the order's, for whoever may see it."""

    id: str
    cause: str
    rung: str | None
    audience: str
    template: VersionedRef
    work_order_id: str | None
    complaint_id: str | None
    team: str | None
    region: str | None
    created_at: datetime
    deliveries: tuple[Delivery, ...] = ()

    def delivery(self, delivery_id: str) -> Delivery | None:
        return next((delivery for delivery in self.deliveries if delivery.id == delivery_id), None)
