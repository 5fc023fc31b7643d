"""督办: demands from above, each with a number and a deadline of its own, and the answer to all that are open."""

from dataclasses import replace

from services.workflow.domain import aftercare_commands as a
from services.workflow.domain.decisions import Deciders, Evolvers, Result
from services.workflow.domain.limits import DEMANDS
from services.workflow.domain.state import SUPERVISED, WorkOrder
from services.workflow.domain.subresources import ANSWERED, LAPSED, OPEN, Demand
from services.workflow.domain.transitions import move
from shared.events import workorders as e
from shared.kernel.aggregate import Facts, Stamp
from shared.kernel.alteration import altered
from shared.kernel.refusal import Refusal


def supervise(order: WorkOrder, command: a.Supervise, facts: Facts) -> Result:
    if command.due_at <= facts.now:
        return Refusal("not_in_the_future", "nobody could answer by then", pointer="/due_at")
    if len(order.demands) >= DEMANDS:
        return Refusal("demand_limit", f"{DEMANDS} were made")
    return [e.Supervised(number=len(order.demands) + 1, demand=command.demand, due_at=command.due_at)]


def answer_supervision(order: WorkOrder, command: a.AnswerSupervision, _facts: Facts) -> Result:
    numbers = tuple(demand.number for demand in order.demands if demand.status == OPEN)
    return [e.SupervisionAnswered(numbers=numbers, text=command.text)]


def supervised(order: WorkOrder, event: e.Supervised, _stamp: Stamp) -> WorkOrder:
    demand = Demand(number=event.number, demand=event.demand, due_at=event.due_at)
    return altered(move(order, "supervise", order.status), demands=(*order.demands, demand)).flagged(SUPERVISED)


def supervision_answered(order: WorkOrder, event: e.SupervisionAnswered, _stamp: Stamp) -> WorkOrder:
    answered = (
        replace(demand, status=ANSWERED) if demand.number in event.numbers else demand for demand in order.demands
    )
    return altered(move(order, "answer_supervision", order.status), demands=tuple(answered))


def lapsed(demands: tuple[Demand, ...]) -> tuple[Demand, ...]:
    return tuple(replace(demand, status=LAPSED) if demand.status == OPEN else demand for demand in demands)


DECIDERS: Deciders = {a.Supervise: supervise, a.AnswerSupervision: answer_supervision}
EVOLVERS: Evolvers = {e.Supervised: supervised, e.SupervisionAnswered: supervision_answered}
