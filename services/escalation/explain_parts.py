"""An explanation 时限解释 as a value: everything that made a clock's elapsed time and its due, to the second."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.events.parts import Turn, VersionedRef

Mode = Literal["keep_elapsed", "restart", "keep_deadline"]
Reason = Literal[
    "matched",
    "not_yet_effective",
    "superseded",
    "no_such_clock",
    "condition_not_met",
    "order_unknown",
    "lower_rank",
    "less_specific",
    "later_id",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanLine:
    """Part of a stretch, `seconds` of which count; `layer` of the calendar decided it for those dates."""

    kind: Literal["working", "closed", "natural", "rest"]
    since: datetime
    until: datetime
    seconds: int
    layer: str | None
    first_date: str
    last_date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A running interval of the clock or what lies between two of them; `until` None: it goes on.

    `seconds` count, of `real_seconds` that passed; both None where the calendar cannot tell. `total_seconds` is the
    sum of all up to here, `budget_seconds` the budget when the stretch began.
    """

    kind: Literal["running", "paused", "stopped"]
    since: datetime
    until: datetime | None
    seconds: int | None
    real_seconds: int
    total_seconds: int | None
    budget_seconds: int
    began: Turn | None
    ended: Turn | None
    spans: tuple[SpanLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetargetLine:
    """A new target, and what became of the time used (`mode`); the elapsed time is the one right after it."""

    at: datetime
    mode: Mode
    turn: Turn | None
    old_budget_seconds: int
    new_budget_seconds: int
    old_due_at: datetime | None
    new_due_at: datetime | None
    old_policy: VersionedRef
    new_policy: VersionedRef
    old_calendar: VersionedRef
    new_calendar: VersionedRef
    elapsed_seconds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a policy asks of an order, and what the order had; `has` None: that was not recorded."""

    trait: str
    wanted: tuple[str, ...]
    has: tuple[str, ...] | None
    met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A policy version, and why it gave the clock or did not; `by` is the version that stood in its way."""

    policy: VersionedRef
    rank: int
    effective_from: datetime
    reason: Reason
    by: VersionedRef | None
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRun:
    """Neighbouring dates of one layer; `counted` of them count towards a budget in days."""

    first_date: str
    last_date: str
    layer: str | None
    counted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """How a budget in days became seconds: the first day is not counted, the last one ends at 24:00."""

    unit: str
    count: int
    runs: tuple[DayRun, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """The due: what remained of the budget at the start of an interval, laid along the calendar from there."""

    since: datetime
    used_seconds: int
    remaining_seconds: int
    due_at: datetime
    spans: tuple[SpanLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RungLine:
    """A rung: when it was or is due, and when it was decided."""

    name: str
    status: str
    target: int
    occurrence: int
    planned_at: datetime | None
    decided_at: datetime | None
    late_ms: int | None
    audience: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """`unit` is the one in which the budget is told. `budget_from`: the rule's amount, the rule's days, what the last
    retarget left, or what was given by the action that started the clock.

    `sum_is_exact`: the spans add up to what the clock reckons, and to the due that it has.
    `would_be_due_at`: the due of a paused clock if it were resumed now.
    """

    work_order_id: str
    clock_id: str
    kind: str
    number: int
    cycle: int
    subject: str | None
    state: str
    change: str
    provisional: bool
    not_covered: bool
    unit: str
    budget_seconds: int
    budget_from: Literal["rule", "days", "retarget", "given"]
    days: DayCount | None
    started_at: datetime
    as_of: datetime
    elapsed_seconds: int | None
    remaining_seconds: int | None
    sum_is_exact: bool
    due_at: datetime | None
    first_due_at: datetime | None
    would_be_due_at: datetime | None
    derivation: Derivation | None
    breached_at: datetime | None
    cause: str | None
    policy: VersionedRef
    matched_at: datetime
    considered: tuple[Considered, ...]
    calendar: VersionedRef
    zone: str
    complete_until: str
    intervals: tuple[Stretch, ...]
    retargets: tuple[RetargetLine, ...]
    rungs: tuple[RungLine, ...]
