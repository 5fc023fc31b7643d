"""What each event makes of a notice."""

from dataclasses import replace
from datetime import datetime

from services.notifier.domain.policies import IN_APP
from services.notifier.domain.state import ARRIVED, Delivery, Notice, Status
from shared.events.notifications import (
    Attempted,
    Deferred,
    DeliveryEvent,
    Notification,
    RedeliveryRequested,
    Requested,
    Uncertain,
)
from shared.kernel.aggregate import Stamp


def evolve(state: Notice | None, event: DeliveryEvent, stamp: Stamp) -> Notice:
    notice = state or _begun(event.notification, stamp.at)
    known = notice.delivery(event.notification.delivery)
    changed = _changed(known or _introduced(event, stamp.at), event, stamp.at)
    if known is None:
        return replace(notice, deliveries=(*notice.deliveries, changed))
    others = notice.deliveries
    return replace(notice, deliveries=tuple(changed if each.id == changed.id else each for each in others))


def _begun(seen: Notification, at: datetime) -> Notice:
    return Notice(
        id=seen.id,
        cause=seen.cause,
        rung=seen.rung,
        audience=seen.audience,
        template=seen.template,
        work_order_id=seen.work_order_id,
        complaint_id=seen.complaint_id,
        team=seen.team,
        region=seen.region,
        created_at=at,
    )


def _introduced(event: DeliveryEvent, at: datetime) -> Delivery:
    seen = event.notification
    return Delivery(
        id=seen.delivery,
        channel=seen.channel,
        recipient_ref=seen.recipient_ref,
        language=seen.language,
        status=Status(seen.status),
        message=event.message,
        changed_at=at,
    )


def _changed(delivery: Delivery, event: DeliveryEvent, at: datetime) -> Delivery:
    status = Status(event.notification.status)
    again = isinstance(event, RedeliveryRequested)
    doubts = delivery.doubts + (event.error is not None and event.error.kind == "unknown")
    return replace(
        delivery,
        status=status,
        attempts=event.notification.attempts,
        attempts_before=delivery.attempts if again else delivery.attempts_before,
        doubts=0 if again else doubts,
        next_attempt_at=event.next_attempt_at if isinstance(event, Deferred | Uncertain) else None,
        lease_until=event.lease_until if isinstance(event, Attempted) else None,
        quiet_until=event.quiet_until if isinstance(event, Requested) else None,
        error=event.error,
        # An inbox shows its text for good; what was sent elsewhere needs its text and address no more.
        message=None if status in ARRIVED and delivery.channel != IN_APP else delivery.message,
        changed_at=at,
    )
