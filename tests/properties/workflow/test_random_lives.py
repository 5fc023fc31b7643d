"""Whatever people and systems try, in whatever order: the invariants of a work order hold after every step."""

from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workflow.domain import WORK_ORDERS
from services.workflow.domain import commands as c
from services.workflow.domain.state import WorkOrder
from services.workflow.domain.states import OPEN, Status
from services.workflow.domain.transitions import TRANSITIONS
from shared.events.parts import Reason
from shared.kernel.refusal import Refusal, Unchanged
from tests.unit.workflow.builders import RESOLUTION, Order, a_complaint, person

WHY = Reason("other", "because")
PEOPLE = [person(f"p{n}", "handler", "leader", "reviewer", "callback", "agent", "dispatcher") for n in range(4)]
STAFF = [person(f"s{n}", "handler", "reviewer", "callback") for n in range(3)]
ACTORS = [*PEOPLE, *STAFF, c.Accept().actor]
OUTCOMES = ("satisfied", "dissatisfied", "no_answer", "refused", "wrong_number", "rescheduled")
TEAMS = ("default", "billing", "nobody")

WISHES: dict[str, Any] = {
    "acknowledge": lambda a, _: c.Acknowledge(actor=a, by="agent"),
    "dispatch": lambda a, n: c.Dispatch(actor=a, team=TEAMS[n % 3]),
    "accept": lambda a, _: c.Accept(actor=a),
    "recall": lambda a, _: c.Recall(actor=a),
    "transfer": lambda a, n: c.Transfer(actor=a, team=TEAMS[n % 3], reason=WHY),
    "respond": lambda a, _: c.Respond(actor=a, text="hello"),
    "submit_resolution": lambda a, _: c.SubmitResolution(actor=a, **RESOLUTION),
    "approve": lambda a, _: c.Approve(actor=a),
    "reject": lambda a, _: c.Reject(actor=a, reason=WHY),
    "communicate_decision": lambda a, _: c.CommunicateDecision(actor=a, by="agent"),
    "record_callback": lambda a, n: c.RecordCallback(actor=a, outcome=OUTCOMES[n % 6]),
    "prompt_callback": lambda a, _: c.PromptCallback(actor=a),
    "redispatch": lambda a, n: c.Redispatch(actor=a, team=(*TEAMS, None)[n % 4]),
    "close": lambda a, n: c.Close(actor=a, reason=WHY if n % 2 else None),
    "cancel": lambda a, _: c.Cancel(actor=a, reason=WHY),
    "escalate": lambda a, n: c.Escalate(actor=a, level=n % 4),
    "mark_unreached": lambda a, _: c.MarkUnreached(actor=a, template="answer"),
}
RARE = frozenset({"cancel", "recall", "transfer", "mark_unreached", "escalate"})  # or few lives would get far
TRIES = [(action, actor) for action in WISHES for actor in ACTORS]


@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.integers(0, 2**32))
def test_invariants_hold_in_every_life(seed: int) -> None:
    dice, order = Random(seed), a_complaint()
    while order.state.status in OPEN and order.snapshot.version < 80:
        number = dice.randrange(24)
        order.later(minutes=number)
        before = order.state
        for action, actor in dice.sample(TRIES, len(TRIES)):
            command = WISHES[action](actor, number)
            outcome = order.asked(command)
            if isinstance(outcome, Refusal):
                assert not (outcome.final and before.status in OPEN)
            elif not isinstance(outcome, Unchanged) and (action not in RARE or dice.random() < 0.05):
                order.does(command)
                check(before, order, action)
                break


def check(before: WorkOrder, order: Order, action: str) -> None:
    after = order.state
    assert before.status in OPEN, "a terminal order was changed"
    assert after.status in reachable(before.status), f"{action}: {before.status} -> {after.status}"
    duties = [set(after.handlers), set(after.reviewers), set(after.callback_agents) - {"system"}]
    assert not any(one & other for n, one in enumerate(duties) for other in duties[:n]), "I16"
    if after.status is Status.CLOSED:
        assert "decision_communicated" in after.flags, "I13"
        satisfied = after.satisfaction is not None and after.satisfaction.satisfied
        assert {"satisfied": satisfied, "unreachable": after.attempts_exhausted, "forced": action == "close"}[
            after.closed_as or ""
        ], "I13"
    assert (after.team is None) == (after.status is Status.DISPATCHING) or after.status is Status.CANCELLED, "I11"
    assert after.counts["hops"] <= 5
    assert after.cycle >= before.cycle
    assert after.escalation_level >= before.escalation_level
    stored = msgspec.to_builtins(after, builtin_types=(datetime,))
    assert msgspec.convert(stored, WorkOrder) == after
    assert WORK_ORDERS.index(replace(order.snapshot))["status"] == after.status


def reachable(status: Status) -> set[Status]:
    """Where one decision may lead: compound ones take up to two more steps."""
    found = {status}
    for _ in range(3):
        found |= {
            target for moves in TRANSITIONS.values() for source, targets in moves.items() if source in found
            for target in targets
        }  # fmt: skip
    return found
