"""The life of a delivery after it was requested: claimed, sent, doubted, tried again, given up."""

from dataclasses import replace
from datetime import datetime, timedelta

from services.notifier.domain.commands import (
    ExpireClaim,
    Outcome,
    OutcomeKind,
    RecordOutcome,
    Redeliver,
    StartAttempt,
)
from services.notifier.domain.policies import RetryPolicy, may_resend
from services.notifier.domain.reference import Reference
from services.notifier.domain.state import ARRIVED, GIVEN_UP, WAITING, Delivery, Notice, Status
from shared.events.notifications import (
    Attempted,
    DeadLettered,
    Deferred,
    Delivered,
    DeliveryError,
    DeliveryEvent,
    Failed,
    Notification,
    RedeliveryRequested,
    Sent,
    Uncertain,
)
from shared.kernel.aggregate import Facts
from shared.kernel.aggregate import Outcome as Decided
from shared.kernel.refusal import UNCHANGED, Refusal

LEASE_EXPIRED = DeliveryError(kind="unknown", code="claim_expired", detail="no outcome was recorded in time")


def start_attempt(notice: Notice, command: StartAttempt, facts: Facts) -> Decided:
    delivery = notice.delivery(command.delivery)
    if delivery is None:
        return Refusal("unknown_delivery")
    if not is_due(delivery, command.machine_now, facts.now):
        return Refusal("not_due")
    begun = replace(delivery, attempts=delivery.attempts + 1)
    return [Attempted(notification=_now(notice, begun, Status.ATTEMPTING), lease_until=command.lease_until)]


def is_due(delivery: Delivery, machine_now: datetime, now: datetime) -> bool:
    """Whether a send may begin, by the machine's time and by the business clock's."""
    if delivery.status not in WAITING or (delivery.quiet_until is not None and delivery.quiet_until > now):
        return False
    return delivery.next_attempt_at is None or delivery.next_attempt_at <= machine_now


def record_outcome(notice: Notice, command: RecordOutcome, facts: Facts) -> Decided:
    """An outcome counts for its own attempt only; that it arrived is believed even after the claim expired."""
    delivery = notice.delivery(command.delivery)
    if delivery is None:
        return Refusal("unknown_delivery")
    arrived = command.outcome.kind in (OutcomeKind.SENT, OutcomeKind.DELIVERED)
    open_to_it = delivery.status is Status.ATTEMPTING or (arrived and _in_doubt(delivery))
    if delivery.attempts != command.attempt or not open_to_it:
        return Refusal("stale_attempt")
    reference: Reference = facts.reference
    return [_concluded(notice, delivery, command.outcome, command.machine_now, reference.retry)]


def expire_claim(notice: Notice, command: ExpireClaim, facts: Facts) -> Decided:
    delivery = notice.delivery(command.delivery)
    if delivery is None:
        return Refusal("unknown_delivery")
    if (
        delivery.status is not Status.ATTEMPTING
        or (delivery.lease_until or command.machine_now) > command.machine_now
    ):
        return Refusal("claim_not_expired")
    reference: Reference = facts.reference
    return [_doubted(notice, delivery, LEASE_EXPIRED, command.machine_now, reference.retry)]


def redeliver(notice: Notice, command: Redeliver) -> Decided:
    wanted = [each for each in notice.deliveries if command.delivery in (None, each.id)]
    if not wanted:
        return Refusal("unknown_delivery")
    if command.delivery is not None and wanted[0].status in ARRIVED:
        return Refusal("already_sent")
    again = [each for each in wanted if each.status in GIVEN_UP and each.message is not None]
    if again:
        return [RedeliveryRequested(notification=_now(notice, each, Status.PENDING)) for each in again]
    return UNCHANGED if any(each.status in WAITING for each in wanted) else Refusal("nothing_to_redeliver")


def _in_doubt(delivery: Delivery) -> bool:
    unknown = delivery.error is not None and delivery.error.kind == OutcomeKind.UNKNOWN
    return unknown and delivery.status in (Status.UNCERTAIN, Status.DEAD_LETTERED)


def _concluded(
    notice: Notice, delivery: Delivery, outcome: Outcome, machine_now: datetime, retry: RetryPolicy
) -> DeliveryEvent:
    error = DeliveryError(kind=outcome.kind.value, code=outcome.code, detail=outcome.detail)
    match outcome.kind:
        case OutcomeKind.SENT:
            return Sent(notification=_now(notice, delivery, Status.SENT))
        case OutcomeKind.DELIVERED:
            return Delivered(notification=_now(notice, delivery, Status.DELIVERED))
        case OutcomeKind.PERMANENT:
            return Failed(notification=_now(notice, delivery, Status.FAILED), error=error)
        case OutcomeKind.UNKNOWN:
            return _doubted(notice, delivery, error, machine_now, retry)
        case OutcomeKind.TEMPORARY:
            delay = _delay(delivery, retry, outcome.retry_after)
            if delay is None:
                return DeadLettered(notification=_now(notice, delivery, Status.DEAD_LETTERED), error=error)
            waiting = _now(notice, delivery, Status.PENDING)
            return Deferred(notification=waiting, error=error, next_attempt_at=machine_now + delay)


def _doubted(
    notice: Notice, delivery: Delivery, error: DeliveryError, machine_now: datetime, retry: RetryPolicy
) -> DeliveryEvent:
    delay = _delay(delivery, retry) if may_resend(delivery.channel, delivery.doubts) else None
    if delay is None:
        return DeadLettered(notification=_now(notice, delivery, Status.DEAD_LETTERED), error=error)
    waiting = _now(notice, delivery, Status.UNCERTAIN)
    return Uncertain(notification=waiting, error=error, next_attempt_at=machine_now + delay)


def _delay(delivery: Delivery, retry: RetryPolicy, at_least: int = 0) -> timedelta | None:
    return retry.delay_after(delivery.attempts - delivery.attempts_before, at_least)


def _now(notice: Notice, delivery: Delivery, status: Status) -> Notification:
    return Notification(
        id=notice.id,
        delivery=delivery.id,
        work_order_id=notice.work_order_id,
        complaint_id=notice.complaint_id,
        cause=notice.cause,
        rung=notice.rung,
        channel=delivery.channel,
        audience=notice.audience,
        recipient_ref=delivery.recipient_ref,
        template=notice.template,
        language=delivery.language,
        status=status.value,
        attempts=delivery.attempts,
        team=notice.team,
        region=notice.region,
    )
