"""Giving an order to a team or a person: by rule, by a dispatcher (派单), by its owner (转派)."""

from services.workflow.domain.commands import Dispatch, Transfer
from services.workflow.domain.decisions import Result
from services.workflow.domain.reference import Directory
from services.workflow.domain.routing import Routable, routed
from services.workflow.domain.scope import serves
from services.workflow.domain.state import WorkOrder
from shared.events.complaints import Customer
from shared.events.workorders import Dispatched, Transferred
from shared.kernel.aggregate import Facts
from shared.kernel.refusal import Refusal


def initial_route(category: str, customer: Customer, facts: Facts) -> Dispatched | None:
    return routed(Routable(category, customer.region, customer.tier), facts.reference.at(facts.now))


def route_again(order: WorkOrder, facts: Facts) -> Dispatched | None:
    return routed(Routable(order.category, order.region, order.tier), facts.reference.at(facts.now))


def cannot_take(team_id: str, order: WorkOrder, directory: Directory) -> Refusal | None:
    """What speaks against giving the order to that team."""
    team = directory.team(team_id)
    if team is None:
        return Refusal("unknown_team", f"no team {team_id} is in force", pointer="/team")
    if not serves(team.regions, order.region):
        return Refusal("team_out_of_region", f"{team_id} does not serve {order.region}", pointer="/team")
    return None


def dispatch(order: WorkOrder, command: Dispatch, facts: Facts) -> Result:
    refusal = cannot_take(command.team, order, facts.reference.at(facts.now))
    if refusal is not None:
        return refusal
    return [Dispatched(team=command.team, assignee=command.assignee, reason=command.reason)]


def transfer(order: WorkOrder, command: Transfer, facts: Facts) -> Result:
    """转派: to another team, or to another person of the present one."""
    team = command.team or order.team
    if team is None or (command.team is None and command.assignee is None):
        return Refusal("request_invalid", "a team or an assignee is needed", pointer="/team")
    if team == order.team and command.assignee in (None, order.assignee):
        return Refusal("same_assignment", "the order is there already")
    refusal = cannot_take(team, order, facts.reference.at(facts.now))
    if refusal is not None:
        return refusal
    return [
        Transferred(from_team=order.team or "", team=team, assignee=command.assignee, reason=command.reason),
    ]
