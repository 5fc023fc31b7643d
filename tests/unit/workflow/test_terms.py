"""Priority, category, urging and progress: what may happen to an order while it is open."""

import pytest

from services.workflow.domain import commands as c
from services.workflow.domain import handling_commands as h
from shared.events import workorders as e
from shared.events.parts import Reason
from shared.kernel.aggregate import SYSTEM, Actor
from shared.kernel.refusal import UNCHANGED
from tests.unit.workflow.builders import AGENT, DISPATCHER, HANDLER, LEADER, Order, an_order, person

WHY = Reason("other", "because")


def to_priority(priority: str, by: Actor = LEADER) -> h.ChangePriority:
    return h.ChangePriority(actor=by, priority=priority, reason=WHY)


def urged(order: Order) -> bool:
    outcome = order.asked(h.Urge(actor=AGENT, by="complainant"))
    assert isinstance(outcome, tuple)
    [event] = outcome
    assert isinstance(event, e.Urged)
    assert event.number == order.state.counts["urges"] + 1
    order.does(h.Urge(actor=AGENT, by="complainant"))
    return not event.throttled


@pytest.mark.parametrize("actor", [DISPATCHER, LEADER, SYSTEM])
def test_a_priority_is_changed_once(actor: Actor) -> None:
    order = an_order()
    assert order.asked(to_priority("P1", actor)) == (e.PriorityChanged(former="P3", priority="P1", reason=WHY),)
    order.does(to_priority("P1", actor))
    assert order.state.priority == "P1"
    assert order.asked(to_priority("P1", actor)) is UNCHANGED


def test_people_lower_a_priority_and_rungs_only_raise_it() -> None:
    order = an_order()
    assert order.asked(to_priority("P4", SYSTEM)) is UNCHANGED
    assert order.does(to_priority("P4", LEADER)) == ["PriorityChanged"]
    assert order.refuses(to_priority("P1", HANDLER)) == "forbidden"


def test_an_order_is_classified_anew() -> None:
    order = an_order()
    same = h.Reclassify(actor=DISPATCHER, category="network/outage", reason=WHY)
    assert order.asked(same) is UNCHANGED
    order.does(h.Reclassify(actor=DISPATCHER, category="billing/fee", reason=WHY))
    assert order.state.category == "billing/fee"


def test_urges_are_always_counted_and_passed_on_only_after_half_an_hour() -> None:
    order = an_order()
    assert urged(order)
    assert not urged(order.later(minutes=20))
    assert urged(order.later(minutes=10))
    assert not urged(order.later(minutes=29, seconds=59))
    assert order.state.counts["urges"] == 4


def test_only_who_speaks_for_the_complainant_urges() -> None:
    assert an_order().refuses(h.Urge(actor=HANDLER, by="agent")) == "forbidden"


def test_a_report_of_progress_is_a_response_too() -> None:
    order = an_order().in_progress()
    assert order.refuses(h.ReportProgress(actor=person("x", "handler"), text="soon")) == "not_the_owner"
    assert order.does(h.ReportProgress(actor=HANDLER, text="The cable is ordered.")) == ["ProgressReported"]
    [event] = order.asked(c.Respond(actor=HANDLER, text="Hello"))  # type: ignore[misc]  # events, and not a refusal
    assert isinstance(event, e.Responded)
    assert not event.first
