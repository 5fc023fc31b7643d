"""Dispatching, accepting, handing on, answering."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.workflow.domain import commands as c
from shared.events.parts import Reason
from shared.kernel.aggregate import SYSTEM, Actor
from shared.kernel.refusal import UNCHANGED
from tests.unit.workflow.builders import (
    AGENT,
    CALLER,
    DISPATCHER,
    HANDLER,
    LEADER,
    NOW,
    REGULATOR_CASE,
    RESOLUTION,
    REVIEWER,
    a_complaint,
    an_order,
    an_undispatched_order,
    entry,
    facts,
    person,
)

WHY = Reason("other", "because")


def test_of_two_who_accept_the_second_is_told_who_won() -> None:
    order = an_order().in_progress(HANDLER)
    refusal = order.asked(c.Accept(actor=person("second", "handler")))
    assert refusal == order.asked(c.Accept(actor=HANDLER))
    assert order.refuses(c.Accept(actor=LEADER)) == "already_accepted"


def test_a_named_assignee_or_a_leader_accepts_and_nobody_else() -> None:
    order = an_undispatched_order()
    order.does(c.Dispatch(actor=DISPATCHER, team="default", assignee="hanna"))
    assert order.refuses(c.Accept(actor=person("another", "handler"))) == "assigned_to_another"
    assert isinstance(order.asked(c.Accept(actor=LEADER)), tuple)
    assert order.does(c.Accept(actor=HANDLER)) == ["Accepted"]


def test_a_dispatcher_names_a_team_in_force_that_serves_the_region() -> None:
    order = an_undispatched_order()
    order.facts = facts(NOW, entry("team", "south", regions=("guangdong",)))
    assert order.refuses(c.Dispatch(actor=DISPATCHER, team="nobody")) == "unknown_team"
    assert order.refuses(c.Dispatch(actor=DISPATCHER, team="south")) == "team_out_of_region"


def test_a_recall_takes_back_only_the_assignment_whose_clock_breached() -> None:
    order = an_order()
    started = order.now
    assert order.state.assigned_at == started
    order.later(hours=1).does(c.Transfer(actor=LEADER, team="billing", reason=WHY))
    assert order.refuses(c.Recall(clock_started_at=started)) == "assignment_changed"
    assert order.does(c.Recall(clock_started_at=order.now)) == ["Recalled"]
    assert (order.state.team, order.state.assignee, order.state.counts["recalls"]) == (None, None, 1)


def test_a_transfer_goes_to_another_team_or_another_person() -> None:
    order = an_order().in_progress()
    assert order.refuses(c.Transfer(actor=HANDLER, reason=WHY)) == "request_invalid"
    assert order.refuses(c.Transfer(actor=HANDLER, team="default", reason=WHY)) == "same_assignment"
    assert (
        order.refuses(c.Transfer(actor=person("x", "handler"), team="billing", reason=WHY)) == "assigned_to_another"
    )
    order.does(c.Transfer(actor=HANDLER, assignee="second", reason=WHY))
    assert (order.state.status, order.state.team, order.state.assignee) == ("assigned", "default", "second")


def test_after_five_transfers_the_order_stays() -> None:
    order = an_order()
    for hop in range(5):
        order.does(c.Transfer(actor=LEADER, assignee=f"person-{hop}", reason=WHY))
    assert order.refuses(c.Transfer(actor=LEADER, team="billing", reason=WHY)) == "hop_limit"


def test_only_the_first_response_is_the_first() -> None:
    order = an_order().in_progress()
    events = [order.asked(c.Respond(actor=HANDLER, text="Hello")), order.does(c.Respond(actor=HANDLER, text="Hello"))]
    assert [event.first for event in events[0]] == [True]  # type: ignore[union-attr]  # events, and not a refusal
    again = order.asked(c.Respond(actor=HANDLER, text="Again"))
    assert [event.first for event in again] == [False]  # type: ignore[union-attr]  # likewise


def test_only_the_owner_responds_and_submits() -> None:
    order, other = an_order().in_progress(), person("other", "handler")
    assert order.refuses(c.Respond(actor=other, text="x")) == "not_the_owner"
    assert order.refuses(c.SubmitResolution(actor=other, **RESOLUTION)) == "not_the_owner"


def test_I16_who_handled_does_not_review_and_neither_of_them_calls_back() -> None:  # noqa: N802 - named invariant
    def all_rounder(like: Actor) -> Actor:
        return replace(like, roles=frozenset({"handler", "reviewer", "callback"}))

    order = an_order().in_review()
    assert order.refuses(c.Approve(actor=all_rounder(HANDLER))) == "four_eyes"
    assert order.refuses(c.Reject(actor=all_rounder(HANDLER), reason=WHY)) == "four_eyes"
    order.does(c.Approve(actor=REVIEWER))
    for busy in (HANDLER, REVIEWER):
        assert order.refuses(c.RecordCallback(actor=all_rounder(busy), outcome="satisfied")) == "four_eyes"
    assert order.called("satisfied", CALLER) == ["CallbackCompleted"]


def test_I16_who_rejected_a_review_cannot_handle_the_order_in_that_cycle() -> None:  # noqa: N802 - named invariant
    order = an_order().in_review()
    order.does(c.Reject(actor=REVIEWER, reason=WHY))
    order.does(c.Transfer(actor=LEADER, assignee="rolf", reason=WHY))
    assert order.refuses(c.Accept(actor=person("rolf", "handler"))) == "four_eyes"


def test_a_rejected_resolution_goes_back_to_who_submitted_it() -> None:
    order = an_order().in_review()
    order.does(c.Reject(actor=REVIEWER, reason=WHY))
    assert (order.state.status, order.state.assignee) == ("in_progress", "hanna")
    assert order.does(c.SubmitResolution(actor=HANDLER, **RESOLUTION)) == ["ResolutionSubmitted"]


def test_the_complainant_is_told_once() -> None:
    order = an_order()
    order.does(c.Acknowledge(actor=AGENT, by="agent"))
    assert order.asked(c.Acknowledge(by="system")) is UNCHANGED
    assert order.refuses(c.Acknowledge(actor=AGENT, by="agent")) == "already_acknowledged"


def test_a_regulators_case_is_cancelled_only_with_the_regulators_word() -> None:
    order = an_order(channel="regulator", regulator_case=REGULATOR_CASE)
    assert order.refuses(c.Cancel(actor=AGENT, reason=WHY)) == "regulator_confirmation_required"
    assert order.does(c.Cancel(actor=AGENT, reason=WHY, confirmed_by="MIIT")) == ["Cancelled"]


def test_levels_only_rise() -> None:
    order = an_order()
    order.does(c.Escalate(level=2))
    assert order.asked(c.Escalate(level=2)) is UNCHANGED
    assert order.state.escalation_level == 2


def test_an_order_whose_complainant_nobody_reaches_says_so_once() -> None:
    order = an_order()
    order.does(c.MarkUnreached(template="acknowledgement"))
    assert order.state.flags == ("unreached",)
    assert order.asked(c.MarkUnreached(template="answer")) is UNCHANGED


@pytest.mark.parametrize(
    ("claimed", "accepted"),
    [
        (timedelta(hours=-1), True),  # the very moment of receipt
        (timedelta(hours=-1, milliseconds=-1), False),
        (timedelta(minutes=5), True),
        (timedelta(minutes=5, milliseconds=1), False),
    ],
)
def test_what_a_caller_claims_about_time_has_bounds(claimed: timedelta, accepted: bool) -> None:
    outcome = an_order().asked(c.Accept(actor=HANDLER, occurred_at=NOW + claimed))
    assert isinstance(outcome, tuple) == accepted
    if not accepted:
        assert getattr(outcome, "code", None) == "occurred_at_out_of_bounds"


def test_a_note_goes_with_the_first_event() -> None:
    events = an_order().asked(c.Accept(actor=HANDLER, note="I know this customer"))
    assert [event.note for event in events] == ["I know this customer"]  # type: ignore[union-attr]  # events


@pytest.mark.parametrize(
    ("teams", "regions", "seen"),
    [
        ({"default"}, {"jiangsu"}, True),
        ({"default"}, {"*"}, True),
        ({"*"}, {"jiangsu"}, True),
        ({"billing"}, {"*"}, False),
        ({"*"}, {"guangdong"}, False),
        ({"*"}, {"jiang"}, False),
        ({"*"}, set(), False),
        (set(), {"*"}, False),
    ],
)
def test_an_order_out_of_scope_does_not_exist(teams: set[str], regions: set[str], seen: bool) -> None:
    handler = person("h", "handler", teams=frozenset(teams), regions=frozenset(regions))
    outcome = an_order().asked(c.Accept(actor=handler))
    assert isinstance(outcome, tuple) if seen else getattr(outcome, "code", None) == "not_found"


def test_a_role_without_the_verb_is_refused() -> None:
    assert an_order().refuses(c.Accept(actor=AGENT)) == "forbidden"
    assert an_order().refuses(c.Recall(actor=LEADER)) == "forbidden"
    assert an_order().refuses(c.Cancel(actor=person("root", "admin"), reason=WHY)) == "forbidden"


def test_a_source_may_do_what_it_is_registered_for() -> None:
    def oa(source: str) -> Actor:
        return Actor("agent", "wang", "/oa", frozenset({f"source:{source}"}), frozenset({"*"}), frozenset({"*"}))

    assert an_order().refuses(c.Accept(actor=oa("/unknown"))) == "forbidden"
    assert an_order().refuses(c.Accept(actor=oa(""))) == "forbidden"
    assert an_order().refuses(c.Escalate(actor=oa("/oa"), level=1)) == "forbidden"
    assert an_order().does(c.Accept(actor=oa("/oa"))) == ["Accepted"]


def test_a_command_to_no_order_finds_none() -> None:
    order = a_complaint()
    order.snapshot = replace(order.snapshot, state=None)
    assert order.refuses(c.Accept(actor=HANDLER)) == "not_found"
    assert order.refuses(c.Escalate(actor=SYSTEM, level=1)) == "not_found"
