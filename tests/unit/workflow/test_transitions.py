"""Every action in every status, against expectations written down here a second time, by hand."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.workflow.domain import aftercare_commands as a
from services.workflow.domain import commands as c
from services.workflow.domain import handling_commands as h
from services.workflow.domain.states import OPEN, TERMINAL, Status
from services.workflow.domain.transitions import ACTIONS, NOT_YET_SUPPORTED, TRANSITIONS, IllegalTransition, move
from shared.events.parts import Reason
from shared.kernel.aggregate import SYSTEM
from shared.kernel.refusal import Refusal
from tests.unit.workflow.builders import (
    AGENT,
    ARBITRATOR,
    CALLER,
    DISPATCHER,
    HANDLER,
    LEADER,
    NOW,
    RESOLUTION,
    REVIEWER,
    SUPERVISOR,
    Order,
    an_order,
    an_undispatched_order,
)

ORDERS = {
    "dispatching": lambda: an_undispatched_order(),
    "assigned": lambda: an_order(),
    "in_progress": lambda: an_order().in_progress(),
    "suspended": lambda: an_order().in_progress().suspended(),
    "pending_review": lambda: an_order().in_review(),
    "pending_callback": lambda: an_order().to_call_back(communicated=False),
    "closed": lambda: an_order().closed(),
    "archived": lambda: _done(an_order().closed(), a.Archive()),
    "cancelled": lambda: an_order().cancelled(),
    "merged": lambda: _put(an_order(), Status.MERGED),
    "voided": lambda: _done(an_undispatched_order(), COMMANDS["void"]),
}

BILLING = (a.Participant(team="billing"),)

COMMANDS: dict[str, c.WorkOrderCommand] = {
    "acknowledge": c.Acknowledge(actor=AGENT, by="agent"),
    "dispatch": c.Dispatch(actor=DISPATCHER, team="default"),
    "accept": c.Accept(actor=HANDLER),
    "recall": c.Recall(),
    "transfer": c.Transfer(actor=LEADER, team="billing", reason=Reason("other")),
    "respond": c.Respond(actor=HANDLER, text="We look into it."),
    "report_progress": h.ReportProgress(actor=HANDLER, text="The cable is ordered."),
    "return": h.Return(actor=HANDLER, reason=Reason("not_ours")),
    "arbitrate": h.Arbitrate(actor=ARBITRATOR, team="default", reason=Reason("other")),
    "suspend": h.Suspend(actor=HANDLER, reason_code="site_access", wake_up_at=NOW + timedelta(days=1)),
    "resume": h.Resume(actor=HANDLER),
    "request_extension": h.RequestExtension(
        actor=HANDLER, until=NOW + timedelta(days=9), reason=Reason("weather", "snow")
    ),
    "decide_extension": h.DecideExtension(actor=LEADER, approve=True),
    "urge": h.Urge(actor=AGENT, by="complainant"),
    "change_priority": h.ChangePriority(actor=LEADER, priority="P1", reason=Reason("other")),
    "reclassify": h.Reclassify(actor=LEADER, category="billing/fee", reason=Reason("other")),
    "submit_resolution": c.SubmitResolution(actor=HANDLER, **RESOLUTION),
    "approve": c.Approve(actor=REVIEWER),
    "reject": c.Reject(actor=REVIEWER, reason=Reason("incomplete")),
    "communicate_decision": c.CommunicateDecision(actor=SYSTEM, by="system"),
    "record_callback": c.RecordCallback(actor=CALLER, outcome="no_answer"),
    "prompt_callback": c.PromptCallback(),
    "redispatch": c.Redispatch(actor=CALLER),
    "close": c.Close(actor=LEADER, reason=Reason("other")),
    "cancel": c.Cancel(actor=AGENT, reason=Reason("other")),
    "escalate": c.Escalate(level=1),
    "mark_unreached": c.MarkUnreached(template="answer"),
    "supervise": a.Supervise(actor=SUPERVISOR, demand="Hurry.", due_at=NOW + timedelta(days=1)),
    "answer_supervision": a.AnswerSupervision(actor=LEADER, text="We do."),
    "consult": a.Consult(actor=HANDLER, participants=BILLING, question="Why?", rule="all"),
    "countersign": a.Countersign(actor=HANDLER, participants=BILLING, question="Agreed?", rule="any"),
    "answer_suborder": a.AnswerSubOrder(actor=HANDLER, suborder_id="1", text="Because."),
    "reopen": a.Reopen(actor=AGENT, reason=Reason("not_mended", "It broke again.")),
    "rate": a.Rate(actor=AGENT, satisfied=True),
    "close_survey": a.CloseSurvey(),
    "attribute_liability": a.AttributeLiability(actor=REVIEWER, valid=True, unit="billing", degree="none", text="-"),
    "appeal_liability": a.AppealLiability(actor=LEADER, text="It was not us."),
    "revise_liability": a.ReviseLiability(actor=SUPERVISOR, valid=False, unit="billing", degree="none", text="-"),
    "settle_liability": a.SettleLiability(),
    "void": a.Void(actor=LEADER, reason=Reason("other"), approved_by="another"),
    "archive": a.Archive(),
}

ANY_OPEN = dict.fromkeys(("dispatching", "assigned", "in_progress", "suspended"), "same") | dict.fromkeys(
    ("pending_review", "pending_callback"), "same"
)

# What the action comes to in each status in which it is possible: the status afterwards, or the refusal that is met
# because of what has happened to the order in `ORDERS`, and not because of its status.
POSSIBLE = {
    "acknowledge": ANY_OPEN,
    "dispatch": {"dispatching": "assigned"},
    "accept": {"assigned": "in_progress"},
    "recall": {"assigned": "dispatching"},
    "transfer": {"assigned": "assigned", "in_progress": "assigned"},
    "respond": {"in_progress": "in_progress"},
    "report_progress": {"in_progress": "in_progress"},
    "return": {"assigned": "dispatching", "in_progress": "dispatching"},
    "arbitrate": {"dispatching": "assigned"},
    "suspend": {"in_progress": "suspended"},
    "resume": {"suspended": "in_progress"},
    "request_extension": {"in_progress": "in_progress", "suspended": "suspended"},
    "decide_extension": {"in_progress": "!no_extension_requested", "suspended": "!no_extension_requested"},
    "urge": ANY_OPEN,
    "change_priority": ANY_OPEN,
    "reclassify": ANY_OPEN,
    "submit_resolution": {"in_progress": "pending_review"},
    "approve": {"pending_review": "pending_callback"},
    "reject": {"pending_review": "in_progress"},
    "communicate_decision": {"pending_callback": "pending_callback"},
    "record_callback": {"pending_callback": "pending_callback"},
    "prompt_callback": {"pending_callback": "pending_callback"},
    "redispatch": {"pending_callback": "!not_dissatisfied"},
    "close": {"pending_callback": "!decision_not_communicated"},
    "cancel": dict.fromkeys(("dispatching", "assigned", "in_progress", "suspended"), "cancelled")
    | dict.fromkeys(("pending_review", "pending_callback"), "cancelled"),
    "escalate": ANY_OPEN,
    "mark_unreached": ANY_OPEN,
    "supervise": ANY_OPEN,
    "answer_supervision": dict.fromkeys(ANY_OPEN, "!no_open_demand"),
    "consult": {"in_progress": "in_progress"},
    "countersign": {"in_progress": "in_progress"},
    "answer_suborder": dict.fromkeys(("in_progress", "suspended"), "!no_open_suborder"),
    "reopen": {"closed": "assigned"},  # and routed in the same decision
    "rate": dict.fromkeys(("pending_callback", "closed"), "same"),
    "close_survey": {"closed": "closed"},
    "attribute_liability": dict.fromkeys(("pending_review", "pending_callback", "closed"), "same"),
    "appeal_liability": dict.fromkeys((*ANY_OPEN, "closed"), "!no_liability"),
    "revise_liability": dict.fromkeys((*ANY_OPEN, "closed"), "!no_liability"),
    "settle_liability": dict.fromkeys((*ANY_OPEN, "closed"), "!no_liability"),
    "void": {"dispatching": "voided"},
    "archive": {"closed": "archived"},
}
ENDED = {"closed", "archived", "cancelled", "merged", "voided"}


def _done(order: Order, command: c.WorkOrderCommand) -> Order:
    order.does(command)
    return order


def _put(order: Order, status: Status) -> Order:
    """Into a status that no action of this version leads to."""
    assert order.snapshot.state is not None
    order.snapshot = replace(order.snapshot, state=replace(order.snapshot.state, status=status))
    return order


@pytest.mark.parametrize("action", COMMANDS)
@pytest.mark.parametrize("status", ORDERS)
def test_every_action_in_every_status(status: str, action: str) -> None:
    order = ORDERS[status]()
    assert order.state.status == status
    expected = POSSIBLE[action].get(status)
    if expected is None:
        outcome = order.asked(COMMANDS[action])
        assert isinstance(outcome, Refusal)
        if status in ENDED:
            assert (outcome.code, outcome.final) == ("terminal_status", status != "closed")
        elif action == "accept" and status in ("in_progress", "suspended"):
            assert (outcome.code, outcome.final) == ("already_accepted", False)
        else:
            assert (outcome.code, outcome.final) == ("wrong_status", False)
    elif expected.startswith("!"):
        assert order.refuses(COMMANDS[action]) == expected[1:]
    else:
        order.does(COMMANDS[action])
        assert order.state.status == (status if expected == "same" else expected)


@pytest.mark.parametrize("action", sorted(NOT_YET_SUPPORTED))
@pytest.mark.parametrize("status", ORDERS)
def test_an_action_of_the_contract_that_is_not_there_yet_says_so(status: str, action: str) -> None:
    assert ORDERS[status]().refuses(c.Unsupported(actor=LEADER, wanted=action)) == "not_yet_supported"


def test_the_table_knows_every_action_and_every_status() -> None:
    assert set(COMMANDS) == set(POSSIBLE) == set(TRANSITIONS)
    assert set(ORDERS) == {str(status) for status in Status}
    assert {str(status) for status in TERMINAL} == ENDED
    assert {"override", "correct", "merge", "unmerge"} == ACTIONS - set(TRANSITIONS)


def test_only_open_statuses_can_be_left_and_closed() -> None:
    leavable = {source for moves in TRANSITIONS.values() for source, targets in moves.items() if targets - {source}}
    assert leavable == {*OPEN, Status.CLOSED}


def test_the_door_opens_only_where_the_table_leads() -> None:
    with pytest.raises(IllegalTransition):
        move(an_order().state, "accept", Status.CLOSED)
