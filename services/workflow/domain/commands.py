"""What can be wanted of a work order; one class per action (动作), named like it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from shared.events.complaints import Received
from shared.events.parts import Reason
from shared.events.workorders import Remedy
from shared.kernel.aggregate import Command
from shared.kernel.personal import Personal


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOrderCommand(Command):
    ACTION: ClassVar[str]

    note: Personal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Create(WorkOrderCommand):
    """The complaint was received; its order begins."""

    ACTION: ClassVar[str] = "create"

    complaint_id: str
    received: Received


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge(WorkOrderCommand):
    ACTION: ClassVar[str] = "acknowledge"

    by: str
    text: Personal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch(WorkOrderCommand):
    ACTION: ClassVar[str] = "dispatch"

    team: str
    assignee: str | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept(WorkOrderCommand):
    ACTION: ClassVar[str] = "accept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall(WorkOrderCommand):
    """`clock_started_at`: the start of the accept clock that breached; a later assignment is not its business."""

    ACTION: ClassVar[str] = "recall"

    reason: Reason | None = None
    clock_started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(WorkOrderCommand):
    ACTION: ClassVar[str] = "transfer"

    team: str | None = None
    assignee: str | None = None
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Respond(WorkOrderCommand):
    ACTION: ClassVar[str] = "respond"

    text: Personal


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitResolution(WorkOrderCommand):
    ACTION: ClassVar[str] = "submit_resolution"

    root_cause: Personal
    measures: Personal
    remedy: Remedy
    reply_text: Personal


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve(WorkOrderCommand):
    ACTION: ClassVar[str] = "approve"

    text: Personal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject(WorkOrderCommand):
    ACTION: ClassVar[str] = "reject"

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunicateDecision(WorkOrderCommand):
    """`about`: the number of the approval whose answer went out; that of an earlier one communicates nothing."""

    ACTION: ClassVar[str] = "communicate_decision"

    by: str
    text: Personal | None = None
    about: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCallback(WorkOrderCommand):
    ACTION: ClassVar[str] = "record_callback"

    outcome: str
    scores: Mapping[str, int] | None = None
    text: Personal | None = None
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptCallback(WorkOrderCommand):
    ACTION: ClassVar[str] = "prompt_callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redispatch(WorkOrderCommand):
    ACTION: ClassVar[str] = "redispatch"

    team: str | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(WorkOrderCommand):
    """`notice`: the complainant is told in writing that the order ends without their answer."""

    ACTION: ClassVar[str] = "close"

    reason: Reason | None = None
    notice: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(WorkOrderCommand):
    ACTION: ClassVar[str] = "cancel"

    reason: Reason
    confirmed_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalate(WorkOrderCommand):
    ACTION: ClassVar[str] = "escalate"

    level: int
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkUnreached(WorkOrderCommand):
    ACTION: ClassVar[str] = "mark_unreached"

    template: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported(WorkOrderCommand):
    """An action of the contract that this version knows by name only."""

    ACTION: ClassVar[str] = "unsupported"

    wanted: str
