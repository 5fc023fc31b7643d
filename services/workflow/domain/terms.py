"""What an order counts as (优先级、分类): both choose its deadlines, and both may change while it is open."""

from services.workflow.domain import handling_commands as h
from services.workflow.domain.decisions import Deciders, Evolvers, Result
from services.workflow.domain.state import WorkOrder
from services.workflow.domain.transitions import move
from shared.events import workorders as e
from shared.kernel.aggregate import Facts, Stamp
from shared.kernel.alteration import altered
from shared.kernel.refusal import UNCHANGED


def change_priority(order: WorkOrder, command: h.ChangePriority, _facts: Facts) -> Result:
    """A rung only raises: what people have put higher meanwhile (P1 is the highest) stays there."""
    lowers = command.priority > order.priority
    if command.priority == order.priority or (lowers and "system" in command.actor.roles):
        return UNCHANGED
    return [e.PriorityChanged(former=order.priority, priority=command.priority, reason=command.reason)]


def reclassify(order: WorkOrder, command: h.Reclassify, _facts: Facts) -> Result:
    if command.category == order.category:
        return UNCHANGED
    return [e.Reclassified(former=order.category, category=command.category, reason=command.reason)]


def priority_changed(order: WorkOrder, event: e.PriorityChanged, _stamp: Stamp) -> WorkOrder:
    return altered(move(order, "change_priority", order.status), priority=event.priority)


def reclassified(order: WorkOrder, event: e.Reclassified, _stamp: Stamp) -> WorkOrder:
    return altered(move(order, "reclassify", order.status), category=event.category)


DECIDERS: Deciders = {h.ChangePriority: change_priority, h.Reclassify: reclassify}
EVOLVERS: Evolvers = {
    e.PriorityChanged: priority_changed,
    e.Reclassified: reclassified,
}
