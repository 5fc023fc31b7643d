"""What others see of a complaint: in every record of the topic, and as the fields that lists are asked by."""

from collections.abc import Mapping
from typing import Any

from services.intake.domain.state import Complaint
from shared.events.parts import ComplaintView
from shared.kernel.aggregate import Decision, Snapshot


def view(state: Complaint, _decision: Decision) -> ComplaintView:
    received = state.received
    return ComplaintView(
        id=state.id,
        external_id=received.external_id,
        source=received.source,
        channel=received.channel,
        status=state.status,
        category=received.category,
        priority=received.priority,
        customer_id=received.customer.id,
        work_order_id=received.work_order_id,
        received_at=received.received_at,
        number=received.number,
    )


def index(snapshot: Snapshot[Complaint]) -> Mapping[str, Any]:
    complaint = snapshot.state
    if complaint is None:
        return {}
    received = complaint.received
    return {
        "status": complaint.status.value,
        "source": received.source,
        "channel": received.channel,
        "customer_id": received.customer.id,
        "category": received.category,
        "region": complaint.region,
        "number": received.number,
        "received_at": received.received_at,
    }
