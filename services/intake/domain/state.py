"""The complaint (投诉) as its events left it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.events.complaints import Received, WithdrawalRequested
from shared.kernel import ids


class Status(StrEnum):
    RECEIVED = "received"
    ACKNOWLEDGED = "acknowledged"
    IN_HANDLING = "in_handling"
    ANSWERED = "answered"
    CLOSED = "closed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"
    VOIDED = "voided"


OPEN = (Status.RECEIVED, Status.ACKNOWLEDGED, Status.IN_HANDLING, Status.ANSWERED)
FOR_EVER = frozenset({Status.REJECTED, Status.WITHDRAWN, Status.VOIDED})
"""Statuses that no event leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """`received` is what was said at receipt and never changes; the rest mirrors the work order.

    `withdrawal` is the newest request to withdraw, whatever the order made of it.
    """

    received: Received
    status: Status = Status.RECEIVED
    acknowledged: bool = False
    cycle: int = 1
    outcome: str | None = None  # of closing: satisfied, unreachable, forced
    withdrawal: WithdrawalRequested | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def id(self) -> str:
        return ids.sibling(self.received.work_order_id, ids.COMPLAINT)

    @property
    def region(self) -> str:
        return self.received.customer.region
