"""Deciding a notice: whom it reaches, by which channels, with which words. Everything else follows from this."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.notifier.domain.commands import COMPLAINANT, SUBSCRIBERS, OrderFacts, RequestNotice, Value
from services.notifier.domain.policies import EMAIL, IN_APP, NO_CHANNEL, STALE_AFTER, WEBHOOK
from services.notifier.domain.reference import Reference
from services.notifier.domain.state import Notice, Status
from shared.events.notifications import (
    Delivered,
    DeliveryError,
    DeliveryEvent,
    Failed,
    Message,
    Notification,
    Requested,
    Suppressed,
)
from shared.events.parts import VersionedRef
from shared.kernel.aggregate import Facts
from shared.kernel.aggregate import Outcome as Decided
from shared.kernel.refusal import UNCHANGED, Refusal

STALE = DeliveryError(kind="permanent", code="stale", detail="the cause is older than 24 hours")
EVENT_FORM = 1
"""Version of what webhooks are sent; it has no template."""

NO_ROUTE = DeliveryError(kind="permanent", code="no_route", detail="no channel reaches the recipient")


@dataclass(frozen=True, slots=True)
class _Recipient:
    ref: str
    name: str
    language: str
    email: str | None
    has_inbox: bool


@dataclass(frozen=True, slots=True)
class _Route:
    """One delivery as it begins."""

    channel: str
    recipient_ref: str
    status: Status
    language: str = ""


def request(state: Notice | None, command: RequestNotice, facts: Facts) -> Decided:
    if state is not None:
        return UNCHANGED
    if command.audience == SUBSCRIBERS and not command.subscriptions:
        return Refusal("no_subscribers", final=True)  # whoever subscribes later hears what comes later
    if facts.now - command.cause_at > STALE_AFTER:
        return [_unsent(command, facts.reference, Suppressed, Status.SUPPRESSED, STALE)]
    if command.subscriptions:
        return _to_subscribers(command, command.subscriptions)
    missing = _missing(command)
    if missing is not None:
        return missing
    return _to_person(command, facts)


def _missing(command: RequestNotice) -> Refusal | None:
    """Facts that come by another topic, a moment later at worst."""
    if command.order is None:
        return Refusal("order_not_known_yet")
    if command.audience == COMPLAINANT and command.contact is None:
        return Refusal("contact_not_known_yet")
    return None


def _to_subscribers(command: RequestNotice, subscriptions: Sequence[str]) -> Sequence[DeliveryEvent]:
    message = Message(subject="", body=command.payload)
    routes = [_Route(WEBHOOK, f"subscription:{each}", Status.PENDING) for each in sorted(subscriptions)]
    return [
        Requested(notification=_notification(command, number, route, EVENT_FORM), message=message)
        for number, route in enumerate(routes, start=1)
    ]


def _to_person(command: RequestNotice, facts: Facts) -> Sequence[DeliveryEvent]:
    reference: Reference = facts.reference
    recipient = _recipient(command, reference)
    by_mail = recipient is not None and bool(recipient.email) and EMAIL in reference.channels
    if recipient is None or not (by_mail or recipient.has_inbox):
        return [_unsent(command, reference, Failed, Status.FAILED, NO_ROUTE)]
    version = reference.templates.version(command.template)
    events: list[DeliveryEvent] = []
    if recipient.has_inbox:
        # The inbox is our own list of notices: being recorded is being delivered.
        route = _Route(IN_APP, recipient.ref, Status.DELIVERED, recipient.language)
        message = _message(command, recipient, reference, facts.now)
        events.append(Delivered(notification=_notification(command, 1, route, version), message=message))
    if by_mail:
        quiet_until = command.quiet_until if command.quiet_until and command.quiet_until > facts.now else None
        route = _Route(EMAIL, recipient.ref, Status.PENDING, recipient.language)
        # Words like "3 hours left" are those of when it goes out.
        mail = replace(_message(command, recipient, reference, quiet_until or facts.now), address=recipient.email)
        seen = _notification(command, len(events) + 1, route, version)
        events.append(Requested(notification=seen, message=mail, quiet_until=quiet_until))
    return events


def _message(command: RequestNotice, recipient: _Recipient, reference: Reference, at: datetime) -> Message:
    text = reference.templates.render(command.template, recipient.language, _values(command, recipient, at))
    return Message(subject=text.subject, body=text.body)


def _recipient(command: RequestNotice, reference: Reference) -> _Recipient | None:
    if command.contact is not None and command.audience == COMPLAINANT:
        contact = command.contact
        ref = f"complainant:{command.complaint_id}"
        return _Recipient(ref, contact.name or "", _language(contact.language), contact.email, has_inbox=False)
    person = reference.directory.resolve(command.audience, command.order or OrderFacts())
    if person is None:
        return None
    return _Recipient(f"person:{person.id}", person.name, _language(person.language), person.email, has_inbox=True)


def _language(wanted: str) -> str:
    return "zh" if not wanted or wanted.lower().startswith("zh") else "en"


def _values(command: RequestNotice, recipient: _Recipient, now: datetime) -> Mapping[str, Value]:
    order = command.order or OrderFacts()
    return {
        "name": recipient.name,
        "number": command.contact.number if command.contact else None,
        "work_order_id": command.work_order_id,
        "category": order.category,
        "priority": order.priority,
        "now": now,
        **command.values,
    }


def _unsent(
    command: RequestNotice, reference: Reference, kind: type[DeliveryEvent], status: Status, error: DeliveryError
) -> DeliveryEvent:
    """The one event of a notice that nobody gets."""
    complainant = command.audience == COMPLAINANT
    ref = f"complainant:{command.complaint_id}" if complainant else f"audience:{command.audience}"
    version = EVENT_FORM if command.audience == SUBSCRIBERS else reference.templates.version(command.template)
    return kind(
        notification=_notification(command, 1, _Route(NO_CHANNEL, ref, status), version),
        error=error,
    )


def _notification(command: RequestNotice, number: int, route: _Route, version: int) -> Notification:
    """The delivery with this number; `version` is the template's."""
    order = command.order or OrderFacts()
    return Notification(
        id=command.notice_id,
        delivery=f"{command.notice_id}.{number}",
        work_order_id=command.work_order_id,
        complaint_id=command.complaint_id,
        cause=command.cause,
        rung=command.rung,
        channel=route.channel,
        audience=command.audience,
        recipient_ref=route.recipient_ref,
        template=VersionedRef(id=command.template, version=version),
        language=route.language,
        status=route.status.value,
        attempts=0,
        team=order.team,
        region=order.region,
    )
