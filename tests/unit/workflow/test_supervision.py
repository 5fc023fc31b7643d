"""督办: who demands, what a demand is, how demands are answered, and what becomes of them at the end."""

from datetime import timedelta

from services.workflow.domain import aftercare_commands as a
from services.workflow.domain.limits import DEMANDS
from shared.events.workorders import Supervised, SupervisionAnswered
from shared.kernel.aggregate import SYSTEM, Actor
from tests.unit.workflow.builders import (
    AGENT,
    HANDLER,
    LEADER,
    NOW,
    REGULATOR_CASE,
    SUPERVISOR,
    Order,
    an_order,
    an_undispatched_order,
    person,
)

TOMORROW = NOW + timedelta(days=1)


def demand(by: Actor = SUPERVISOR) -> a.Supervise:
    return a.Supervise(actor=by, demand="An answer by tomorrow.", due_at=TOMORROW)


def answer(by: Actor = HANDLER) -> a.AnswerSupervision:
    return a.AnswerSupervision(actor=by, text="The cable is ordered.")


def statuses(order: Order) -> list[str]:
    return [one.status for one in order.state.demands]


def test_demands_are_numbered_and_one_answer_answers_all_that_are_open() -> None:
    order = an_order().in_progress()
    order.does(demand())
    order.does(answer())
    for number in (2, 3):
        assert order.asked(demand(SYSTEM)) == (
            Supervised(number=number, demand="An answer by tomorrow.", due_at=TOMORROW),
        )
        order.does(demand(SYSTEM))
    assert order.asked(answer()) == (SupervisionAnswered(numbers=(2, 3), text="The cable is ordered."),)
    order.does(answer())
    assert statuses(order) == ["answered"] * 3
    assert "supervised" in order.state.flags
    assert order.refuses(answer()) == "no_open_demand"


def test_a_demand_has_a_deadline_that_lies_ahead() -> None:
    order = an_order()
    assert order.refuses(a.Supervise(actor=SUPERVISOR, demand="now", due_at=NOW)) == "not_in_the_future"


def test_an_agent_demands_only_in_the_regulators_name() -> None:
    assert an_order().refuses(demand(AGENT)) == "no_regulator_case"
    assert an_order(regulator_case=REGULATOR_CASE).does(demand(AGENT)) == ["Supervised"]
    assert an_order().does(demand(person("both", "agent", "supervisor"))) == ["Supervised"]
    assert an_order().refuses(demand(LEADER)) == "forbidden"


def test_the_owner_or_a_leader_answers_and_before_there_is_an_owner_a_leader() -> None:
    order = an_undispatched_order()
    order.does(demand())
    assert order.refuses(answer()) == "not_the_owner"
    assert order.does(answer(LEADER)) == ["SupervisionAnswered"]


def test_nobody_demands_for_ever() -> None:
    order = an_order()
    for _ in range(DEMANDS):
        order.does(demand())
    assert order.refuses(demand()) == "demand_limit"


def test_demands_outlive_the_cycle_and_lapse_when_the_order_closes() -> None:
    order = an_order().to_call_back()
    order.does(demand())
    order.called("dissatisfied")
    assert statuses(order) == ["open"]
    order.closed()
    assert statuses(order) == ["lapsed"]
    order.reopened().does(demand())
    assert [one.number for one in order.state.demands] == [1, 2]
