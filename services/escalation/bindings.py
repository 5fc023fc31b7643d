"""What escalation hears: every record of a work order, in sequence."""

from datetime import datetime

from services.escalation.domain import CLOCK_SETS
from services.escalation.domain.commands import Observe
from services.escalation.domain.table import TOUCHES
from shared.events.catalogue import wire_type
from shared.events.parts import Reason, Turn, WorkOrderView
from shared.kernel.aggregate import SYSTEM, Actor
from shared.kernel.ids import CLOCK_SET, sibling
from shared.messaging import contract
from shared.messaging.bindings import Binding, Follow, On, Target
from shared.messaging.records import Delivery


def on_record(delivery: Delivery) -> Target:
    """Ledgers and the log name the record, and who acted."""
    data = delivery.data
    order = contract.view(WorkOrderView, data.get("work_order"), "work_order")
    occurred_at = contract.view(datetime, data.get("occurred_at"), "occurred_at")
    actor = contract.view(Actor, data["actor"], "actor") if "actor" in data else SYSTEM
    reason = contract.view(Reason, data["reason"], "reason").code if "reason" in data else None
    turn = Turn(type(delivery.change).TYPE, delivery.envelope.id, f"{actor.kind}:{actor.id}", reason)
    command = Observe(actor=actor, order=order, change=delivery.change, occurred_at=occurred_at, turn=turn)
    return sibling(order.id, CLOCK_SET), command


BINDINGS: tuple[Binding, ...] = (
    Follow(
        topic="workorders",
        aggregate=CLOCK_SETS,
        target=lambda order_id: sibling(order_id, CLOCK_SET),
        on={wire_type(kind): On(contract.change(kind), on_record) for kind in TOUCHES},
    ),
)
