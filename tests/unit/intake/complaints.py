"""Builders that speak of complaints; what they make is decided and folded by the real domain."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.intake.domain import COMPLAINT, Complaint
from services.intake.domain.commands import Mirror, Profile, Receive
from services.intake.domain.reference import Reference
from services.intake.domain.scope import source_actor
from services.intake.schemas import SubmissionRecord
from shared.events import complaints
from shared.events.directory import DirectoryChanged
from shared.kernel.aggregate import Actor, Command, Event, Facts, Stamp
from shared.kernel.refusal import Refusal, Unchanged

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
CRM = "crm"
AGENT = Actor("agent", "anna", roles=frozenset({"agent"}), teams=frozenset({"*"}), regions=frozenset({"*"}))


def a_submission(**changes: Any) -> dict[str, Any]:
    """complaint.submitted with no more than it needs; a change of None leaves the field out."""
    fields = {
        "external_id": "A-1",
        "channel": "web",
        "customer": {"id": "c-7"},
        "subject": "话费多收",
        "description": "十月账单多收 $100",
        "received_at": "2026-11-23T11:30:00+08:00",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def a_source(source_id: str, *types: str, version: int = 1, **changes: Any) -> DirectoryChanged:
    effective = changes.pop("effective_at", NOON - timedelta(days=1))
    return DirectoryChanged(
        kind="source", id=source_id, version=version, effective_at=effective, types=types, **changes
    )


def registered(*sources: DirectoryChanged, open_sources: bool = False) -> Reference:
    by_id: dict[str, list[DirectoryChanged]] = {}
    for source in sources:
        by_id.setdefault(source.id, []).append(source)
    return Reference(open_sources=open_sources, sources=by_id)


def receipt_of(
    raw: dict[str, Any], source: str = CRM, profile: Profile | None = None, actor: Actor | None = None
) -> Receive:
    said = SubmissionRecord.model_validate(raw)
    return Receive(
        actor=actor or source_actor(source),
        source=source,
        external_id=said.external_id,
        submission=said.submission(),
        profile=profile or Profile(),
    )


@dataclass
class Case:
    """One complaint, and what its last command came to."""

    state: Complaint | None = None
    now: datetime = NOON
    reference: Reference = field(default_factory=Reference)
    outcome: Sequence[Event] | Refusal | Unchanged = ()
    said: list[Event] = field(default_factory=list)

    def asked(self, command: Command) -> "Case":
        self.outcome = COMPLAINT.decide(self.state, command, Facts(self.now, self.reference))
        if not isinstance(self.outcome, Refusal | Unchanged):
            for event in self.outcome:
                stamp = Stamp(self.now, command.occurred_at or self.now, command.actor)
                self.state = COMPLAINT.evolve(self.state, event, stamp)
                self.said.append(event)
        return self

    def mirrored(self, *events: Event) -> "Case":
        for event in events:
            self.asked(Mirror(event=event))
        return self

    @property
    def complaint(self) -> Complaint:
        assert self.state is not None
        return self.state

    @property
    def refusal(self) -> Refusal:
        assert isinstance(self.outcome, Refusal), self.outcome
        return self.outcome

    def in_status(self, status: str) -> "Case":
        """The same complaint, put into `status` without the way there."""
        self.state = replace(self.complaint, status=type(self.complaint.status)(status))
        return self


def a_complaint(**changes: Any) -> Case:
    return Case().asked(receipt_of(a_submission(**changes)))


def accepted(cycle: int = 1) -> Event:
    return complaints.HandlingStarted(cycle=cycle)
