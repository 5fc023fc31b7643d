"""What can be wanted of an order in hand (处理中的动作): a pause, a promise, another team, other terms."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from services.workflow.domain.commands import WorkOrderCommand
from shared.events.parts import Reason
from shared.kernel.personal import Personal


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspend(WorkOrderCommand):
    ACTION: ClassVar[str] = "suspend"

    reason_code: str
    wake_up_at: datetime
    evidence: Personal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(WorkOrderCommand):
    """`clock_started_at`: the start of the clock or alarm that wakes the order; a later suspension goes on."""

    ACTION: ClassVar[str] = "resume"

    clock_started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestExtension(WorkOrderCommand):
    ACTION: ClassVar[str] = "request_extension"

    until: datetime
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideExtension(WorkOrderCommand):
    """`clock_started_at`: the start of the alarm that lets the request lapse; a later request stays open."""

    ACTION: ClassVar[str] = "decide_extension"

    approve: bool
    text: Personal | None = None
    clock_started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Return(WorkOrderCommand):
    ACTION: ClassVar[str] = "return"

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Arbitrate(WorkOrderCommand):
    ACTION: ClassVar[str] = "arbitrate"

    team: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportProgress(WorkOrderCommand):
    ACTION: ClassVar[str] = "report_progress"

    text: Personal


@dataclass(frozen=True, slots=True, kw_only=True)
class Urge(WorkOrderCommand):
    """`by`: complainant or agent."""

    ACTION: ClassVar[str] = "urge"

    by: str
    text: Personal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePriority(WorkOrderCommand):
    ACTION: ClassVar[str] = "change_priority"

    priority: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Reclassify(WorkOrderCommand):
    ACTION: ClassVar[str] = "reclassify"

    category: str
    reason: Reason
