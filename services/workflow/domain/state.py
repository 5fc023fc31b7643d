"""The work order (工单) as its events left it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.workflow.domain.limits import CALLBACK_ATTEMPTS
from services.workflow.domain.states import Status
from services.workflow.domain.subresources import OPEN, Demand, Liability, SubOrder
from shared.events.parts import ComplaintObject, Reason, RegulatorCase
from shared.events.workorders import Remedy, RouteTaken
from shared.kernel.alteration import altered
from shared.kernel.personal import Personal

ACKNOWLEDGED, RESPONDED, COMMUNICATED = "acknowledged", "responded", "decision_communicated"
UNREACHED = "unreached"  # no channel reaches the complainant; an agent has to
WAITS_FOR_LEADER = "waits_for_leader"  # dissatisfied once more than handling may be repeated

IN_ARBITRATION, ARBITRATED = "arbitration", "arbitrated"  # waits for the arbitrator; has the last word of one

SUPERVISED = "supervised"  # for ever, whatever became of the demands
SURVEY_CLOSED = "survey_closed"

REQUESTED = "requested"  # an extension that nobody has decided

COUNTS = ("hops", "returns", "urges", "recalls", "callback_attempts", "reopenings")
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
class Suspension:
    """挂起: since when, why (a code from the list), and when the order wakes up at the latest."""

    reason: str
    wake_up_at: datetime
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """延期: the newest one asked for in this cycle; `status` is requested, approved or rejected."""

    until: datetime
    reason: Reason
    status: str = REQUESTED
    requested_by: str
    requested_at: datetime


@dataclass(frozen=True, kw_only=True)  # no slots: `altered` copies it many times for each order
class WorkOrder:
    """`assigned_at` is when the present assignment happened; people's ids of this cycle are kept per duty.

    `satisfaction` is what the callback of this cycle heard, `rating` what the complainant stated in it unasked.
    """

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
    rating: Satisfaction | None = None
    suspension: Suspension | None = None
    extension: Extension | None = None
    urged_at: datetime | None = None  # when an urge was last passed on
    handlers: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    callback_agents: tuple[str, ...] = ()
    closed_as: str | None = None
    closed_at: datetime | None = None
    demands: tuple[Demand, ...] = ()
    suborders: tuple[SubOrder, ...] = ()
    liability: Liability | None = None
    created_at: datetime
    updated_at: datetime
    events: int = 0  # folded so far: the sequence number of the newest

    @property
    def attempts_exhausted(self) -> bool:
        """No further callback is due: the limit is reached, and no other time was agreed."""
        return self.counts["callback_attempts"] >= CALLBACK_ATTEMPTS and self.last_callback != "rescheduled"

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The sub-orders that are open."""
        return tuple(one.id for one in self.suborders if one.status == OPEN)

    @property
    def involved(self) -> frozenset[str]:
        """The teams that have a word in it beside its own: those asked for help, and the liable unit."""
        return frozenset({one.team for one in self.suborders} | ({self.liability.unit} if self.liability else set()))

    def in_cycle(self, cycle: int) -> "WorkOrder":
        """What belonged to the cycle that ends is in the log; the new one begins with none of it."""
        return altered(
            self.unflagged(COMMUNICATED, WAITS_FOR_LEADER, SURVEY_CLOSED),
            cycle=cycle,
            team=None,
            assignee=None,
            route=None,
            resolution=None,
            satisfaction=None,
            rating=None,
            extension=None,
            last_callback=None,
            counts={**self.counts, "callback_attempts": 0},
            handlers=(),
            reviewers=(),
            callback_agents=(),
            closed_as=None,
            closed_at=None,
        )

    def counted(self, name: str) -> Mapping[str, int]:
        return {**self.counts, name: self.counts.get(name, 0) + 1}

    def flagged(self, *added: str) -> "WorkOrder":
        return altered(self, flags=tuple(sorted({*self.flags, *added})))

    def unflagged(self, *removed: str) -> "WorkOrder":
        return altered(self, flags=tuple(flag for flag in self.flags if flag not in removed))
