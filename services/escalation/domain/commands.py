"""What may be asked of a clock set: to take note of a record of its work order, and to fire what is due."""

from dataclasses import dataclass

from shared.events.parts import WorkOrderView
from shared.kernel.aggregate import Command, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Observe(Command):
    """A record of the work order: what changed, and the order right after it. `occurred_at` is the action's own."""

    order: WorkOrderView
    change: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire(Command):
    """Fires every rung, alarm and breach whose time has come. Safe to ask at any time and any number of times."""
