"""The work order (工单) as its events left it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.workflow.domain.limits import CALLBACK_ATTEMPTS
from services.workflow.domain.states import Status
from shared.events.parts import ComplaintObject, RegulatorCase
from shared.events.workorders import Remedy, RouteTaken
from shared.kernel.personal import Personal

ACKNOWLEDGED, RESPONDED, COMMUNICATED = "acknowledged", "responded", "decision_communicated"
UNREACHED = "unreached"  # no channel reaches the complainant; an agent has to
WAITS_FOR_LEADER = "waits_for_leader"  # dissatisfied once more than handling may be repeated

COUNTS = ("hops", "returns", "urges", "recalls", "callback_attempts")
UNREACHABLE = frozenset({"no_answer", "wrong_number"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """回单: what the handler found and did; `approval` is the number of the event that approved it."""

    handler: str
    root_cause: Personal
    measures: Personal
    remedy: Remedy
    reply_text: Personal
    submitted_at: datetime
    approval: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Satisfaction:
    """满意度 of one cycle, as the complainant said it; silence makes none."""

    satisfied: bool
    scores: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOrder:
    """`assigned_at` is when the present assignment happened; people's ids of this cycle are kept per duty."""

    complaint_id: str
    number: str
    channel: str
    subject: Personal
    category: str
    priority: str
    tier: str
    region: str
    customer_id: str
    remedy_sought: str
    object: ComplaintObject | None = None
    severity_flags: tuple[str, ...] = ()
    regulator_case: RegulatorCase | None = None
    repeat_of: str | None = None
    received_at: datetime
    language: str
    promised_reply_at: datetime | None = None

    status: Status = Status.DISPATCHING
    cycle: int = 1
    team: str | None = None
    assignee: str | None = None
    assigned_at: datetime | None = None
    route: RouteTaken | None = None
    escalation_level: int = 0
    flags: tuple[str, ...] = ()  # sorted
    counts: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    resolution: Resolution | None = None
    last_callback: str | None = None  # outcome of the newest attempt of this cycle
    satisfaction: Satisfaction | None = None
    handlers: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    callback_agents: tuple[str, ...] = ()
    closed_as: str | None = None
    created_at: datetime
    updated_at: datetime
    events: int = 0  # folded so far: the sequence number of the newest

    @property
    def attempts_exhausted(self) -> bool:
        """No further callback is due: the limit is reached, and no other time was agreed."""
        return self.counts["callback_attempts"] >= CALLBACK_ATTEMPTS and self.last_callback != "rescheduled"

    def counted(self, name: str) -> Mapping[str, int]:
        return {**self.counts, name: self.counts[name] + 1}

    def flagged(self, *added: str) -> "WorkOrder":
        return replace(self, flags=tuple(sorted({*self.flags, *added})))

    def unflagged(self, *removed: str) -> "WorkOrder":
        return replace(self, flags=tuple(flag for flag in self.flags if flag not in removed))
