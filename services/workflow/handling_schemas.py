"""The arguments of the actions on an order in hand: suspending, extending, returning, urging, new terms."""

from typing import Literal

from pydantic import StrictBool

from services.workflow.arguments import STATED, Arguments, Instant, Name, Text, Words
from services.workflow.directory_schemas import Path
from services.workflow.domain import handling_commands as h
from shared.events.parts import Reason
from shared.kernel.aggregate import Actor


class Suspend(Arguments):
    reason_code: Name
    wake_up_at: Instant
    evidence: Text | None = None

    def command(self, actor: Actor) -> h.Suspend:
        return h.Suspend(
            reason_code=self.reason_code, wake_up_at=self.wake_up_at, evidence=self.evidence, **self.given(actor)
        )


class Resume(Arguments):
    def command(self, actor: Actor) -> h.Resume:
        return h.Resume(**self.given(actor))


class RequestExtension(Arguments):
    until: Instant
    reason_code: Name
    text: Text

    def command(self, actor: Actor) -> h.RequestExtension:
        return h.RequestExtension(until=self.until, reason=Reason(self.reason_code, self.text), **self.given(actor))


class DecideExtension(Arguments):
    approve: StrictBool
    text: Text | None = None

    def command(self, actor: Actor) -> h.DecideExtension:
        return h.DecideExtension(approve=self.approve, text=self.text, **self.given(actor))


class Return(Arguments):
    reason_code: Name
    text: Text | None = None

    def command(self, actor: Actor) -> h.Return:
        return h.Return(reason=Reason(self.reason_code, self.text), **self.given(actor))


class Arbitrate(Arguments):
    team: Name
    reason: Words

    def command(self, actor: Actor) -> h.Arbitrate:
        return h.Arbitrate(team=self.team, reason=Reason(STATED, self.reason), **self.given(actor))


class ReportProgress(Arguments):
    text: Text

    def command(self, actor: Actor) -> h.ReportProgress:
        return h.ReportProgress(text=self.text, **self.given(actor))


class Urge(Arguments):
    text: Text | None = None
    by: Literal["complainant", "agent"]

    def command(self, actor: Actor) -> h.Urge:
        return h.Urge(text=self.text, by=self.by, **self.given(actor))


class ChangePriority(Arguments):
    priority: Literal["P1", "P2", "P3", "P4"]
    reason: Words

    def command(self, actor: Actor) -> h.ChangePriority:
        reason = Reason(STATED, self.reason)
        return h.ChangePriority(priority=self.priority, reason=reason, **self.given(actor))


class Reclassify(Arguments):
    category: Path
    reason: Words

    def command(self, actor: Actor) -> h.Reclassify:
        return h.Reclassify(category=self.category, reason=Reason(STATED, self.reason), **self.given(actor))


HANDLING: dict[str, type[Arguments]] = {
    "suspend": Suspend,
    "resume": Resume,
    "request_extension": RequestExtension,
    "decide_extension": DecideExtension,
    "return": Return,
    "arbitrate": Arbitrate,
    "report_progress": ReportProgress,
    "urge": Urge,
    "change_priority": ChangePriority,
    "reclassify": Reclassify,
}
