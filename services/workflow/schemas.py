"""The arguments of the actions, the same for HTTP bodies, commands on the inbox and commands that rungs carry."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from services.workflow.aftercare_schemas import AFTERCARE
from services.workflow.arguments import STATED, Arguments, Instant, Name, Scores, Text, Words, stated
from services.workflow.domain import commands as c
from services.workflow.handling_schemas import HANDLING
from shared.events.parts import Reason
from shared.events.workorders import Remedy
from shared.kernel.aggregate import Actor
from shared.runtime.http.values import WHOLE


class Acknowledge(Arguments):
    by: Literal["system", "agent"]
    text: Text | None = None

    def command(self, actor: Actor) -> c.Acknowledge:
        return c.Acknowledge(by=self.by, text=self.text, **self.given(actor))


class Dispatch(Arguments):
    team: Name
    assignee: Name | None = None
    reason: Words | None = None

    def command(self, actor: Actor) -> c.Dispatch:
        return c.Dispatch(team=self.team, assignee=self.assignee, reason=stated(self.reason), **self.given(actor))


class Accept(Arguments):
    def command(self, actor: Actor) -> c.Accept:
        return c.Accept(**self.given(actor))


class Recall(Arguments):
    reason: Words | None = None

    def command(self, actor: Actor) -> c.Recall:
        return c.Recall(reason=stated(self.reason), **self.given(actor))


class Transfer(Arguments):
    """A team, an assignee, or both."""

    team: Name | None = None
    assignee: Name | None = None
    reason: Words

    def command(self, actor: Actor) -> c.Transfer:
        reason = Reason(STATED, self.reason)
        return c.Transfer(team=self.team, assignee=self.assignee, reason=reason, **self.given(actor))


class Respond(Arguments):
    text: Text

    def command(self, actor: Actor) -> c.Respond:
        return c.Respond(text=self.text, **self.given(actor))


class RemedyGiven(BaseModel):
    kind: Literal["refund", "repair", "replace", "compensation", "apology", "information", "other", "unknown", "none"]
    amount_cents: Annotated[StrictInt, Field(ge=0, le=10**12), WHOLE] | None = None


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
            **self.given(actor),
        )


class Approve(Arguments):
    text: Text | None = None

    def command(self, actor: Actor) -> c.Approve:
        return c.Approve(text=self.text, **self.given(actor))


class Reject(Arguments):
    reason_code: Name
    text: Text

    def command(self, actor: Actor) -> c.Reject:
        return c.Reject(reason=Reason(self.reason_code, self.text), **self.given(actor))


class CommunicateDecision(Arguments):
    by: Literal["system", "agent"]
    text: Text | None = None

    def command(self, actor: Actor) -> c.CommunicateDecision:
        return c.CommunicateDecision(by=self.by, text=self.text, **self.given(actor))


class RecordCallback(Arguments):
    outcome: Literal["satisfied", "dissatisfied", "no_answer", "refused", "wrong_number", "rescheduled"]
    scores: Scores | None = None
    text: Text | None = None
    next_at: Instant | None = None

    def command(self, actor: Actor) -> c.RecordCallback:
        return c.RecordCallback(
            outcome=self.outcome, scores=self.scores, text=self.text, next_at=self.next_at, **self.given(actor)
        )


class PromptCallback(Arguments):
    def command(self, actor: Actor) -> c.PromptCallback:
        return c.PromptCallback(**self.given(actor))


class Redispatch(Arguments):
    team: Name | None = None
    reason: Words | None = None

    def command(self, actor: Actor) -> c.Redispatch:
        return c.Redispatch(team=self.team, reason=stated(self.reason), **self.given(actor))


class Close(Arguments):
    reason: Words | None = None
    notice: StrictBool | None = None

    def command(self, actor: Actor) -> c.Close:
        return c.Close(reason=stated(self.reason), notice=self.notice, **self.given(actor))


class Cancel(Arguments):
    reason: Words
    confirmed_by: Name | None = None

    def command(self, actor: Actor) -> c.Cancel:
        return c.Cancel(reason=Reason(STATED, self.reason), confirmed_by=self.confirmed_by, **self.given(actor))


class Escalate(Arguments):
    level: Annotated[StrictInt, Field(ge=1, le=9), WHOLE]
    reason: Words | None = None

    def command(self, actor: Actor) -> c.Escalate:
        return c.Escalate(level=self.level, reason=stated(self.reason), **self.given(actor))


class MarkUnreached(Arguments):
    template: Name

    def command(self, actor: Actor) -> c.MarkUnreached:
        return c.MarkUnreached(template=self.template, **self.given(actor))


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
    **HANDLING,
    **AFTERCARE,
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
