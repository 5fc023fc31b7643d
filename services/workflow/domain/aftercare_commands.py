"""What can be wanted of an order beside and after its handling: demands, help, liability, ratings, last words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from services.workflow.domain.commands import WorkOrderCommand
from shared.events.parts import Reason
from shared.kernel.personal import Personal


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervise(WorkOrderCommand):
    ACTION: ClassVar[str] = "supervise"

    demand: Personal
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSupervision(WorkOrderCommand):
    ACTION: ClassVar[str] = "answer_supervision"

    text: Personal


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """Who is asked: a team, or one person of it."""

    team: str
    assignee: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consult(WorkOrderCommand):
    """协办: other teams are asked. `rule`: all, any, or `k` of them have to answer."""

    ACTION: ClassVar[str] = "consult"

    participants: tuple[Participant, ...]
    question: Personal
    rule: str
    k: int | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Countersign(Consult):
    """会签: as `consult`, and each answer says whether its author agrees."""

    ACTION: ClassVar[str] = "countersign"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSubOrder(WorkOrderCommand):
    ACTION: ClassVar[str] = "answer_suborder"

    suborder_id: str
    text: Personal
    opinion: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen(WorkOrderCommand):
    """`by`: on whose behalf, complainant or regulator; otherwise it follows from who acts."""

    ACTION: ClassVar[str] = "reopen"

    reason: Reason
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate(WorkOrderCommand):
    ACTION: ClassVar[str] = "rate"

    satisfied: bool
    scores: Mapping[str, int] | None = None
    comment: Personal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseSurvey(WorkOrderCommand):
    """`clock_started_at`: the start of the alarm that asks for it; the survey of a later closing goes on."""

    ACTION: ClassVar[str] = "close_survey"

    clock_started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeLiability(WorkOrderCommand):
    ACTION: ClassVar[str] = "attribute_liability"

    valid: bool
    unit: str
    degree: str
    text: Personal


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealLiability(WorkOrderCommand):
    ACTION: ClassVar[str] = "appeal_liability"

    text: Personal


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviseLiability(AttributeLiability):
    """复议: with the same arguments, the arbitrator's word on an appeal."""

    ACTION: ClassVar[str] = "revise_liability"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleLiability(WorkOrderCommand):
    """`clock_started_at`: the start of the appeal window that is over; that of a later attribution is not."""

    ACTION: ClassVar[str] = "settle_liability"

    clock_started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Void(WorkOrderCommand):
    ACTION: ClassVar[str] = "void"

    reason: Reason
    approved_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive(WorkOrderCommand):
    """`clock_started_at`: the start of the alarm that asks for it; an order closed anew since then waits longer."""

    ACTION: ClassVar[str] = "archive"

    reason: Reason | None = None
    clock_started_at: datetime | None = None
