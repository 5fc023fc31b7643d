"""The last words on an order: made by mistake (作废), or closed and laid away (归档)."""

from datetime import datetime

from services.workflow.domain import aftercare_commands as a
from services.workflow.domain.decisions import Deciders, Evolvers, Result
from services.workflow.domain.state import IN_ARBITRATION, WorkOrder
from services.workflow.domain.states import Status
from services.workflow.domain.transitions import move
from shared.events import workorders as e
from shared.kernel.aggregate import Facts, Stamp
from shared.kernel.refusal import Refusal


def void(_order: WorkOrder, command: a.Void, _facts: Facts) -> Result:
    if command.approved_by == command.actor.id:
        return Refusal("own_approval", "another person approves", pointer="/approved_by")
    return [e.Voided(reason=command.reason, approved_by=command.approved_by)]


def archive(order: WorkOrder, command: a.Archive, _facts: Facts) -> Result:
    return closed_since(order, command.clock_started_at) or [e.Archived(reason=command.reason)]


def closed_since(order: WorkOrder, clock_started_at: datetime | None) -> Refusal | None:
    """What an alarm that belongs to an earlier closing hears."""
    if clock_started_at is None or order.closed_at is None or order.closed_at <= clock_started_at:
        return None
    return Refusal("closing_changed", "the order was closed anew since that clock started")


def voided(order: WorkOrder, _event: e.Voided, _stamp: Stamp) -> WorkOrder:
    return move(order, "void", Status.VOIDED).unflagged(IN_ARBITRATION)


def archived(order: WorkOrder, _event: e.Archived, _stamp: Stamp) -> WorkOrder:
    return move(order, "archive", Status.ARCHIVED)


DECIDERS: Deciders = {a.Void: void, a.Archive: archive}
EVOLVERS: Evolvers = {e.Voided: voided, e.Archived: archived}
