"""The arguments of the actions beside and after the handling: demands, help, liability, rating, last words."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from services.workflow.arguments import STATED, Arguments, Instant, Name, Scores, Text, Words, stated
from services.workflow.domain import aftercare_commands as a
from shared.events.parts import Reason
from shared.kernel.aggregate import Actor
from shared.runtime.http.values import WHOLE

MOST_PARTICIPANTS = 20


class Supervise(Arguments):
    demand: Text
    due_at: Instant

    def command(self, actor: Actor) -> a.Supervise:
        return a.Supervise(demand=self.demand, due_at=self.due_at, **self.given(actor))


class AnswerSupervision(Arguments):
    text: Text

    def command(self, actor: Actor) -> a.AnswerSupervision:
        return a.AnswerSupervision(text=self.text, **self.given(actor))


class Participant(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    team: Name
    assignee: Name | None = None


class Consult(Arguments):
    """`k` answers are needed of rule `k`; of `all` everybody's, of `any` one."""

    participants: Annotated[list[Participant], Field(min_length=1, max_length=MOST_PARTICIPANTS)]
    question: Text
    rule: Literal["all", "any", "k"]
    k: Annotated[StrictInt, Field(ge=1, le=MOST_PARTICIPANTS), WHOLE] | None = None
    due_at: Instant | None = None

    def command(self, actor: Actor) -> a.Consult:
        return self._asked(a.Consult, actor)

    def _asked(self, kind: type[a.Consult], actor: Actor) -> a.Consult:
        return kind(
            participants=tuple(a.Participant(team=one.team, assignee=one.assignee) for one in self.participants),
            question=self.question,
            rule=self.rule,
            k=self.k,
            due_at=self.due_at,
            **self.given(actor),
        )


class Countersign(Consult):
    """As `consult`; every answer has an opinion."""

    def command(self, actor: Actor) -> a.Consult:
        return self._asked(a.Countersign, actor)


class AnswerSubOrder(Arguments):
    suborder_id: Name
    text: Text
    opinion: Literal["agree", "disagree"] | None = None

    def command(self, actor: Actor) -> a.AnswerSubOrder:
        return a.AnswerSubOrder(
            suborder_id=self.suborder_id, text=self.text, opinion=self.opinion, **self.given(actor)
        )


class Reopen(Arguments):
    """`by`: for whom an agent asks; default: the complainant, or the leader who acts."""

    reason_code: Name
    text: Text
    by: Literal["complainant", "regulator"] | None = None

    def command(self, actor: Actor) -> a.Reopen:
        return a.Reopen(reason=Reason(self.reason_code, self.text), by=self.by, **self.given(actor))


class Rate(Arguments):
    satisfied: StrictBool
    scores: Scores | None = None
    comment: Text | None = None

    def command(self, actor: Actor) -> a.Rate:
        return a.Rate(satisfied=self.satisfied, scores=self.scores, comment=self.comment, **self.given(actor))


class CloseSurvey(Arguments):
    def command(self, actor: Actor) -> a.CloseSurvey:
        return a.CloseSurvey(**self.given(actor))


class AttributeLiability(Arguments):
    """`unit`: the team that answers for it; `valid`: whether the complaint was justified."""

    valid: StrictBool
    unit: Name
    degree: Literal["primary", "secondary", "none"]
    text: Text

    def command(self, actor: Actor) -> a.AttributeLiability:
        return self._attributed(a.AttributeLiability, actor)

    def _attributed(self, kind: type[a.AttributeLiability], actor: Actor) -> a.AttributeLiability:
        return kind(valid=self.valid, unit=self.unit, degree=self.degree, text=self.text, **self.given(actor))


class ReviseLiability(AttributeLiability):
    def command(self, actor: Actor) -> a.AttributeLiability:
        return self._attributed(a.ReviseLiability, actor)


class AppealLiability(Arguments):
    text: Text

    def command(self, actor: Actor) -> a.AppealLiability:
        return a.AppealLiability(text=self.text, **self.given(actor))


class SettleLiability(Arguments):
    def command(self, actor: Actor) -> a.SettleLiability:
        return a.SettleLiability(**self.given(actor))


class Void(Arguments):
    """`approved_by`: another person."""

    reason: Words
    approved_by: Name

    def command(self, actor: Actor) -> a.Void:
        return a.Void(reason=Reason(STATED, self.reason), approved_by=self.approved_by, **self.given(actor))


class Archive(Arguments):
    reason: Words | None = None

    def command(self, actor: Actor) -> a.Archive:
        return a.Archive(reason=stated(self.reason), **self.given(actor))


AFTERCARE: dict[str, type[Arguments]] = {
    "supervise": Supervise,
    "answer_supervision": AnswerSupervision,
    "consult": Consult,
    "countersign": Countersign,
    "answer_suborder": AnswerSubOrder,
    "reopen": Reopen,
    "rate": Rate,
    "close_survey": CloseSurvey,
    "attribute_liability": AttributeLiability,
    "appeal_liability": AppealLiability,
    "revise_liability": ReviseLiability,
    "settle_liability": SettleLiability,
    "void": Void,
    "archive": Archive,
}
