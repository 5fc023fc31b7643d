"""A complaint that goes well, from the people's side: what is said at the beginning, and who does what next."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from shared.events import workorders
from shared.events.catalogue import wire_type
from shared.kernel.ids import WORK_ORDER, complaint_id, sibling
from shared.messaging.cloudevents import rfc3339, write
from shared.messaging.records import Envelope, OutRecord

SOURCE = "bench"
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Step:
    """One action by one person; each duty has a person of its own, as the four-eyes rule wants."""

    action: str
    person: str
    arguments: Mapping[str, Any]


RESOLUTION = {
    "root_cause": "The drop cable in the shaft was wet.",
    "measures": "Cable replaced, signal measured on site.",
    "remedy": {"kind": "compensation", "amount_cents": 5000},
    "reply_text": "Your line is repaired; five days are credited to your next bill.",
}
NEXT: Mapping[str, Step] = {
    wire_type(workorders.Dispatched): Step("accept", "handler-1", {}),
    wire_type(workorders.Accepted): Step("submit_resolution", "handler-1", RESOLUTION),
    wire_type(workorders.ResolutionSubmitted): Step("approve", "reviewer-1", {}),
    wire_type(workorders.ReviewApproved): Step("communicate_decision", "agent-1", {"by": "agent"}),
    wire_type(workorders.DecisionCommunicated): Step(
        "record_callback", "callback-1", {"outcome": "satisfied", "scores": {"speed": 5}}
    ),
}
"""By the event that the person waits for."""
LAST = wire_type(workorders.Closed)


def order_of(external_id: str) -> str:
    return sibling(complaint_id(SOURCE, external_id), WORK_ORDER)


def complaint(external_id: str, now: datetime) -> OutRecord:
    """By telephone: the agent says number and promised time at once, and calls with the decision."""
    data = {
        "external_id": external_id,
        "channel": "phone",
        "customer": {
            "id": f"customer-{external_id}",
            "name": "王小明",
            "phone": "+86 25 5550 1234",
            "tier": "gold",
            "region": "jiangsu/nanjing",
        },
        "subject": "宽带每晚断线 Broadband drops every evening",
        "description": "Since Monday the line drops between seven and ten in the evening, several times an hour. "
        * 3,
        "category": "broadband/fault/drops",
        "remedy_sought": "repair",
        "received_at": rfc3339(now),
        "language": "zh",
    }
    envelope = Envelope(external_id, SOURCE, "closedloop.complaint.submitted.v1", time=now)
    return write("complaints.inbox", external_id, envelope, _encode(data))


def command(order: str, step: Step, now: datetime, mark: str = "") -> OutRecord:
    """`mark` tells a second command for the same step from the first."""
    command_id = f"{order}:{step.action}{mark}"
    data = {
        "command_id": command_id,
        "work_order_id": order,
        "action": step.action,
        "actor": {"kind": "agent", "id": step.person},
        **step.arguments,
    }
    envelope = Envelope(command_id, SOURCE, "closedloop.workorder.command.v1", time=now)
    return write("workorders.inbox", order, envelope, _encode(data))
