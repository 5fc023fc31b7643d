"""Orders as tests speak of them: `an_order().in_progress()`, and people who do one thing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.workflow.domain import WORK_ORDERS
from services.workflow.domain import aftercare_commands as a
from services.workflow.domain import commands as c
from services.workflow.domain import handling_commands as h
from services.workflow.domain.reference import Reference
from services.workflow.domain.state import WorkOrder
from shared.events.complaints import Customer, Received
from shared.events.directory import DirectoryChanged
from shared.events.parts import Reason, RegulatorCase
from shared.events.workorders import Remedy
from shared.kernel.aggregate import SYSTEM, Actor, Cause, Decision, Event, Facts, Snapshot
from shared.kernel.history import apply
from shared.kernel.ids import COMPLAINT, complaint_id, sibling
from shared.kernel.refusal import Refusal, Unchanged

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ORDER_ID = sibling(complaint_id("crm", "1"), "wo_")
EVERYWHERE = frozenset({"*"})


def person(name: str, *roles: str, teams: frozenset[str] = EVERYWHERE, regions: frozenset[str] = EVERYWHERE) -> Actor:
    return Actor("agent", name, None, frozenset(roles), teams, regions)


AGENT, DISPATCHER = person("agnes", "agent"), person("dirk", "dispatcher")
HANDLER, LEADER = person("hanna", "handler"), person("lena", "leader")
REVIEWER, CALLER = person("rolf", "reviewer"), person("carla", "callback")
SUPERVISOR = person("sun", "supervisor")
ARBITRATOR = person("arno", "dispatcher", "leader")


def entry(kind: str, name: str, version: int = 1, effective_at: datetime = NOW, **fields: Any) -> DirectoryChanged:
    return DirectoryChanged(kind=kind, id=name, version=version, effective_at=effective_at, **fields)


DIRECTORY = (
    entry("team", "default", regions=("*",)),
    entry("team", "billing", regions=("jiangsu",)),
    entry("route", "catch-all", team="default"),
    entry("source", "/oa", actions=("accept", "cancel")),
)


def facts(at: datetime = NOW, *entries: DirectoryChanged) -> Facts:
    return Facts(at, Reference(entries or DIRECTORY))


def received(**changed: Any) -> Received:
    given: dict[str, Any] = {
        "source": "crm",
        "external_id": "1",
        "number": "C20260302ABCDEFGH",
        "channel": "web",
        "customer": Customer(id="c-1", region="jiangsu"),
        "subject": "No network",
        "description": "None at all",
        "category": "network/outage",
        "category_given": True,
        "priority": "P3",
        "remedy_sought": "repair",
        "received_at": NOW - timedelta(hours=1),
        "acknowledged": False,
        "work_order_id": ORDER_ID,
        "digest": "d",
    }
    return Received(**{**given, **changed})


REGULATOR_CASE = RegulatorCase("12300-7", "MIIT", NOW - timedelta(hours=2))
RESOLUTION: Mapping[str, Any] = {
    "root_cause": "a broken cable",
    "measures": "mended",
    "remedy": Remedy(kind="repair"),
    "reply_text": "It works again.",
}


@dataclass
class Order:
    """A work order under test: commands are decided and folded as the runtime does it."""

    snapshot: Snapshot[WorkOrder]
    now: datetime = NOW
    facts: Facts = field(default_factory=lambda: facts())

    @property
    def state(self) -> WorkOrder:
        assert self.snapshot.state is not None
        return self.snapshot.state

    def asked(self, command: c.WorkOrderCommand) -> tuple[Event, ...] | Refusal | Unchanged:
        """Decides without doing it."""
        outcome = WORK_ORDERS.decide(self.snapshot.state, command, replace(self.facts, now=self.now))
        return outcome if isinstance(outcome, Refusal | Unchanged) else tuple(outcome)

    def does(self, command: c.WorkOrderCommand) -> list[str]:
        """Decides and folds; the names of the events."""
        outcome = self.asked(command)
        assert isinstance(outcome, tuple), outcome
        decision = Decision(
            version=self.snapshot.version + 1,
            sequence=self.snapshot.sequence,
            at=self.now,
            occurred_at=command.occurred_at or self.now,
            actor=command.actor,
            cause=Cause("test", str(self.snapshot.version)),
            events=outcome,
        )
        self.snapshot = apply(WORK_ORDERS, self.snapshot, decision, decision.version)
        return [type(event).__name__ for event in outcome]

    def refuses(self, command: c.WorkOrderCommand) -> str:
        outcome = self.asked(command)
        assert isinstance(outcome, Refusal), outcome
        return outcome.code

    def later(self, **passed: float) -> "Order":
        self.now += timedelta(**passed)
        return self

    # statuses, each reached by the shortest way

    def in_progress(self, by: Actor = HANDLER) -> "Order":
        self.does(c.Accept(actor=by))
        return self

    def suspended(self, hours: float = 24, by: Actor = HANDLER) -> "Order":
        """From work in progress."""
        wake_up_at = self.now + timedelta(hours=hours)
        self.does(h.Suspend(actor=by, reason_code="waiting_third_party", wake_up_at=wake_up_at))
        return self

    def in_review(self, by: Actor = HANDLER) -> "Order":
        self.in_progress(by).does(c.SubmitResolution(actor=by, **RESOLUTION))
        return self

    def to_call_back(self, communicated: bool = True) -> "Order":
        self.in_review().does(c.Approve(actor=REVIEWER))
        if communicated:
            self.does(c.CommunicateDecision(actor=SYSTEM, by="system"))
        return self

    def called(self, outcome: str, by: Actor = CALLER) -> list[str]:
        return self.does(c.RecordCallback(actor=by, outcome=outcome))

    def closed(self) -> "Order":
        self.to_call_back().called("satisfied")
        return self

    def asks(self, *teams: str, rule: str = "all", k: int | None = None) -> list[str]:
        """The handler consults."""
        asked = tuple(a.Participant(team=team) for team in teams)
        return self.does(a.Consult(actor=HANDLER, participants=asked, question="Since when?", rule=rule, k=k))

    def blamed(self, unit: str = "billing") -> "Order":
        self.does(a.AttributeLiability(actor=REVIEWER, valid=True, unit=unit, degree="primary", text="their bill"))
        return self

    def reopened(self) -> "Order":
        self.does(a.Reopen(actor=AGENT, reason=Reason("not_mended", "again")))
        return self

    def cancelled(self) -> "Order":
        self.does(c.Cancel(actor=AGENT, reason=Reason("withdrawn")))
        return self


def a_complaint(known: Facts | None = None, **changed: Any) -> Order:
    order = Order(Snapshot(ORDER_ID), facts=known or facts())
    order.does(c.Create(complaint_id=sibling(ORDER_ID, COMPLAINT), received=received(**changed)))
    return order


def an_order(**changed: Any) -> Order:
    """Assigned to the default team."""
    return a_complaint(**changed)


def an_undispatched_order(**changed: Any) -> Order:
    """No route matches; a team is there."""
    order = a_complaint(facts(NOW, entry("team", "elsewhere")), **changed)
    order.facts = facts()
    return order
