"""The arguments of the actions, the same for HTTP bodies, commands on the inbox and commands that rungs carry."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
)

from services.workflow.domain import commands as c
from shared.events.parts import Reason
from shared.events.workorders import Remedy
from shared.kernel.aggregate import Actor
from shared.kernel.clock import to_milliseconds

STATED = "other"
"""The code of a reason that was given in words only."""


def _as_text(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("a time is text in RFC 3339 with an offset")
    return value


def _in_utc(value: datetime) -> datetime:
    if not 1970 <= value.year <= 9998:  # at the edges of the calendar an offset leads out of it
        raise ValueError("the year must be between 1970 and 9998")
    return to_milliseconds(value.astimezone(UTC))


Instant = Annotated[AwareDatetime, BeforeValidator(_as_text), AfterValidator(_in_utc)]
Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"\S")]
Text = Annotated[str, Field(min_length=1, max_length=5_000, pattern=r"\S")]
Words = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]
Scores = Annotated[dict[Name, Annotated[StrictInt, Field(ge=1, le=5)]], Field(max_length=20)]


class Arguments(BaseModel):
    """What every action takes; `GET …/actions` has the schema of each with its own arguments."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    occurred_at: Instant | None = Field(default=None, description="When it happened; default: now.")
    expected_version: Annotated[StrictInt, Field(ge=0)] | None = Field(default=None, description="As If-Match.")
    command_id: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        default=None, description="As Idempotency-Key."
    )
    note: Text | None = Field(default=None, description="Words for colleagues.")

    def command(self, actor: Actor) -> c.WorkOrderCommand:
        """The command that these arguments make of their action."""
        raise NotImplementedError

    def _given(self, actor: Actor) -> dict[str, Any]:
        return {
            "actor": actor,
            "occurred_at": self.occurred_at,
            "expected_version": self.expected_version,
            "note": self.note,
        }


def _stated(text: str | None) -> Reason | None:
    return None if text is None else Reason(STATED, text)


class Acknowledge(Arguments):
    by: Literal["system", "agent"]
    text: Text | None = None

    def command(self, actor: Actor) -> c.Acknowledge:
        return c.Acknowledge(by=self.by, text=self.text, **self._given(actor))


class Dispatch(Arguments):
    team: Name
    assignee: Name | None = None
    reason: Words | None = None

    def command(self, actor: Actor) -> c.Dispatch:
        return c.Dispatch(team=self.team, assignee=self.assignee, reason=_stated(self.reason), **self._given(actor))


class Accept(Arguments):
    def command(self, actor: Actor) -> c.Accept:
        return c.Accept(**self._given(actor))


class Recall(Arguments):
    reason: Words | None = None

    def command(self, actor: Actor) -> c.Recall:
        return c.Recall(reason=_stated(self.reason), **self._given(actor))


class Transfer(Arguments):
    """A team, an assignee, or both."""

    team: Name | None = None
    assignee: Name | None = None
    reason: Words

    def command(self, actor: Actor) -> c.Transfer:
        reason = Reason(STATED, self.reason)
        return c.Transfer(team=self.team, assignee=self.assignee, reason=reason, **self._given(actor))


class Respond(Arguments):
    text: Text

    def command(self, actor: Actor) -> c.Respond:
        return c.Respond(text=self.text, **self._given(actor))


class RemedyGiven(BaseModel):
    kind: Literal["refund", "repair", "replace", "compensation", "apology", "information", "other", "unknown", "none"]
    amount_cents: Annotated[StrictInt, Field(ge=0, le=10**12)] | None = None


class SubmitResolution(Arguments):
    root_cause: Text
    measures: Text
    remedy: RemedyGiven
    reply_text: Text

    def command(self, actor: Actor) -> c.SubmitResolution:
        return c.SubmitResolution(
            root_cause=self.root_cause,
            measures=self.measures,
            remedy=Remedy(kind=self.remedy.kind, amount_cents=self.remedy.amount_cents),
            reply_text=self.reply_text,
            **self._given(actor),
        )


class Approve(Arguments):
    text: Text | None = None

    def command(self, actor: Actor) -> c.Approve:
        return c.Approve(text=self.text, **self._given(actor))


class Reject(Arguments):
    reason_code: Name
    text: Text

    def command(self, actor: Actor) -> c.Reject:
        return c.Reject(reason=Reason(self.reason_code, self.text), **self._given(actor))


class CommunicateDecision(Arguments):
    by: Literal["system", "agent"]
    text: Text | None = None

    def command(self, actor: Actor) -> c.CommunicateDecision:
        return c.CommunicateDecision(by=self.by, text=self.text, **self._given(actor))


class RecordCallback(Arguments):
    outcome: Literal["satisfied", "dissatisfied", "no_answer", "refused", "wrong_number", "rescheduled"]
    scores: Scores | None = None
    text: Text | None = None
    next_at: Instant | None = None

    def command(self, actor: Actor) -> c.RecordCallback:
        return c.RecordCallback(
            outcome=self.outcome, scores=self.scores, text=self.text, next_at=self.next_at, **self._given(actor)
        )


class PromptCallback(Arguments):
    def command(self, actor: Actor) -> c.PromptCallback:
        return c.PromptCallback(**self._given(actor))


class Redispatch(Arguments):
    team: Name | None = None
    reason: Words | None = None

    def command(self, actor: Actor) -> c.Redispatch:
        return c.Redispatch(team=self.team, reason=_stated(self.reason), **self._given(actor))


class Close(Arguments):
    reason: Words | None = None
    notice: StrictBool | None = None

    def command(self, actor: Actor) -> c.Close:
        return c.Close(reason=_stated(self.reason), notice=self.notice, **self._given(actor))


class Cancel(Arguments):
    reason: Words
    confirmed_by: Name | None = None

    def command(self, actor: Actor) -> c.Cancel:
        return c.Cancel(reason=Reason(STATED, self.reason), confirmed_by=self.confirmed_by, **self._given(actor))


class Escalate(Arguments):
    level: Annotated[StrictInt, Field(ge=1, le=9)]
    reason: Words | None = None

    def command(self, actor: Actor) -> c.Escalate:
        return c.Escalate(level=self.level, reason=_stated(self.reason), **self._given(actor))


class MarkUnreached(Arguments):
    template: Name

    def command(self, actor: Actor) -> c.MarkUnreached:
        return c.MarkUnreached(template=self.template, **self._given(actor))


ARGUMENTS: dict[str, type[Arguments]] = {
    "acknowledge": Acknowledge,
    "dispatch": Dispatch,
    "accept": Accept,
    "recall": Recall,
    "transfer": Transfer,
    "respond": Respond,
    "submit_resolution": SubmitResolution,
    "approve": Approve,
    "reject": Reject,
    "communicate_decision": CommunicateDecision,
    "record_callback": RecordCallback,
    "prompt_callback": PromptCallback,
    "redispatch": Redispatch,
    "close": Close,
    "cancel": Cancel,
    "escalate": Escalate,
    "mark_unreached": MarkUnreached,
}


class CommandActor(BaseModel):
    kind: Literal["agent", "system"]
    id: Name
    org: Name | None = None


class CommandHeader(BaseModel):
    """What `workorder.command` says beside the arguments of its action, which stand in the same object."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"additionalProperties": True})

    command_id: Annotated[str, Field(min_length=1, max_length=255)]
    work_order_id: Annotated[str, Field(pattern=r"^wo_[0-9a-f]{32}$")]
    action: Name
    actor: CommandActor
