"""Tells a work order's story to a clock set: records come in, time passes, timers fire in time or after an outage."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from services.escalation.domain import CLOCK_SETS
from services.escalation.domain.commands import Fire, Observe
from services.escalation.domain.policies import Rulebook
from services.escalation.domain.state import ClockSet
from services.escalation.policy_files import read_document, read_folder
from services.escalation.rulebook import Published, rulebook_of
from shared.events import workorders as w
from shared.events.parts import ClockChange, Reason, Turn, WorkOrderView
from shared.events.sla import RungCollapsed, RungFired
from shared.kernel.aggregate import Cause, Command, Decision, Event, Facts, Snapshot
from shared.kernel.clock import to_milliseconds
from shared.kernel.history import apply
from shared.kernel.refusal import Refusal, Unchanged
from shared.persistence.codec import read, written

ORDER = "wo_0123456789abcdef0123456789abcdef"
POLICIES = Path(__file__).parents[3] / "deploy" / "policies"
MONDAY = "2026-03-02T09:00:00+08:00"
"""A working Monday without a holiday near it."""


def instant(text: str) -> datetime:
    return to_milliseconds(datetime.fromisoformat(text))


@cache
def shipped_rules() -> Rulebook:
    return rules_of(*(written.text for written in read_folder(POLICIES)))


def rules_of(*texts: str) -> Rulebook:
    written = [read_document(text) for text in texts]
    return rulebook_of(tuple(Published(one.id, one.text, one.content.effective_from) for one in written))


def an_order(**different: Any) -> WorkOrderView:
    fields: dict[str, Any] = {
        "id": ORDER,
        "complaint_id": "cmp_0123456789abcdef0123456789abcdef",
        "version": 1,
        "status": "dispatching",
        "cycle": 1,
        "category": "network/slow",
        "priority": "P3",
        "tier": "standard",
        "region": "jiangsu/suzhou",
        "team": None,
        "assignee": None,
        "channel": "phone",
        "received_at": instant(MONDAY),
        "customer_id": "c-1",
    }
    return WorkOrderView(**{**fields, **different})


@dataclass(slots=True)
class Story:
    """`now` is when escalation decides. Every state goes through storage once, as it does in service."""

    order: WorkOrderView = field(default_factory=an_order)
    rules: Rulebook = field(default_factory=shipped_rules)
    now: datetime = field(default_factory=lambda: instant(MONDAY))
    snapshot: Snapshot[ClockSet] = field(default_factory=lambda: Snapshot("clk_0123456789abcdef0123456789abcdef"))
    events: list[Event] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)

    # records of the work order

    def created(self, at: str | None = None) -> "Story":
        fields = {name: getattr(self.order, name) for name in ("complaint_id", "channel", "category", "priority")}
        fields |= {name: getattr(self.order, name) for name in ("tier", "region", "customer_id", "received_at")}
        return self.record(w.Created(number="C1", subject="s", remedy_sought="refund", **fields), at)

    def acknowledged(self, at: str | None = None) -> "Story":
        return self.record(w.Acknowledged(by="agent"), at)

    def dispatched(self, at: str | None = None, team: str = "core") -> "Story":
        return self.record(w.Dispatched(team=team), at, status="assigned", team=team)

    def accepted(self, at: str | None = None) -> "Story":
        return self.record(w.Accepted(assignee="li"), at, status="in_progress")

    def recalled(self, at: str | None = None) -> "Story":
        return self.record(w.Recalled(team="core"), at, status="dispatching", team=None)

    def transferred(self, at: str | None = None) -> "Story":
        moved = w.Transferred(from_team="core", team="edge", assignee=None, reason=Reason("wrong_team"))
        return self.record(moved, at, status="assigned", team="edge")

    def responded(self, at: str | None = None) -> "Story":
        return self.record(w.Responded(text="t", first=True), at)

    def submitted(self, at: str | None = None) -> "Story":
        answer = {"handler": "li", "root_cause": "r", "measures": "m", "reply_text": "t"}
        return self.record(
            w.ResolutionSubmitted(remedy=w.Remedy(kind="refund"), **answer), at, status="pending_review"
        )

    def approved(self, at: str | None = None) -> "Story":
        return self.record(w.ReviewApproved(reviewer="wu", reply_text="t"), at, status="pending_callback")

    def rejected(self, at: str | None = None) -> "Story":
        return self.record(w.ReviewRejected(reviewer="wu", reason=Reason("unclear")), at, status="in_progress")

    def communicated(self, at: str | None = None) -> "Story":
        return self.record(w.DecisionCommunicated(by="system"), at)

    def attempted(self, at: str | None = None, next_at: str | None = None) -> "Story":
        wanted = None if next_at is None else instant(next_at)
        return self.record(w.CallbackAttempted(outcome="no_answer", attempt=1, next_at=wanted), at)

    def called_back(self, at: str | None = None, satisfied: bool = True) -> "Story":
        outcome = "satisfied" if satisfied else "dissatisfied"
        return self.record(w.CallbackCompleted(outcome=outcome, attempt=1, satisfied=satisfied), at)

    def redispatched(self, at: str | None = None) -> "Story":
        cycle = self.order.cycle + 1
        return self.record(w.Redispatched(cycle=cycle), at, status="dispatching", team=None, cycle=cycle)

    def closed(self, at: str | None = None) -> "Story":
        return self.record(w.Closed(outcome="satisfied"), at, status="closed")

    def cancelled(self, at: str | None = None) -> "Story":
        return self.record(w.Cancelled(reason=Reason("withdrawn")), at, status="cancelled")

    def returned(self, at: str | None = None) -> "Story":
        change = w.Returned(team="core", reason=Reason("not_ours"))
        return self.record(change, at, status="dispatching", team=None)

    def arbitrated(self, at: str | None = None) -> "Story":
        return self.record(w.Arbitrated(team="core", reason=Reason("final")), at, status="assigned", team="core")

    def reported(self, at: str | None = None) -> "Story":
        return self.record(w.ProgressReported(text="t"), at)

    def suspended(
        self,
        at: str | None = None,
        wake_up_at: str = "2026-03-05T09:00:00+08:00",
        reason: str = "waiting_complainant",
    ) -> "Story":
        change = w.Suspended(reason=Reason(reason), wake_up_at=instant(wake_up_at))
        return self.record(change, at, status="suspended")

    def resumed(self, at: str | None = None) -> "Story":
        return self.record(w.Resumed(), at, status="in_progress")

    def supervised(self, at: str | None = None, number: int = 1, due_at: str | None = None) -> "Story":
        due = self.now + hours(8) if due_at is None else instant(due_at)
        return self.record(w.Supervised(number=number, demand="d", due_at=due), at)

    def supervision_answered(self, at: str | None = None, numbers: tuple[int, ...] = (1,)) -> "Story":
        return self.record(w.SupervisionAnswered(numbers=numbers, text="t"), at)

    def consulted(
        self, at: str | None = None, name: str = "s1", team: str = "lab", due_at: str | None = None
    ) -> "Story":
        due = None if due_at is None else instant(due_at)
        asked = {"kind": "consult", "team": team, "question": "q", "rule": "any", "needed": 1, "due_at": due}
        return self.record(w.SubOrderOpened(suborder_id=name, request=1, **asked), at)  # type: ignore[arg-type]  # mixed

    def suborder_answered(self, at: str | None = None, name: str = "s1", released: tuple[str, ...] = ()) -> "Story":
        return self.record(w.SubOrderAnswered(suborder_id=name, team="lab", text="t", released=released), at)

    def extension_asked(self, at: str | None = None, until: str = "2026-03-06T09:00:00+08:00") -> "Story":
        asked = w.ExtensionRequested(until=instant(until), reason=Reason("parts_on_order"), requested_by="li")
        return self.record(asked, at)

    def extension_decided(
        self,
        at: str | None = None,
        until: str = "2026-03-06T09:00:00+08:00",
        reason: str = "parts_on_order",
        approved: bool = True,
    ) -> "Story":
        decided = w.ExtensionDecided(
            approved=approved, until=instant(until), reason=Reason(reason), requested_by="li", decided_by="chen"
        )
        return self.record(decided, at)

    def prioritised(self, at: str | None = None, priority: str = "P1") -> "Story":
        change = w.PriorityChanged(former=self.order.priority, priority=priority, reason=Reason("impact"))
        return self.record(change, at, priority=priority)

    def reclassified(self, at: str | None = None, category: str = "billing/fee") -> "Story":
        change = w.Reclassified(former=self.order.category, category=category, reason=Reason("wrong"))
        return self.record(change, at, category=category)

    def liability_assigned(self, at: str | None = None) -> "Story":
        return self.record(w.LiabilityAssigned(valid=True, unit="core", degree="primary", text="t"), at)

    def liability_appealed(self, at: str | None = None) -> "Story":
        return self.record(w.LiabilityAppealed(text="t"), at)

    def liability_revised(self, at: str | None = None) -> "Story":
        return self.record(w.LiabilityRevised(valid=True, unit="core", degree="secondary", text="t"), at)

    def liability_settled(self, at: str | None = None) -> "Story":
        return self.record(w.LiabilitySettled(), at)

    def survey_closed(self, at: str | None = None) -> "Story":
        return self.record(w.SurveyClosed(), at)

    def reopened(self, at: str | None = None, by: str = "complainant") -> "Story":
        cycle = self.order.cycle + 1
        change = w.Reopened(cycle=cycle, by=by, reason=Reason("still_slow"))
        return self.record(change, at, status="dispatching", team=None, cycle=cycle)

    def voided(self, at: str | None = None) -> "Story":
        return self.record(w.Voided(reason=Reason("mistake"), approved_by="wu"), at, status="voided")

    def archived(self, at: str | None = None) -> "Story":
        return self.record(w.Archived(), at, status="archived")

    def record(self, change: Event, at: str | None = None, **order: Any) -> "Story":
        """`at` is when it happened; escalation hears of it then, or at `now` if that is later."""
        occurred = self.now if at is None else instant(at)
        self.now = max(self.now, occurred)
        self.order = replace(self.order, **order)
        self.order = replace(self.order, version=self.order.version + 1)
        reason = getattr(change, "reason", None)
        turn = Turn(change.TYPE, f"{ORDER}:{self.order.version:010d}", "agent:li", reason and reason.code)
        self.ask(Observe(order=self.order, change=change, occurred_at=occurred, turn=turn))
        return self

    # time

    def timers_until(self, at: str) -> "Story":
        """Timers fire in time, up to and including `at`."""
        until = instant(at)
        while (due := self.state.next_fire) is not None and due <= until:
            self.now = max(self.now, due)
            assert self.ask(Fire()), "what is due fires"
        self.now = max(self.now, until)
        return self

    def outage_until(self, at: str) -> list[Any]:
        """Nothing fires before `at`; then everything does, once."""
        self.now = instant(at)
        return list(self.ask(Fire()))

    def ask(self, command: Command) -> Sequence[Event]:
        outcome = CLOCK_SETS.decide(self.snapshot.state, command, Facts(self.now, self.rules))
        assert not isinstance(outcome, Refusal), outcome
        if isinstance(outcome, Unchanged):
            return ()
        decision = Decision(
            version=self.snapshot.version + 1,
            sequence=self.snapshot.sequence,
            at=self.now,
            occurred_at=command.occurred_at or self.now,
            actor=command.actor,
            cause=Cause("test", str(self.snapshot.version)),
            events=tuple(read(written(event), type(event)) for event in outcome),
        )
        evolved = apply(CLOCK_SETS, self.snapshot, decision, decision.version)
        self.snapshot = replace(evolved, state=read(written(evolved.state), ClockSet))
        assert self.snapshot.state == evolved.state
        self.decisions.append(decision)
        self.events += outcome
        return outcome

    # what is seen

    @property
    def state(self) -> ClockSet:
        assert self.snapshot.state is not None
        return self.snapshot.state

    def clock(self, kind: str, number: int = -1) -> ClockChange:
        """The newest clock of the kind, or the one at that place among them."""
        return [clock for clock in self.state.clocks if clock.kind == kind][number]

    def states(self) -> dict[str, str]:
        """The newest clock of each kind."""
        return {clock.kind: clock.state for clock in self.state.clocks}

    def told(self, *kinds: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kinds)]

    def rungs(self, kind: str) -> list[tuple[str, str]]:
        """What was decided on the ladder of a kind of clock, in order."""
        decided = self.told(RungFired, RungCollapsed)
        return [(e.rung.name, e.TYPE.removeprefix("rung.")) for e in decided if e.clock.kind == kind]


def hours(count: float) -> timedelta:
    return timedelta(hours=count)
