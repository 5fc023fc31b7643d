"""How a cycle ends: told, called back, closed or handled again (I13)."""

import pytest

from services.workflow.domain import commands as c
from shared.events.parts import Reason
from shared.events.workorders import Closed
from shared.kernel.aggregate import SYSTEM
from shared.kernel.refusal import UNCHANGED
from tests.unit.workflow.builders import (
    AGENT,
    CALLER,
    DISPATCHER,
    LEADER,
    NOW,
    RESOLUTION,
    REVIEWER,
    Order,
    an_order,
    entry,
    facts,
    person,
)

WHY = Reason("other", "because")


def dissatisfied(cycles: int) -> Order:
    order = an_order()
    for _ in range(cycles):
        order.to_call_back().called("dissatisfied")
    return order


def test_satisfied_closes_in_the_same_decision() -> None:
    order = an_order().to_call_back()
    assert order.called("satisfied") == ["CallbackCompleted", "Closed"]
    assert (order.state.status, order.state.closed_as) == ("closed", "satisfied")


def test_I13_satisfied_before_the_answer_went_out_closes_when_it_does() -> None:  # noqa: N802 - named invariant
    order = an_order().to_call_back(communicated=False)
    assert order.called("satisfied") == ["CallbackCompleted"]
    assert order.refuses(c.Close(actor=LEADER, reason=WHY)) == "decision_not_communicated"
    assert order.does(c.CommunicateDecision(by="system")) == ["DecisionCommunicated", "Closed"]


def test_dissatisfied_begins_the_next_cycle_and_routes_it_in_the_same_decision() -> None:
    order = an_order().to_call_back()
    assert order.called("dissatisfied") == ["CallbackCompleted", "Redispatched", "Dispatched"]
    state = order.state
    assert (state.status, state.cycle, state.team, state.assignee) == ("assigned", 2, "default", None)
    assert (state.resolution, state.satisfaction, state.handlers, state.reviewers) == (None, None, (), ())
    assert "decision_communicated" not in state.flags


def test_in_the_next_cycle_without_a_route_the_order_waits_for_a_dispatcher() -> None:
    order = an_order().to_call_back()
    order.facts = facts(NOW, entry("team", "default", regions=("*",)))
    assert order.called("dissatisfied") == ["CallbackCompleted", "Redispatched"]
    assert order.does(c.Dispatch(actor=DISPATCHER, team="default")) == ["Dispatched"]


def test_duties_change_hands_in_the_next_cycle() -> None:
    order = dissatisfied(1)
    assert order.does(c.Accept(actor=person("rolf", "handler"))) == ["Accepted"]


def test_beyond_the_third_cycle_only_a_leader_begins_another() -> None:
    order = dissatisfied(2)
    order.to_call_back()
    assert order.called("dissatisfied") == ["CallbackCompleted"]
    assert order.state.status == "pending_callback"
    assert "waits_for_leader" in order.state.flags
    assert order.refuses(c.Redispatch(actor=CALLER)) == "cycle_limit"
    assert order.refuses(c.RecordCallback(actor=CALLER, outcome="satisfied")) == "callback_completed"
    assert order.does(c.Redispatch(actor=LEADER, team="billing")) == ["Redispatched", "Dispatched"]
    assert (order.state.cycle, order.state.team) == (4, "billing")
    assert "waits_for_leader" not in order.state.flags


@pytest.mark.parametrize("outcome", ["no_answer", "wrong_number"])
def test_I13_the_last_attempt_that_reaches_nobody_closes_with_notice(outcome: str) -> None:  # noqa: N802 - named
    order = an_order().to_call_back()
    assert [order.called("no_answer"), order.called("no_answer")] == [["CallbackAttempted"]] * 2
    decided = order.asked(c.RecordCallback(actor=CALLER, outcome=outcome))
    assert isinstance(decided, tuple)
    assert decided[1] == Closed(outcome="unreachable", notice=True)
    assert order.called(outcome) == ["CallbackAttempted", "Closed"]
    assert order.state.closed_as == "unreachable"


def test_I13_unreachable_waits_for_the_answer_to_go_out() -> None:  # noqa: N802 - named invariant
    order = an_order().to_call_back(communicated=False)
    for _ in range(3):
        order.called("no_answer")
    assert order.refuses(c.RecordCallback(actor=CALLER, outcome="no_answer")) == "callback_attempts_exhausted"
    assert order.refuses(c.PromptCallback()) == "callback_attempts_exhausted"
    assert order.does(c.CommunicateDecision(by="system")) == ["DecisionCommunicated", "Closed"]


def test_an_answer_counts_even_after_the_last_attempt() -> None:
    order = an_order().to_call_back(communicated=False)
    for _ in range(3):
        order.called("no_answer")
    assert order.called("dissatisfied") == ["CallbackCompleted", "Redispatched", "Dispatched"]


def test_who_refuses_to_say_is_not_called_for_ever_and_not_closed_by_silence() -> None:
    order = an_order().to_call_back()
    for _ in range(3):
        assert order.called("refused") == ["CallbackAttempted"]
    assert order.refuses(c.Close(actor=LEADER, notice=False)) == "notice_required"
    assert order.does(c.Close(actor=LEADER)) == ["Closed"]
    assert order.state.closed_as == "unreachable"


def test_the_call_that_was_agreed_on_is_made_beyond_the_limit() -> None:
    order = an_order().to_call_back()
    order.called("no_answer")
    order.called("no_answer")
    assert order.called("rescheduled") == ["CallbackAttempted"]
    assert order.asked(c.PromptCallback()) != UNCHANGED
    assert order.called("no_answer") == ["CallbackAttempted", "Closed"]


def test_attempts_count_from_one_in_every_cycle() -> None:
    order = an_order().to_call_back()
    order.called("no_answer")
    order.called("dissatisfied")
    assert order.to_call_back().state.counts["callback_attempts"] == 0


def test_closing_without_satisfaction_is_a_leaders_and_needs_a_reason() -> None:
    order = an_order().to_call_back()
    assert order.refuses(c.Close()) == "not_satisfied"
    assert order.refuses(c.Close(actor=LEADER)) == "reason_required"
    assert order.does(c.Close(actor=LEADER, reason=WHY)) == ["Closed"]
    assert order.state.closed_as == "forced"


def test_a_leader_who_handled_the_order_may_still_force_it_closed() -> None:
    both = person("lena", "leader", "handler")
    order = an_order().in_review(both)
    order.does(c.Approve(actor=REVIEWER))
    order.does(c.CommunicateDecision(actor=AGENT, by="agent"))
    assert order.does(c.Close(actor=both, reason=WHY)) == ["Closed"]


def test_the_decision_is_communicated_once() -> None:
    order = an_order().to_call_back()
    assert order.asked(c.CommunicateDecision(actor=SYSTEM, by="system")) is UNCHANGED
    assert order.refuses(c.CommunicateDecision(actor=AGENT, by="agent")) == "already_communicated"


def test_the_answer_of_an_earlier_approval_communicates_nothing() -> None:
    order = an_order().to_call_back(communicated=False)
    first = order.snapshot.sequence
    assert order.state.resolution is not None
    assert order.state.resolution.approval == first
    order.called("dissatisfied")
    order.to_call_back(communicated=False)
    assert order.asked(c.CommunicateDecision(by="system", about=first)) is UNCHANGED
    assert order.does(c.CommunicateDecision(by="system", about=order.snapshot.sequence)) == ["DecisionCommunicated"]


def test_a_resolution_is_kept_with_who_wrote_it() -> None:
    resolution = an_order().in_review().state.resolution
    assert resolution is not None
    assert (resolution.handler, resolution.reply_text) == ("hanna", RESOLUTION["reply_text"])
