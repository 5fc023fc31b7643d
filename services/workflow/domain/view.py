"""What every published record shows of the work order, and what lists are filtered by."""

from collections.abc import Mapping
from typing import Any

from services.workflow.domain.state import WorkOrder
from shared.events.directory import DirectoryChanged
from shared.events.parts import WorkOrderView
from shared.kernel.aggregate import Decision, Snapshot
from shared.kernel.ids import WORK_ORDER, sibling


def order_id(order: WorkOrder) -> str:
    return sibling(order.complaint_id, WORK_ORDER)


def order_view(order: WorkOrder, decision: Decision) -> WorkOrderView:
    return WorkOrderView(
        id=order_id(order),
        complaint_id=order.complaint_id,
        version=decision.version,
        status=order.status,
        cycle=order.cycle,
        category=order.category,
        priority=order.priority,
        tier=order.tier,
        region=order.region,
        team=order.team,
        assignee=order.assignee,
        channel=order.channel,
        severity_flags=order.severity_flags,
        regulator_case=order.regulator_case,
        repeat_of=order.repeat_of,
        received_at=order.received_at,
        customer_id=order.customer_id,
        escalation_level=order.escalation_level,
        flags=order.flags,
        counts=order.counts,
    )


def order_fields(snapshot: Snapshot[WorkOrder]) -> Mapping[str, Any]:
    """What lists filter and sort by; `text` is what a search looks through."""
    order = snapshot.state
    if order is None:
        return {}
    return {
        "status": str(order.status),
        "team": order.team,
        "involved": sorted(order.involved),
        "assignee": order.assignee,
        "priority": order.priority,
        "tier": order.tier,
        "category": order.category,
        "region": order.region,
        "received_at": order.received_at,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
        "text": f"{order.number} {order.customer_id} {order.subject}".lower(),
    }


def entry_fields(snapshot: Snapshot[DirectoryChanged]) -> Mapping[str, Any]:
    return {} if snapshot.state is None else {"kind": snapshot.state.kind, "name": snapshot.state.id}
