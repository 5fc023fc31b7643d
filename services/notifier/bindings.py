"""What the notifier hears: which event makes which notice, and the facts that it copies."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from services.notifier.domain import NOTICE
from services.notifier.domain.commands import COMPLAINANT, HANDLER, SUBSCRIBERS, OrderFacts, RequestNotice, Value
from services.notifier.enrichment import CONTACTS, DIRECTORY, ORDERS, complete
from shared.events import complaints, directory, sla, workorders
from shared.events.catalogue import wire_type
from shared.events.parts import WorkOrderView
from shared.kernel.aggregate import Event
from shared.messaging import contract
from shared.messaging.bindings import Binding, On, Replica, Target, Trigger
from shared.messaging.records import Delivery

NOT_YET_KNOWN = frozenset({"contact_not_known_yet", "order_not_known_yet"})


def on_created(delivery: Delivery) -> Target | None:
    created: workorders.Created = delivery.change
    if created.told:
        return None
    values: dict[str, Value] = {
        "subject": created.subject,
        "received_at": created.received_at,
        "promised_reply_at": created.promised_reply_at,
    }
    return _about(delivery, COMPLAINANT, "acknowledgement", values)


def on_assigned(delivery: Delivery) -> Target:
    """Dispatched or transferred: whoever has to do it, or the leader who gives it to somebody."""
    return _about(delivery, HANDLER, "assignment", {})


def on_approved(delivery: Delivery) -> Target:
    approved: workorders.ReviewApproved = delivery.change
    return _about(delivery, COMPLAINANT, "answer", {"reply_text": approved.reply_text})


def on_closed(delivery: Delivery) -> list[Target]:
    closed: workorders.Closed = delivery.change
    told = [_about(delivery, COMPLAINANT, "closing_notice", {})] if closed.notice else []
    return [*told, on_order_event(delivery)]


def on_rung(delivery: Delivery) -> list[Target]:
    """One notice for each audience, and one for subscribers if the policy wants it; a mere command is for neither."""
    fired: sla.RungFired = delivery.change
    clock, rung = fired.clock, fired.rung
    overdue = clock.due_at is not None and rung.fire_at >= clock.due_at
    values: dict[str, Value] = {"clock": clock.kind, "due_at": clock.due_at, "rung": rung.name}
    notices = [
        _notice(
            delivery,
            audience=audience,
            template="breach" if overdue else "at_risk",
            work_order_id=fired.work_order_id,
            rung=rung.key,
            values=values,
            quiet_until=rung.quiet_until,
        )
        for audience in dict.fromkeys(rung.audience)
    ]
    return [*notices, on_clock_event(delivery)] if "webhook" in rung.actions else notices


def on_clock_event(delivery: Delivery) -> Target:
    told: sla.ClockAtRisk | sla.ClockBreached | sla.RungFired = delivery.change
    shown = {"work_order_id": told.work_order_id, "cycle": told.cycle, "clock": told.clock}
    if isinstance(told, sla.RungFired):
        shown["rung"] = told.rung
    return _published(delivery, told.work_order_id, shown)


def on_order_event(delivery: Delivery) -> Target:
    """Subscribers see the order as every consumer does, without the words of the action."""
    order = _order(delivery)
    return _published(delivery, order.id, {"work_order": order})


def _published(delivery: Delivery, work_order_id: str, shown: Mapping[str, Any]) -> Target:
    name = type(delivery.change).TYPE
    body = {"type": name, "timestamp": delivery.envelope.time, "data": {"id": delivery.envelope.id, **shown}}
    payload = msgspec.json.encode(body).decode()
    return _notice(delivery, audience=SUBSCRIBERS, template=name, work_order_id=work_order_id, payload=payload)


def _about(delivery: Delivery, audience: str, template: str, values: Mapping[str, Value]) -> Target:
    order = _order(delivery)
    facts = OrderFacts(
        team=order.team,
        assignee=order.assignee,
        region=order.region,
        category=order.category,
        priority=order.priority,
    )
    return _notice(delivery, audience=audience, template=template, work_order_id=order.id, values=values, order=facts)


def _notice(delivery: Delivery, **what: Any) -> Target:
    envelope = delivery.envelope
    command = RequestNotice(cause=envelope.id, cause_at=envelope.time or delivery.record.timestamp, **what)
    return command.notice_id, command


def _order(delivery: Delivery) -> WorkOrderView:
    return contract.view(WorkOrderView, delivery.data["work_order"], "work_order")


def copy_contact(delivery: Delivery) -> tuple[str, Mapping[str, Any]] | None:
    received: complaints.Received = delivery.change
    fields = {
        "number": received.number,
        "name": received.customer.name,
        "email": received.customer.email,
        "language": received.language,
    }
    return delivery.envelope.subject or "", fields


def copy_order(delivery: Delivery) -> tuple[str, Mapping[str, Any]]:
    """A recalled order has no team; who answered for it last is still the one to be told."""
    order = _order(delivery)
    fields = {
        "assignee": order.assignee,
        "region": order.region,
        "category": order.category,
        "priority": order.priority,
    }
    return order.id, fields if order.team is None else {**fields, "team": order.team}


def copy_entry(delivery: Delivery) -> tuple[str, Mapping[str, Any]] | None:
    entry: directory.DirectoryChanged = delivery.change
    if entry.kind not in ("team", "person"):
        return None
    fields = {
        "kind": entry.kind,
        "entry": entry.id,
        "removed": entry.removed,
        "name": entry.name,
        "language": entry.language,
        "parent_team": entry.parent_team,
        "leader_id": entry.leader_id,
        "email": entry.email,
    }
    return delivery.envelope.subject or f"{entry.kind}:{entry.id}", fields


def _on(kind: type[Event], to: Callable[[Delivery], Target | list[Target] | None]) -> tuple[str, On]:
    return wire_type(kind), On(contract.change(kind), to)


def _copied(*kinds: type[Event]) -> Mapping[str, On]:
    return dict(_on(kind, lambda _: None) for kind in kinds)


BINDINGS: tuple[Binding, ...] = (
    Replica("complaints", CONTACTS, _copied(complaints.Received), copy_contact),
    Replica(
        "workorders",
        ORDERS,
        _copied(
            workorders.Created,
            workorders.Dispatched,
            workorders.Accepted,
            workorders.Transferred,
            workorders.Recalled,
            workorders.Redispatched,
        ),
        copy_order,
    ),
    Replica("directory", DIRECTORY, _copied(directory.DirectoryChanged), copy_entry),
    Trigger(
        "workorders",
        NOTICE,
        dict(
            (
                _on(workorders.Created, on_created),
                _on(workorders.Dispatched, on_assigned),
                _on(workorders.Transferred, on_assigned),
                _on(workorders.ReviewApproved, on_approved),
                _on(workorders.Closed, on_closed),
                _on(workorders.Escalated, on_order_event),
                _on(workorders.Redispatched, on_order_event),
            )
        ),
        enrich=complete,
        wait_for=NOT_YET_KNOWN,
    ),
    Trigger(
        "sla",
        NOTICE,
        dict(
            (
                _on(sla.RungFired, on_rung),
                _on(sla.ClockAtRisk, on_clock_event),
                _on(sla.ClockBreached, on_clock_event),
            )
        ),
        enrich=complete,
        wait_for=NOT_YET_KNOWN,
    ),
)
