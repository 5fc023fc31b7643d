"""What hangs on a work order beside its status: demands (督办), sub-orders (子单), liability (定责)."""

from dataclasses import dataclass
from datetime import datetime

from shared.kernel.personal import Personal

OPEN, ANSWERED, RELEASED, LAPSED = "open", "answered", "released", "lapsed"
ASSIGNED, APPEALED, REVISED, SETTLED = "assigned", "appealed", "revised", "settled"
PENDING = frozenset({ASSIGNED, APPEALED})
"""Statuses of a liability that can still change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """督办: open, answered, or lapsed when the order closed over it."""

    number: int
    demand: Personal
    due_at: datetime
    status: str = OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class SubOrder:
    """协办/会签: open, answered, or released when enough others of the same request answered."""

    id: str
    request: int
    kind: str
    team: str
    assignee: str | None = None
    question: Personal
    rule: str
    needed: int
    due_at: datetime | None = None
    status: str = OPEN
    opinion: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Liability:
    """定责 as it stands: assigned, appealed, revised or settled; `cycle` and `since` are those of the attribution."""

    valid: bool
    unit: str
    degree: str
    text: Personal
    status: str = ASSIGNED
    cycle: int
    since: datetime
    assigned_by: str
    appealed_by: str | None = None
