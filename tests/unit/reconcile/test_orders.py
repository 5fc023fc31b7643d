"""Complaints, orders and clocks that belong together, each as its own service published it."""

from dataclasses import replace
from typing import Any

import pytest

from services.escalation.domain import CLOCK_SETS
from services.intake.domain import COMPLAINT
from services.workflow.domain import WORK_ORDERS
from shared.events.complaints import Received
from shared.events.parts import ClockChange, WorkOrderView
from shared.events.sla import ClocksChanged
from shared.events.workorders import Accepted, Closed, Created, ReviewApproved
from shared.kernel.aggregate import SYSTEM, AggregateType, Cause, Decision, Event, Snapshot
from shared.reconcile.histories import History, Step
from shared.reconcile.orders import Orders
from shared.testing.samples import sample
from tests.ballot import NOON

ORDER, COMPLAINT_ID, CLOCKS = "wo_1", "cmp_1", "clk_1"


def a_history(kind: AggregateType[Any], aggregate_id: str, *events: Event, heard: int = 0) -> History:
    """One decision with all the events; its state is the newest event, which is all that these views look at."""
    decision = Decision(1, 0, NOON, NOON, SYSTEM, Cause("/test", "1"), events)
    marks = {"workorders>clock_set": heard} if heard else {}
    snapshot: Snapshot[Any] = Snapshot(aggregate_id, events[-1], 1, len(events), NOON, marks=marks)
    return History(kind, aggregate_id, [Step(decision, events, snapshot)])


def an_order(
    status: str = "in_progress", team: str | None = "default", *more: Event, complaint: str = COMPLAINT_ID
) -> History:
    view = replace(sample(WorkOrderView, full=False), status=status, team=team, assignee=None)
    kind = replace(WORK_ORDERS, view=lambda state, decision: view)
    return a_history(kind, ORDER, replace(sample(Created, full=False), complaint_id=complaint), *more)


def a_complaint() -> History:
    return a_history(COMPLAINT, COMPLAINT_ID, replace(sample(Received, full=False), work_order_id=ORDER))


def clocks(*kinds: str, heard: int = 1) -> History:
    running = [
        replace(sample(ClockChange, full=False), id=f"{ORDER}/{number}", kind=kind, state="running")
        for number, kind in enumerate(kinds, start=1)
    ]
    changed = ClocksChanged(work_order_id=ORDER, cycle=1, clocks=tuple(running), region="r")
    return a_history(CLOCK_SETS, CLOCKS, changed, heard=heard)


def said(*histories: History, waits: bool = False) -> list[str]:
    orders = Orders()
    for history in histories:
        orders.see(history)
    found = [*orders.violations, *orders.without_order(lambda *_: waits), *orders.unattended()]
    return [f"{one.invariant} {one.subject} {one.detail}" for one in found]


def test_one_complaint_one_order_one_running_clock() -> None:
    assert said(a_complaint(), an_order(), clocks("resolve")) == []


def test_a_complaint_without_an_order_is_named_unless_its_record_waits() -> None:
    assert said(a_complaint()) == ["I1 cmp_1 has no work order"]
    assert said(a_complaint(), waits=True) == []


def test_a_complaint_has_one_order_only_and_an_order_a_complaint() -> None:
    created = replace(sample(Created, full=False), complaint_id=COMPLAINT_ID)
    twice = a_history(replace(WORK_ORDERS, view=None), "wo_2", created)
    assert said(a_complaint(), an_order(), twice, clocks("resolve")) == ["I1 cmp_1 has 2 work orders"]
    assert said(an_order(), clocks("resolve")) == ["I1 cmp_1 has a work order and was never received"]


def test_somebody_or_a_queue_has_every_open_order() -> None:
    assert said(a_complaint(), an_order("assigned", team=None), clocks("accept")) == [
        "I11 wo_1 is assigned and nobody has it"
    ]
    assert said(a_complaint(), an_order("dispatching", team=None), clocks("dispatch")) == []


def test_an_open_order_has_a_running_clock_and_an_alarm_is_none() -> None:
    assert said(a_complaint(), an_order(), clocks()) == ["I11 wo_1 is in_progress and no clock of it runs"]
    assert said(a_complaint(), an_order(), clocks("alarm.wake_up")) == [
        "I11 wo_1 is in_progress and no clock of it runs"
    ]


@pytest.mark.parametrize("status", ["closed", "archived", "cancelled", "voided"])
def test_no_clock_runs_once_the_order_has_ended(status: str) -> None:
    ended = an_order(status)
    assert said(a_complaint(), ended, clocks("resolve")) == [f"I11 wo_1 is {status} and clocks run: wo_1/1"]
    assert said(a_complaint(), ended, clocks("alarm.archive")) == []


def test_a_person_with_two_duties_is_named() -> None:
    handled, reviewed = Accepted(assignee="hanna"), ReviewApproved(reviewer="hanna", reply_text="-")
    assert said(a_complaint(), an_order("in_progress", "default", handled, reviewed), clocks("resolve", heard=3)) == [
        "I16 wo_1 one person is among the handlers and the reviewers of a cycle"
    ]


def test_clocks_that_have_not_heard_everything_are_not_judged() -> None:
    assert said(a_complaint(), an_order(), clocks(heard=2)) == []


def test_an_order_that_closed_with_its_loop_open_is_named() -> None:
    closed = an_order("closed", "default", Closed(outcome="satisfied"))
    assert said(a_complaint(), closed, clocks()) == [
        "I13 wo_1 closed before the decision was communicated",
        "I13 wo_1 closed as satisfied without what that takes",
    ]
