"""Pieces that events of several services are made of; what consumers find in every record of a topic."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.kernel.personal import Personal


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an action was taken: a code from the installation's list, and words."""

    code: str
    text: Personal | None = None


@dataclass(frozen=True, slots=True)
class VersionedRef:
    """A policy, calendar or template as it was when it was used."""

    id: str
    version: int


@dataclass(frozen=True, slots=True)
class RegulatorCase:
    number: str
    body: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class ComplaintObject:
    """What the complaint is about: a line, bill, product, site."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintView:
    """`complaint` in every record of the topic complaints; no personal data."""

    id: str
    external_id: str
    source: str
    channel: str
    status: str
    category: str
    priority: str
    customer_id: str
    work_order_id: str | None
    received_at: datetime
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOrderView:
    """`work_order` in every record of the topic workorders: a consumer never has to ask back."""

    id: str
    complaint_id: str
    version: int
    status: str
    cycle: int
    category: str
    priority: str
    tier: str
    region: str
    team: str | None
    assignee: str | None
    channel: str
    severity_flags: tuple[str, ...] = ()
    regulator_case: RegulatorCase | None = None
    repeat_of: str | None = None
    received_at: datetime
    customer_id: str
    escalation_level: int = 0
    flags: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockView:
    """A clock as consumers see it. Seconds are whole.

    `due_at` is None while a pause leaves it open. `not_covered`: the calendar does not reach as far as this clock
    runs, so it has no due (and where it cannot be counted, no elapsed time either) until that is mended.
    `cause`: why it breached (handling, routing, suspension, retarget, late_intake, outage).
    """

    id: str
    kind: str
    state: str
    budget_seconds: int
    unit: str
    started_at: datetime
    due_at: datetime | None
    elapsed_seconds: int | None
    policy: VersionedRef
    calendar: VersionedRef
    breached_at: datetime | None = None
    not_covered: bool = False
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """Why a clock began or ceased to run: the record that did it, who acted (`kind:id`), and the reason's code."""

    event: str  # as in the catalogue, for example workorder.suspended
    id: str
    actor: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RunningInterval:
    """A stretch of time in which a clock ran; it still does where `until` is None."""

    since: datetime
    until: datetime | None = None
    began: Turn | None = None
    ended: Turn | None = None


@dataclass(frozen=True, slots=True)
class RungTime:
    """A rung of a clock: pending, fired, collapsed or void, and when (by the present due, or when it was decided).

    `target`: how often the clock had been retargeted when the rung was decided. `occurrence` counts repeats from 1.
    """

    name: str
    status: str
    fire_at: datetime | None
    target: int = 0
    occurrence: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockChange(ClockView):
    """A clock that started, paused, resumed, stopped, or was retargeted, cancelled or corrected (`change`).

    `number` counts the clocks of an order, `cycle` is the one in which this clock started, `matched` says why its
    policy was chosen. `provisional`: stopped, but counts on if the review rejects. `warned`: at risk was announced.
    `subject`: the sub-order or the demand that the clock is about, where an order may have several at once.
    `target` counts retargets; `first_due_at` is the due that was promised before the first of them. `pauses` counts
    pauses by reason. `retargeted_while_paused`: the rungs follow the new target when the clock resumes.
    """

    change: str
    number: int
    cycle: int
    ledger: tuple[RunningInterval, ...] = ()
    rungs: tuple[RungTime, ...] = ()
    matched: Mapping[str, str] = field(default_factory=dict)
    provisional: bool = False
    warned: bool = False
    subject: str | None = None
    target: int = 0
    first_due_at: datetime | None = None
    pauses: Mapping[str, int] = field(default_factory=dict)
    retargeted_while_paused: bool = False
    turn: Turn | None = None  # what made this change


Argument = str | int | float | bool | None | list[Any] | dict[str, Any]
"""What a command may be given: a value of JSON, of any depth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedCommand:
    """A command that a fired rung carries to the work order."""

    command_id: str
    action: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A rung of the ladder once decided: when it should have fired, when it did, whom it reaches and what it does.

    `occurrence` counts its repeats from 1; `quiet_until`: who is told by it is told no earlier (quiet hours).
    `unmet`: the conditions of it that did not hold; then it was decided like any other, and did nothing.
    """

    key: str
    level: int
    name: str  # as the policy calls it, for example "75%"
    fire_at: datetime
    fired_at: datetime
    late_ms: int
    audience: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    collapsed: tuple[str, ...] = ()
    command: CarriedCommand | None = None
    occurrence: int = 1
    quiet_until: datetime | None = None
    unmet: tuple[str, ...] = ()
