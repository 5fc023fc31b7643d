"""What may be asked of a clock set: to note a record of its work order, to fire what is due, to take new rules."""

from dataclasses import dataclass

from shared.events.parts import Turn, WorkOrderView
from shared.kernel.aggregate import Command, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Observe(Command):
    """A record of the work order: what changed, and the order right after it. `occurred_at` is the action's own.

    `turn` is how ledgers name the record.
    """

    order: WorkOrderView
    change: Event
    turn: Turn | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire(Command):
    """Fires every rung, alarm and breach whose time has come. Safe to ask at any time and any number of times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrate(Command):
    """迁移: puts the clocks that still count under the versions in force now, as `migration` (its id) has it.

    `kinds` None: of every kind. `rule`: only where it is this policy or calendar (`policy/<id>`, `calendar/<id>`)
    that the clock comes from or goes to; None: whatever is newer. Nothing changes where nothing newer is in force.
    """

    migration: str
    kinds: frozenset[str] | None = None
    rule: str | None = None
    reason: str | None = None
