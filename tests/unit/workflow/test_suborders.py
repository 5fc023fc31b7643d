"""协办/会签: who is asked, how many have to answer, who may, and what waits for it."""

from datetime import timedelta

import pytest

from services.workflow.domain import aftercare_commands as a
from services.workflow.domain import commands as c
from services.workflow.domain import handling_commands as h
from services.workflow.domain.limits import SUBORDERS
from services.workflow.domain.policies import objection
from services.workflow.domain.scope import in_scope
from services.workflow.domain.view import order_fields
from services.workflow.queries import visible
from shared.events.parts import Reason
from shared.events.workorders import SubOrderAnswered
from shared.kernel.aggregate import SYSTEM, Actor
from shared.kernel.refusal import Refusal
from tests.unit.workflow.builders import HANDLER, NOW, RESOLUTION, Order, an_order, entry, facts, person

OURS = person("hanna", "handler", teams=frozenset({"default"}))
BILLER = person("bill", "handler", teams=frozenset({"billing"}))
LINESMAN = person("lin", "handler", teams=frozenset({"lines"}))
BILLING_LEAD = person("bea", "leader", teams=frozenset({"billing"}))
KNOWN = facts(
    NOW,
    entry("team", "default", regions=("*",)),
    entry("team", "billing", regions=("jiangsu",)),
    entry("team", "lines", regions=("*",)),
    entry("team", "south", regions=("guangdong",)),
    entry("route", "catch-all", team="default"),
)


def in_hand() -> Order:
    order = an_order().in_progress()
    order.facts = KNOWN
    return order


def answer(number: int, by: Actor = HANDLER, opinion: str | None = None) -> a.AnswerSubOrder:
    return a.AnswerSubOrder(actor=by, suborder_id=str(number), text="Since Monday.", opinion=opinion)


def consult(*teams: str, rule: str = "all", k: int | None = None, by: Actor = HANDLER) -> a.Consult:
    asked = tuple(a.Participant(team=team) for team in teams)
    return a.Consult(actor=by, participants=asked, question="Since when?", rule=rule, k=k)


def statuses(order: Order) -> list[str]:
    return [one.status for one in order.state.suborders]


def test_one_suborder_for_each_participant_in_one_decision() -> None:
    order = in_hand()
    assert order.asks("billing", "lines") == ["SubOrderOpened"] * 2
    assert order.asks("lines") == ["SubOrderOpened"]
    shown = [(one.id, one.request, one.kind, one.team, one.needed) for one in order.state.suborders]
    assert shown == [
        ("1", 1, "consult", "billing", 2),
        ("2", 1, "consult", "lines", 2),
        ("3", 2, "consult", "lines", 1),
    ]


@pytest.mark.parametrize(("rule", "k", "needed"), [("all", None, 3), ("any", None, 1), ("k", 2, 2)])
def test_once_enough_have_answered_the_others_are_released(rule: str, k: int | None, needed: int) -> None:
    order = in_hand()
    order.asks("billing", "lines", "default", rule=rule, k=k)
    for number in range(1, needed):
        order.does(answer(number))
        assert order.refuses(c.SubmitResolution(actor=HANDLER, **RESOLUTION)) == "open_suborder"
    others = tuple(str(number) for number in range(needed + 1, 4))
    [last] = answered(order, needed)
    assert last.released == others
    order.does(answer(needed))
    assert statuses(order) == ["answered"] * needed + ["released"] * (3 - needed)
    assert order.does(c.SubmitResolution(actor=HANDLER, **RESOLUTION)) == ["ResolutionSubmitted"]


def answered(order: Order, number: int) -> list[SubOrderAnswered]:
    outcome = order.asked(answer(number))
    assert isinstance(outcome, tuple), outcome
    return [event for event in outcome if isinstance(event, SubOrderAnswered)]


@pytest.mark.parametrize(
    ("command", "code", "pointer"),
    [
        (consult("billing", "nobody"), "unknown_team", "/participants/1/team"),
        (consult("south"), "team_out_of_region", "/participants/0/team"),
        (consult("billing", "billing"), "request_invalid", "/participants"),
        (consult("billing", rule="k"), "request_invalid", "/k"),
        (consult("billing", rule="k", k=2), "request_invalid", "/k"),
        (consult("billing", rule="all", k=1), "request_invalid", "/k"),
        (consult("billing", by=person("other", "handler")), "not_the_owner", None),
    ],
)
def test_a_request_that_cannot_be_is_refused_as_a_whole(command: a.Consult, code: str, pointer: str | None) -> None:
    refusal = in_hand().asked(command)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.pointer) == (code, pointer)


def test_an_answer_cannot_be_due_already() -> None:
    asked = (a.Participant(team="billing"),)
    command = a.Consult(actor=HANDLER, participants=asked, question="?", rule="any", due_at=NOW)
    assert in_hand().refuses(command) == "not_in_the_future"


def test_nobody_asks_for_ever() -> None:
    order = in_hand()
    for _ in range(SUBORDERS // 2):
        order.asks("billing", "lines")
    assert order.refuses(consult("billing")) == "suborder_limit"


def test_a_rung_asks_too() -> None:
    assert in_hand().does(consult("billing", by=SYSTEM)) == ["SubOrderOpened"]


def test_a_countersignature_has_an_opinion() -> None:
    order = in_hand()
    order.does(a.Countersign(actor=HANDLER, participants=(a.Participant(team="billing"),), question="?", rule="all"))
    assert order.refuses(answer(1)) == "opinion_required"
    order.does(answer(1, opinion="disagree"))
    assert order.state.suborders[0].opinion == "disagree"


def test_the_team_that_was_asked_sees_the_order_and_answers_and_does_nothing_else() -> None:
    order = in_hand()
    assert order.refuses(answer(1, BILLER)) == "not_found"
    order.asks("billing", "lines")
    assert in_scope(order.state, BILLER)
    assert order.refuses(answer(2, BILLER)) == "not_a_participant"
    assert order.refuses(c.Respond(actor=BILLER, text="hello")) == "forbidden"
    assert order.does(answer(1, BILLER)) == ["SubOrderAnswered"]
    assert order.refuses(answer(1, BILLER)) == "suborder_ended"
    assert order.refuses(answer(7, BILLER)) == "unknown_suborder"
    assert not in_scope(order.state, person("far", "handler", teams=frozenset({"billing"}), regions=frozenset({"x"})))


def test_lists_show_the_order_to_whom_it_shows_itself() -> None:
    order = in_hand()
    order.asks("lines", "billing")
    assert order_fields(order.snapshot)["involved"] == ["billing", "lines"]
    assert visible(BILLER) == [{"$or": [{"team": {"$in": [None, "billing"]}}, {"involved": {"$in": ["billing"]}}]}]


def test_what_the_asked_team_may_do_is_told_beforehand() -> None:
    order = in_hand()
    order.asks("billing")
    may = {action for action in ("answer_suborder", "respond", "transfer", "return", "accept")}
    allowed = {action for action in may if objection(action, order.state, BILLER, KNOWN) is None}
    assert allowed == {"answer_suborder"}


def test_of_a_named_person_that_person_or_a_leader_answers() -> None:
    order = in_hand()
    named = (a.Participant(team="billing", assignee="barbara"), a.Participant(team="billing", assignee="bill"))
    order.does(a.Consult(actor=HANDLER, participants=named, question="?", rule="all"))
    assert order.refuses(answer(1, BILLER)) == "assigned_to_another"
    assert order.does(answer(2, BILLER)) == ["SubOrderAnswered"]
    assert order.does(answer(1, BILLING_LEAD)) == ["SubOrderAnswered"]


def test_help_goes_on_while_the_order_is_suspended_and_after_a_transfer() -> None:
    order = in_hand()
    order.asks("billing", "lines")
    order.suspended().does(answer(1, BILLER))
    order.does(h.Resume(actor=HANDLER))
    order.does(c.Transfer(actor=HANDLER, team="lines", reason=Reason("other")))
    assert order.refuses(answer(2, LINESMAN)) == "wrong_status"
    order.later(hours=1).does(c.Accept(actor=LINESMAN))
    assert order.does(answer(2, LINESMAN)) == ["SubOrderAnswered"]


def test_numbers_go_on_in_the_next_cycle() -> None:
    order = in_hand()
    order.asks("billing")
    order.does(answer(1))
    order.does(c.SubmitResolution(actor=HANDLER, **RESOLUTION))
    order.does(c.Reject(actor=person("rolf", "reviewer"), reason=Reason("incomplete")))
    order.asks("lines")
    assert [(one.id, one.request) for one in order.state.suborders] == [("1", 1), ("2", 2)]
    assert order.now - NOW < timedelta(days=1)
