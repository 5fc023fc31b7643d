"""The notice as the runtime runs it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from services.notifier.domain.decide import decide
from services.notifier.domain.evolve import evolve
from services.notifier.domain.state import WAITING, Delivery, Notice, Status
from shared.events import notifications as events
from shared.kernel import ids
from shared.kernel.aggregate import AggregateType, Snapshot

AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""Earlier than any time of the machine: due whenever it is looked at."""


def index(snapshot: Snapshot[Notice]) -> Mapping[str, Any]:
    """Query fields. `next_attempt` (the machine's time): when the first delivery is due, or its claim expires.
    `quiet_until` (the business clock's): when the first of those is due that wait for quiet hours to end.

    They are left out when nothing is to be done, so that a sparse index holds nothing but work.
    """
    notice = snapshot.state
    if notice is None:
        return {}
    due = min(filter(None, map(_next_attempt, notice.deliveries)), default=None)
    quiet = min(filter(None, (delivery.quiet_until for delivery in notice.deliveries)), default=None)
    return {
        **({} if due is None else {"next_attempt": due}),
        **({} if quiet is None else {"quiet_until": quiet}),
        "created_at": notice.created_at,
        "work_order_id": notice.work_order_id,
        "audience": notice.audience,
        "template": notice.template.id,
        "team": notice.team,
        "region": notice.region,
        "recipients": sorted({delivery.recipient_ref for delivery in notice.deliveries}),
        "statuses": sorted({delivery.status.value for delivery in notice.deliveries}),
        "channels": sorted({delivery.channel for delivery in notice.deliveries}),
    }


def _next_attempt(delivery: Delivery) -> datetime | None:
    if delivery.quiet_until is not None:
        return None
    if delivery.status in WAITING:
        return delivery.next_attempt_at or AT_ONCE
    return delivery.lease_until if delivery.status is Status.ATTEMPTING else None


NOTICE: AggregateType[Notice] = AggregateType(
    name="notice",
    prefix=ids.NOTICE,
    topic="notifications",
    state=Notice,
    events=(
        events.Requested,
        events.Suppressed,
        events.Attempted,
        events.Deferred,
        events.Uncertain,
        events.Sent,
        events.Delivered,
        events.Failed,
        events.DeadLettered,
        events.RedeliveryRequested,
    ),
    decide=decide,
    evolve=evolve,
    index=index,
    correlation=lambda notice_id, notice: notice.complaint_id or notice_id,
)
