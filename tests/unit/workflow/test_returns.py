"""Giving an order back, and the arbitrator's last word."""

from services.workflow.domain import commands as c
from services.workflow.domain import handling_commands as h
from shared.events.parts import Reason
from shared.kernel.aggregate import Actor
from tests.unit.workflow.builders import (
    ARBITRATOR,
    DISPATCHER,
    EVERYWHERE,
    HANDLER,
    LEADER,
    NOW,
    Order,
    an_order,
    an_undispatched_order,
    entry,
    facts,
    person,
)

NOT_OURS = Reason("not_ours")
RETURN = h.Return(actor=HANDLER, reason=NOT_OURS)
WORD = h.Arbitrate(actor=ARBITRATOR, team="billing", reason=Reason("other", "It is a bill."))


def waiting_for_arbitration() -> Order:
    order = an_order()
    order.does(RETURN)
    order.does(c.Dispatch(actor=DISPATCHER, team="default"))
    order.does(RETURN)
    return order


def test_a_returned_order_waits_for_a_dispatcher_and_not_for_the_same_route() -> None:
    order = an_order().in_progress()
    assert order.does(RETURN) == ["Returned"]
    assert (order.state.status, order.state.team, order.state.assignee) == ("dispatching", None, None)
    assert (order.state.counts["returns"], order.state.flags) == (1, ())
    assert order.does(c.Dispatch(actor=DISPATCHER, team="billing")) == ["Dispatched"]


def test_who_was_not_asked_does_not_return() -> None:
    order, other = an_order().in_progress(), person("other", "handler")
    assert order.refuses(h.Return(actor=other, reason=NOT_OURS)) == "assigned_to_another"
    assert order.refuses(h.Return(actor=LEADER, reason=NOT_OURS)) == "forbidden"


def test_after_the_second_return_only_the_arbitrator_dispatches() -> None:
    order = waiting_for_arbitration()
    assert order.state.flags == ("arbitration",)
    assert order.refuses(c.Dispatch(actor=DISPATCHER, team="default")) == "arbitration_required"
    assert order.does(WORD) == ["Arbitrated"]
    assert (order.state.status, order.state.team, order.state.flags) == ("assigned", "billing", ("arbitrated",))


def test_an_arbitrated_order_is_not_returned_any_more() -> None:
    order = waiting_for_arbitration()
    order.does(WORD)
    assert order.refuses(RETURN) == "arbitrated"
    order.in_progress()
    assert order.refuses(RETURN) == "arbitrated"


def test_the_arbitrator_is_a_dispatcher_who_leads_and_names_a_team_that_can_take_it() -> None:
    order = waiting_for_arbitration()
    assert order.refuses(h.Arbitrate(actor=DISPATCHER, team="billing", reason=NOT_OURS)) == "leader_required"
    assert order.refuses(h.Arbitrate(actor=LEADER, team="billing", reason=NOT_OURS)) == "forbidden"
    assert order.refuses(h.Arbitrate(actor=ARBITRATOR, team="nobody", reason=NOT_OURS)) == "unknown_team"


def test_a_source_registered_for_it_arbitrates_for_its_people() -> None:
    office = Actor("agent", "chief", "/office", frozenset({"source:/office"}), EVERYWHERE, EVERYWHERE)
    order = an_undispatched_order()
    order.facts = facts(
        NOW, entry("team", "default", regions=("*",)), entry("source", "/office", actions=("arbitrate",))
    )
    assert order.does(h.Arbitrate(actor=office, team="default", reason=NOT_OURS)) == ["Arbitrated"]


def test_a_recall_takes_an_arbitrated_order_back_too() -> None:
    order = waiting_for_arbitration()
    order.does(WORD)
    assert order.does(c.Recall(clock_started_at=order.now)) == ["Recalled"]
    assert order.does(c.Dispatch(actor=DISPATCHER, team="default")) == ["Dispatched"]
    assert order.refuses(RETURN) == "arbitrated"
