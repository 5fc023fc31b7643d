"""What escalation hears: every record of a work order, in sequence."""

from datetime import datetime

from services.escalation.domain import CLOCK_SETS
from services.escalation.domain.commands import Observe
from services.escalation.domain.table import TOUCHES
from shared.events.catalogue import wire_type
from shared.events.parts import WorkOrderView
from shared.kernel.ids import CLOCK_SET, sibling
from shared.messaging import contract
from shared.messaging.bindings import Binding, Follow, On, Target
from shared.messaging.records import Delivery


def on_record(delivery: Delivery) -> Target:
    order = contract.view(WorkOrderView, delivery.data.get("work_order"), "work_order")
    occurred_at = contract.view(datetime, delivery.data.get("occurred_at"), "occurred_at")
    command = Observe(order=order, change=delivery.change, occurred_at=occurred_at)
    return sibling(order.id, CLOCK_SET), command


BINDINGS: tuple[Binding, ...] = (
    Follow(
        topic="workorders",
        aggregate=CLOCK_SETS,
        target=lambda order_id: sibling(order_id, CLOCK_SET),
        on={wire_type(kind): On(contract.change(kind), on_record) for kind in TOUCHES},
    ),
)
