"""退单/仲裁: a team gives the order back; after the last return allowed only the arbitrator says who handles it."""

from services.workflow.domain import handling_commands as h
from services.workflow.domain.assignment import cannot_take
from services.workflow.domain.decisions import Deciders, Evolvers, Result
from services.workflow.domain.limits import RETURNS
from services.workflow.domain.state import ARBITRATED, IN_ARBITRATION, WorkOrder
from services.workflow.domain.states import Status
from services.workflow.domain.transitions import move
from shared.events import workorders as e
from shared.kernel.aggregate import Event, Facts, Stamp
from shared.kernel.alteration import altered


def return_(order: WorkOrder, command: h.Return, _facts: Facts) -> list[Event]:
    """The routes would name the same team again, so the order waits for a dispatcher."""
    last = order.counts["returns"] + 1 >= RETURNS
    return [e.Returned(team=order.team or "", reason=command.reason, arbitration=last)]


def arbitrate(order: WorkOrder, command: h.Arbitrate, facts: Facts) -> Result:
    refusal = cannot_take(command.team, order, facts.reference.at(facts.now))
    return refusal or [e.Arbitrated(team=command.team, reason=command.reason)]


def returned(order: WorkOrder, event: e.Returned, _stamp: Stamp) -> WorkOrder:
    order = move(order, "return", Status.DISPATCHING)
    order = altered(order, team=None, assignee=None, route=None, counts=order.counted("returns"))
    return order.flagged(IN_ARBITRATION) if event.arbitration else order


def arbitrated(order: WorkOrder, event: e.Arbitrated, stamp: Stamp) -> WorkOrder:
    order = move(order, "arbitrate", Status.ASSIGNED).unflagged(IN_ARBITRATION).flagged(ARBITRATED)
    return altered(order, team=event.team, assignee=None, route=None, assigned_at=stamp.occurred_at)


DECIDERS: Deciders = {h.Return: return_, h.Arbitrate: arbitrate}
EVOLVERS: Evolvers = {e.Returned: returned, e.Arbitrated: arbitrated}
