"""Whatever people and systems try, in whatever order: the invariants of a work order hold after every step."""

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workflow.domain import WORK_ORDERS
from services.workflow.domain import aftercare_commands as care
from services.workflow.domain import commands as c
from services.workflow.domain import handling_commands as h
from services.workflow.domain.limits import REOPENINGS, RETURNS
from services.workflow.domain.state import WorkOrder
from services.workflow.domain.states import OPEN, Status
from services.workflow.domain.transitions import ABSORBING, TRANSITIONS
from shared.events.parts import Reason
from shared.kernel.refusal import Refusal, Unchanged
from tests.unit.workflow.builders import NOW, RESOLUTION, Order, a_complaint, person

WHY = Reason("other", "because")
PEOPLE = [person(f"p{n}", "handler", "leader", "reviewer", "callback", "agent", "dispatcher") for n in range(4)]
STAFF = [person(f"s{n}", "handler", "reviewer", "callback") for n in range(3)]
ACTORS = [*PEOPLE, *STAFF, c.Accept().actor]
OUTCOMES = ("satisfied", "dissatisfied", "no_answer", "refused", "wrong_number", "rescheduled")
DAY = timedelta(days=1)
SUSPENSIONS = ("waiting_complainant", "complainant_unreachable", "force_majeure", "boredom")
TEAMS = ("default", "billing", "nobody")

RULES = ("all", "any")


def asked(number: int) -> tuple[care.Participant, ...]:
    return tuple(care.Participant(team=team, assignee=f"p{number % 4}") for team in TEAMS[: number % 2 + 1])


WISHES: dict[str, Any] = {
    "acknowledge": lambda a, _: c.Acknowledge(actor=a, by="agent"),
    "dispatch": lambda a, n: c.Dispatch(actor=a, team=TEAMS[n % 3]),
    "accept": lambda a, _: c.Accept(actor=a),
    "recall": lambda a, _: c.Recall(actor=a),
    "transfer": lambda a, n: c.Transfer(actor=a, team=TEAMS[n % 3], reason=WHY),
    "respond": lambda a, _: c.Respond(actor=a, text="hello"),
    "report_progress": lambda a, _: h.ReportProgress(actor=a, text="soon"),
    "return": lambda a, _: h.Return(actor=a, reason=WHY),
    "arbitrate": lambda a, n: h.Arbitrate(actor=a, team=TEAMS[n % 3], reason=WHY),
    "suspend": lambda a, n: h.Suspend(actor=a, reason_code=SUSPENSIONS[n % 4], wake_up_at=NOW + n * DAY),
    "resume": lambda a, _: h.Resume(actor=a),
    "request_extension": lambda a, n: h.RequestExtension(actor=a, until=NOW + n * DAY, reason=WHY),
    "decide_extension": lambda a, n: h.DecideExtension(actor=a, approve=bool(n % 2)),
    "urge": lambda a, _: h.Urge(actor=a, by="complainant"),
    "change_priority": lambda a, n: h.ChangePriority(actor=a, priority=f"P{n % 4 + 1}", reason=WHY),
    "reclassify": lambda a, n: h.Reclassify(actor=a, category=("network/outage", "billing")[n % 2], reason=WHY),
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
    "supervise": lambda a, n: care.Supervise(actor=a, demand="hurry", due_at=NOW + n * DAY),
    "answer_supervision": lambda a, _: care.AnswerSupervision(actor=a, text="yes"),
    "consult": lambda a, n: care.Consult(actor=a, participants=asked(n), question="?", rule=RULES[n % 2]),
    "countersign": lambda a, n: care.Countersign(actor=a, participants=asked(n), question="?", rule="k", k=2),
    "answer_suborder": lambda a, n: care.AnswerSubOrder(
        actor=a, suborder_id=str(n % 6 + 1), text="!", opinion="agree"
    ),
    "reopen": lambda a, _: care.Reopen(actor=a, reason=WHY),
    "rate": lambda a, n: care.Rate(actor=a, satisfied=bool(n % 2)),
    "close_survey": lambda a, _: care.CloseSurvey(actor=a),
    "attribute_liability": lambda a, n: care.AttributeLiability(
        actor=a, valid=True, unit=TEAMS[n % 3], degree="primary", text="they"
    ),
    "appeal_liability": lambda a, _: care.AppealLiability(actor=a, text="not we"),
    "revise_liability": lambda a, n: care.ReviseLiability(
        actor=a, valid=False, unit=TEAMS[n % 3], degree="none", text="nobody"
    ),
    "settle_liability": lambda a, _: care.SettleLiability(actor=a),
    "void": lambda a, _: care.Void(actor=a, reason=WHY, approved_by="p1"),
    "archive": lambda a, _: care.Archive(actor=a),
}
RARE = frozenset(  # or few lives would get far
    {
        *("cancel", "recall", "transfer", "mark_unreached", "escalate", "report_progress", "return", "suspend"),
        *("request_extension", "decide_extension", "urge", "change_priority", "reclassify", "void", "archive"),
        *("supervise", "answer_supervision", "consult", "countersign", "close_survey"),
    }
)
TRIES = [(action, actor) for action in WISHES for actor in ACTORS]


@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.integers(0, 2**32))
def test_invariants_hold_in_every_life(seed: int) -> None:
    dice, order = Random(seed), a_complaint()
    while order.state.status not in ABSORBING and order.snapshot.version < 80:
        number = dice.randrange(24)
        order.later(minutes=number)
        before = order.state
        for action, actor in dice.sample(TRIES, len(TRIES)):
            command = WISHES[action](actor, number)
            outcome = order.asked(command)
            if isinstance(outcome, Refusal):
                assert not outcome.final
            elif not isinstance(outcome, Unchanged) and (action not in RARE or dice.random() < 0.05):
                order.does(command)
                check(before, order, action)
                break


def check(before: WorkOrder, order: Order, action: str) -> None:
    after = order.state
    assert before.status not in ABSORBING, "an order that has ended for good was changed"
    check_aftercare(before, after)
    assert after.status in reachable(before.status), f"{action}: {before.status} -> {after.status}"
    duties = [set(after.handlers), set(after.reviewers), set(after.callback_agents) - {"system"}]
    assert not any(one & other for n, one in enumerate(duties) for other in duties[:n]), "I16"
    if after.status is Status.CLOSED is not before.status:
        assert "decision_communicated" in after.flags, "I13"
        satisfied = after.satisfaction is not None and after.satisfaction.satisfied
        assert {"satisfied": satisfied, "unreachable": after.attempts_exhausted, "forced": action == "close"}[
            after.closed_as or ""
        ], "I13"
    if after.status not in (Status.CANCELLED, Status.VOIDED):
        assert (after.team is None) == (after.status is Status.DISPATCHING), "I11"
    assert after.counts["hops"] <= 5
    assert after.counts["returns"] <= RETURNS
    assert (after.suspension is not None) == (after.status is Status.SUSPENDED)
    assert after.status is Status.DISPATCHING or "arbitration" not in after.flags
    assert after.cycle >= before.cycle
    assert after.escalation_level >= before.escalation_level
    stored = msgspec.to_builtins(after, builtin_types=(datetime,))
    assert msgspec.convert(stored, WorkOrder) == after
    assert WORK_ORDERS.index(replace(order.snapshot))["status"] == after.status


def check_aftercare(before: WorkOrder, after: WorkOrder) -> None:
    assert [one.number for one in after.demands] == list(range(1, len(after.demands) + 1))
    assert [one.id for one in after.suborders] == [str(n) for n in range(1, len(after.suborders) + 1)]
    for request in {one.request for one in after.suborders}:
        of_it = [one for one in after.suborders if one.request == request]
        answers = sum(one.status == "answered" for one in of_it)
        assert answers <= of_it[0].needed
        assert (answers == of_it[0].needed) == all(one.status != "open" for one in of_it)
    if after.status in (Status.PENDING_REVIEW, Status.PENDING_CALLBACK, Status.CLOSED, Status.ARCHIVED):
        assert after.waits_for == ()
    if after.status in (Status.CLOSED, Status.ARCHIVED):
        assert all(one.status != "open" for one in after.demands)
    if after.status is Status.ARCHIVED:
        assert after.liability is None or after.liability.status in ("settled", "revised")
    assert after.counts["reopenings"] <= REOPENINGS
    if before.status is Status.CLOSED and after.status in OPEN:
        assert after.counts["reopenings"] == before.counts["reopenings"] + 1
        assert (after.cycle, after.rating, after.closed_at) == (before.cycle + 1, None, None)


def reachable(status: Status) -> set[Status]:
    """Where one decision may lead: compound ones take up to two more steps."""
    found = {status}
    for _ in range(3):
        found |= {
            target for moves in TRANSITIONS.values() for source, targets in moves.items() if source in found
            for target in targets
        }  # fmt: skip
    return found
