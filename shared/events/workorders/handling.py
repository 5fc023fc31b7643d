"""What workflow says on the topic workorders about an order in hand: pauses, promises, help, demands, new terms."""

from dataclasses import dataclass
from datetime import datetime

from shared.events.catalogue import event
from shared.events.parts import Reason
from shared.events.workorders.lifecycle import WorkOrderEvent
from shared.kernel.personal import Personal


@event("workorder.returned")
@dataclass(frozen=True, slots=True, kw_only=True)
class Returned(WorkOrderEvent):
    """退单: the team does not take it; `arbitration` once it was returned as often as allowed."""

    team: str
    reason: Reason
    arbitration: bool = False


@event("workorder.arbitrated")
@dataclass(frozen=True, slots=True, kw_only=True)
class Arbitrated(WorkOrderEvent):
    """仲裁: the last word on who handles the order."""

    team: str
    reason: Reason


@event("workorder.progress_reported")
@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressReported(WorkOrderEvent):
    """阶段回复: how far it is, in words that the complainant can see."""

    text: Personal


@event("workorder.suspended")
@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended(WorkOrderEvent):
    """挂起: for a reason from the list, until `wake_up_at` at the latest."""

    reason: Reason
    wake_up_at: datetime
    evidence: Personal | None = None


@event("workorder.resumed")
@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(WorkOrderEvent):
    """解挂."""


@event("workorder.urged")
@dataclass(frozen=True, slots=True, kw_only=True)
class Urged(WorkOrderEvent):
    """催单: always counted; `throttled` when nobody is told again so soon."""

    by: str
    number: int
    throttled: bool = False
    text: Personal | None = None


@event("workorder.supervised")
@dataclass(frozen=True, slots=True, kw_only=True)
class Supervised(WorkOrderEvent):
    """督办: the demand with this number is to be answered by `due_at`."""

    number: int
    demand: Personal
    due_at: datetime


@event("workorder.supervision_answered")
@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionAnswered(WorkOrderEvent):
    """督办回复: answers every open demand."""

    numbers: tuple[int, ...]
    text: Personal


@event("workorder.suborder_opened")
@dataclass(frozen=True, slots=True, kw_only=True)
class SubOrderOpened(WorkOrderEvent):
    """协办/会签子单: one per participant; those of one request share `request`, `rule` and `needed` answers."""

    suborder_id: str
    request: int
    kind: str  # consult, countersign
    team: str
    assignee: str | None = None
    question: Personal
    rule: str  # all, any, k
    needed: int
    due_at: datetime | None = None


@event("workorder.suborder_answered")
@dataclass(frozen=True, slots=True, kw_only=True)
class SubOrderAnswered(WorkOrderEvent):
    """子单答复; `released` are the sub-orders of the same request whose answer is no longer needed."""

    suborder_id: str
    team: str
    text: Personal
    opinion: str | None = None  # agree, disagree
    released: tuple[str, ...] = ()


@event("workorder.extension_requested")
@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionRequested(WorkOrderEvent):
    """延期申请: to have the order handled by `until`."""

    until: datetime
    reason: Reason
    requested_by: str


@event("workorder.extension_decided")
@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionDecided(WorkOrderEvent):
    """延期审批: by another person than who asked; `reason` is that of the request."""

    approved: bool
    until: datetime
    reason: Reason
    requested_by: str
    decided_by: str
    text: Personal | None = None


@event("workorder.priority_changed")
@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityChanged(WorkOrderEvent):
    """优先级调整."""

    former: str
    priority: str
    reason: Reason


@event("workorder.reclassified")
@dataclass(frozen=True, slots=True, kw_only=True)
class Reclassified(WorkOrderEvent):
    """重新分类."""

    former: str
    category: str
    reason: Reason
