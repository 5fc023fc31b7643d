"""Every action in every status, against expectations written down here a second time, by hand."""

from dataclasses import replace

import pytest

from services.workflow.domain import commands as c
from services.workflow.domain.states import OPEN, TERMINAL, Status
from services.workflow.domain.transitions import ACTIONS, NOT_YET_SUPPORTED, TRANSITIONS, IllegalTransition, move
from shared.events.parts import Reason
from shared.kernel.aggregate import SYSTEM
from shared.kernel.refusal import Refusal
from tests.unit.workflow.builders import (
    AGENT,
    CALLER,
    DISPATCHER,
    HANDLER,
    LEADER,
    RESOLUTION,
    REVIEWER,
    Order,
    an_order,
    an_undispatched_order,
)

ORDERS = {
    "dispatching": lambda: an_undispatched_order(),
    "assigned": lambda: an_order(),
    "in_progress": lambda: an_order().in_progress(),
    "suspended": lambda: _put(an_order().in_progress(), Status.SUSPENDED),
    "pending_review": lambda: an_order().in_review(),
    "pending_callback": lambda: an_order().to_call_back(communicated=False),
    "closed": lambda: an_order().closed(),
    "archived": lambda: _put(an_order().closed(), Status.ARCHIVED),
    "cancelled": lambda: an_order().cancelled(),
    "merged": lambda: _put(an_order(), Status.MERGED),
    "voided": lambda: _put(an_order(), Status.VOIDED),
}

COMMANDS: dict[str, c.WorkOrderCommand] = {
    "acknowledge": c.Acknowledge(actor=AGENT, by="agent"),
    "dispatch": c.Dispatch(actor=DISPATCHER, team="default"),
    "accept": c.Accept(actor=HANDLER),
    "recall": c.Recall(),
    "transfer": c.Transfer(actor=LEADER, team="billing", reason=Reason("other")),
    "respond": c.Respond(actor=HANDLER, text="We look into it."),
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
}

# What the action comes to in each status in which it is possible: the status afterwards, or the refusal that is met
# because of what has happened to the order in `ORDERS`, and not because of its status.
POSSIBLE = {
    "acknowledge": dict.fromkeys(("dispatching", "assigned", "in_progress", "suspended"), "same")
    | dict.fromkeys(("pending_review", "pending_callback"), "same"),
    "dispatch": {"dispatching": "assigned"},
    "accept": {"assigned": "in_progress"},
    "recall": {"assigned": "dispatching"},
    "transfer": {"assigned": "assigned", "in_progress": "assigned"},
    "respond": {"in_progress": "in_progress"},
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
    "escalate": dict.fromkeys(("dispatching", "assigned", "in_progress", "suspended"), "same")
    | dict.fromkeys(("pending_review", "pending_callback"), "same"),
    "mark_unreached": dict.fromkeys(("dispatching", "assigned", "in_progress", "suspended"), "same")
    | dict.fromkeys(("pending_review", "pending_callback"), "same"),
}
ENDED = {"closed", "archived", "cancelled", "merged", "voided"}


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
            assert (outcome.code, outcome.final) == ("terminal_status", True)
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
    assert {"return", "suspend", "reopen", "override", "merge", "void"} <= ACTIONS - set(TRANSITIONS)


def test_only_open_statuses_can_be_left() -> None:
    leavable = {source for moves in TRANSITIONS.values() for source, targets in moves.items() if targets - {source}}
    assert leavable == OPEN


def test_the_door_opens_only_where_the_table_leads() -> None:
    with pytest.raises(IllegalTransition):
        move(an_order().state, "accept", Status.CLOSED)
