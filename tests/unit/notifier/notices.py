"""Builders and steps that speak of notices; what they make is decided and folded by the real domain."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.notifier.domain import NOTICE
from services.notifier.domain.commands import (
    COMPLAINANT,
    HANDLER,
    Contact,
    OrderFacts,
    Outcome,
    OutcomeKind,
    RecordOutcome,
    RequestNotice,
    StartAttempt,
)
from services.notifier.domain.directory import Directory, Person, Team
from services.notifier.domain.reference import Reference
from services.notifier.domain.state import Delivery, Notice
from services.notifier.rendering import file_templates
from shared.kernel.aggregate import SYSTEM, Command, Event, Facts, Stamp
from shared.kernel.refusal import Refusal, Unchanged

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)  # 12:00 in Shanghai
MACHINE = datetime(2030, 1, 1, tzinfo=UTC)
LEASE = timedelta(seconds=120)
WORK_ORDER = "wo_" + "0" * 31 + "1"
COMPLAINT = "cmp_" + "0" * 31 + "1"

PEOPLE = Directory(
    teams={
        "billing": Team(id="billing", parent="province", leader="li"),
        "province": Team(id="province", parent="head", leader="wang"),
        "head": Team(id="head", leader="zhao"),
        "leaderless": Team(id="leaderless", parent="province"),
    },
    people={
        "chen": Person(id="chen", name="陈工", email="chen@example.com"),
        "li": Person(id="li", name="李班长", email="li@example.com"),
        "wang": Person(id="wang", name="Wang", email="wang@example.com", language="en"),
        "zhao": Person(id="zhao", name="赵总"),
    },
)
REFERENCE = Reference(templates=file_templates("Asia/Shanghai"), directory=PEOPLE, channels=frozenset({"email"}))
ZHANG = Contact(number="C20261123ABCDEFGH", name="张三", email="zhang@example.com", language="zh")
ORDER = OrderFacts(team="billing", assignee="chen", region="sh", category="billing/fee", priority="P2")


def a_request(**changes: Any) -> RequestNotice:
    """An answer to a complainant who can be mailed."""
    request = RequestNotice(
        cause=f"{WORK_ORDER}:0000000009",
        cause_at=NOON,
        audience=COMPLAINANT,
        template="answer",
        work_order_id=WORK_ORDER,
        values={"reply_text": "已退还多收的话费。"},
        order=ORDER,
        contact=ZHANG,
    )
    return replace(request, **changes)


def an_assignment(**changes: Any) -> RequestNotice:
    return a_request(audience=HANDLER, template="assignment", values={}, contact=None, **changes)


def decided(
    command: Command, state: Notice | None = None, now: datetime = NOON, reference: Reference = REFERENCE
) -> Sequence[Event] | Refusal | Unchanged:
    return NOTICE.decide(state, command, Facts(now, reference))


def events_of(command: Command, state: Notice | None = None, **facts: Any) -> Sequence[Any]:
    outcome = decided(command, state, **facts)
    assert not isinstance(outcome, Refusal | Unchanged), outcome
    return outcome


def code_of(command: Command, state: Notice | None = None, **facts: Any) -> str:
    outcome = decided(command, state, **facts)
    assert isinstance(outcome, Refusal), outcome
    return outcome.code


@dataclass
class Told:
    """A notice that lives through commands on the machine's clock."""

    notice: Notice
    machine: datetime = MACHINE
    published: list[Any] = field(default_factory=list)

    @classmethod
    def by(cls, request: RequestNotice) -> "Told":
        told = cls(notice=None)  # type: ignore[arg-type] # folded right below
        told.apply(events_of(request))
        return told

    @property
    def delivery(self) -> Delivery:
        """The last one, which is the mail where there are several."""
        return self.notice.deliveries[-1]

    def apply(self, events: Sequence[Any]) -> "Told":
        for event in events:
            self.notice = NOTICE.evolve(self.notice, event, Stamp(NOON, NOON, SYSTEM))
            self.published.append(event)
        return self

    def do(self, command: Command) -> "Told":
        return self.apply(events_of(command, self.notice))

    def wait(self, **span: float) -> "Told":
        self.machine += timedelta(**span)
        return self

    def claimed(self) -> "Told":
        due = self.delivery.next_attempt_at
        self.machine = max(self.machine, due) if due else self.machine
        return self.do(self.claim())

    def claim(self) -> StartAttempt:
        return StartAttempt(delivery=self.delivery.id, machine_now=self.machine, lease_until=self.machine + LEASE)

    def ended(self, kind: OutcomeKind, code: str = "", retry_after: int = 0) -> "Told":
        return self.do(self.outcome(kind, code, retry_after))

    def outcome(
        self, kind: OutcomeKind, code: str = "", retry_after: int = 0, attempt: int | None = None
    ) -> RecordOutcome:
        return RecordOutcome(
            delivery=self.delivery.id,
            attempt=self.delivery.attempts if attempt is None else attempt,
            outcome=Outcome(kind, code, "", retry_after),
            machine_now=self.machine,
        )
