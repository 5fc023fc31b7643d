"""重开: a closed order is handled again, in its next cycle, and goes at once where the routes lead."""

from services.workflow.domain import aftercare_commands as a
from services.workflow.domain.assignment import route_again
from services.workflow.domain.decisions import Deciders, Evolvers, Result
from services.workflow.domain.state import WorkOrder
from services.workflow.domain.states import Status
from services.workflow.domain.transitions import move
from shared.events import workorders as e
from shared.kernel.aggregate import Actor, Facts, Stamp
from shared.kernel.alteration import altered


def reopen(order: WorkOrder, command: a.Reopen, facts: Facts) -> Result:
    by = command.by or _for_whom(command.actor)
    reopened = e.Reopened(cycle=order.cycle + 1, by=by, reason=command.reason)
    dispatched = route_again(order, facts)
    return [reopened, dispatched] if dispatched else [reopened]


def _for_whom(actor: Actor) -> str:
    if actor.kind == "regulator":
        return "regulator"
    return "leader" if "leader" in actor.roles and "agent" not in actor.roles else "complainant"


def reopened(order: WorkOrder, event: e.Reopened, _stamp: Stamp) -> WorkOrder:
    order = move(order, "reopen", Status.DISPATCHING).in_cycle(event.cycle)
    return altered(order, counts=order.counted("reopenings"))


DECIDERS: Deciders = {a.Reopen: reopen}
EVOLVERS: Evolvers = {e.Reopened: reopened}
