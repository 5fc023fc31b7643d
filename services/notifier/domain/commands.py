"""What may be asked of a notice, and the facts that a request brings along."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.kernel import ids
from shared.kernel.aggregate import Command

COMPLAINANT, SUBSCRIBERS = "complainant", "subscribers"
HANDLER, LEADER, DEPARTMENT, COMPANY = "handler", "leader", "department", "company"

Value = str | int | datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """How the complainant can be reached, as the complaint said when it was received."""

    number: str
    name: str | None = None
    email: str | None = None
    language: str = "zh"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFacts:
    """What a notice needs to know of the work order that it is about."""

    team: str | None = None
    assignee: str | None = None
    region: str | None = None
    category: str | None = None
    priority: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestNotice(Command):
    """Tells `audience` with `template`; the recipients are decided from the facts, once.

    `cause` is the id of the event that asks for it, decided at `cause_at`. `order`, `contact` and `subscriptions` are
    completed from the service's own copies where the record does not say them. `payload` is what subscribers get.
    `quiet_until`: a person's inbox has it at once, and nothing else is sent to them before.
    """

    cause: str
    cause_at: datetime
    audience: str
    template: str
    work_order_id: str
    rung: str | None = None
    values: Mapping[str, Value] = field(default_factory=dict)
    payload: str = ""
    quiet_until: datetime | None = None
    order: OrderFacts | None = None
    contact: Contact | None = None
    subscriptions: tuple[str, ...] | None = None

    @property
    def complaint_id(self) -> str:
        return ids.sibling(self.work_order_id, ids.COMPLAINT)

    @property
    def notice_id(self) -> str:
        return ids.derived(ids.NOTICE, self.cause, self.rung or "", self.audience)


class OutcomeKind(StrEnum):
    SENT = "sent"
    DELIVERED = "delivered"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a send ended. `code` and `detail` never quote an address or a text; `retry_after` is in seconds."""

    kind: OutcomeKind
    code: str = ""
    detail: str = ""
    retry_after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAttempt(Command):
    """Claims a due delivery until `lease_until`. Both times are the machine's."""

    delivery: str
    machine_now: datetime
    lease_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOutcome(Command):
    """What became of the attempt with this number."""

    delivery: str
    attempt: int
    outcome: Outcome
    machine_now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireClaim(Command):
    """The claim's lease is over and no outcome was recorded: the claimer died, or cannot write."""

    delivery: str
    machine_now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeliver(Command):
    """Tries again what was given up: one delivery, or every one of the notice."""

    delivery: str | None = None
