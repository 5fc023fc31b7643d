"""What notifier says on the topic notifications (通知). No personal data: recipients by reference."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from shared.events.catalogue import event
from shared.events.parts import VersionedRef
from shared.kernel.aggregate import Event
from shared.kernel.personal import Personal


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One delivery of a notice: one channel to one recipient.

    `id` is the notice (and the record's key), `delivery` this delivery of it; `attempts` counts the sends begun.
    `team` and `region` are the order's, for whoever may see the notice.
    """

    id: str
    delivery: str
    work_order_id: str | None
    complaint_id: str | None = None
    cause: str
    rung: str | None
    channel: str
    audience: str
    recipient_ref: str
    template: VersionedRef
    language: str
    status: str
    attempts: int
    team: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryError:
    """`kind`: temporary, permanent or unknown. Code and detail never quote an address or a text."""

    kind: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent, and where to; `address` is None where the channel looks it up itself."""

    subject: Personal
    body: Personal
    address: Personal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryEvent(Event):
    """`message` is given by the first event of a delivery alone, and by none that sends nothing."""

    LOG_ONLY: ClassVar[frozenset[str]] = frozenset({"message"})

    notification: Notification
    error: DeliveryError | None = None
    message: Message | None = None


@event("notification.requested")
@dataclass(frozen=True, slots=True, kw_only=True)
class Requested(DeliveryEvent):
    """The recipients are decided; nobody is disturbed before `quiet_until`, when quiet hours end."""

    quiet_until: datetime | None = None


@event("notification.suppressed")
@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed(DeliveryEvent):
    """Not sent on purpose; `error.code` says why (`stale`)."""


@event("notification.attempted")
@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted(DeliveryEvent):
    """A send begins. Without an outcome by `lease_until` (the machine's time) nobody knows what became of it."""

    lease_until: datetime


@event("notification.deferred")
@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred(DeliveryEvent):
    """Failed for now; tried again at `next_attempt_at` (the machine's time)."""

    next_attempt_at: datetime


@event("notification.uncertain")
@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain(DeliveryEvent):
    """May have arrived; sent once more at `next_attempt_at` (the machine's time), as its channel allows."""

    next_attempt_at: datetime


@event("notification.sent")
@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(DeliveryEvent):
    """The provider took it."""


@event("notification.delivered")
@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered(DeliveryEvent):
    """It arrived: the provider, or the receiver itself, says so."""


@event("notification.failed")
@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(DeliveryEvent):
    """No further attempt will be made, or no route exists (`no_route`)."""


@event("notification.dead_lettered")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLettered(DeliveryEvent):
    """Given up after the last attempt; `redeliver` brings it back."""


@event("notification.redelivery_requested")
@dataclass(frozen=True, slots=True, kw_only=True)
class RedeliveryRequested(DeliveryEvent):
    """Somebody wants it tried again."""
