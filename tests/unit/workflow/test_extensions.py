"""Asking for a later promise, and deciding on it."""

from dataclasses import replace
from datetime import timedelta

from services.workflow.domain import handling_commands as h
from shared.events import workorders as e
from shared.events.parts import Reason
from shared.kernel.aggregate import SYSTEM
from tests.unit.workflow.builders import HANDLER, LEADER, NOW, Order, an_order, person

WEATHER = Reason("weather", "snow on the mast")


def request(days: float = 3) -> h.RequestExtension:
    return h.RequestExtension(actor=HANDLER, until=NOW + timedelta(days=days), reason=WEATHER)


def requested(days: float = 3) -> Order:
    order = an_order().in_progress()
    order.does(request(days))
    return order


def status_of(order: Order) -> str:
    assert order.state.extension is not None
    return order.state.extension.status


def test_a_leader_grants_what_the_handler_asked_for() -> None:
    order = requested()
    assert status_of(order) == "requested"
    outcome = order.asked(h.DecideExtension(actor=LEADER, approve=True, text="It snows."))
    assert outcome == (
        e.ExtensionDecided(
            approved=True,
            until=NOW + timedelta(days=3),
            reason=WEATHER,
            requested_by="hanna",
            decided_by="lena",
            text="It snows.",
        ),
    )
    order.does(h.DecideExtension(actor=LEADER, approve=True))
    assert status_of(order) == "approved"
    assert order.refuses(h.DecideExtension(actor=LEADER, approve=False)) == "no_extension_requested"


def test_nobody_decides_on_their_own_request() -> None:
    order = an_order().in_progress(by=replace(HANDLER, roles=frozenset({"handler", "leader"})))
    order.does(request())
    for approve in (True, False):
        own = h.DecideExtension(actor=replace(LEADER, id="hanna"), approve=approve)
        assert order.refuses(own) == "own_request"


def test_one_request_at_a_time_and_the_next_after_its_decision() -> None:
    order = requested()
    assert order.refuses(request(5)) == "extension_pending"
    order.does(h.DecideExtension(actor=LEADER, approve=False))
    assert status_of(order) == "rejected"
    assert order.does(request(5)) == ["ExtensionRequested"]


def test_a_timer_lets_a_request_lapse_and_grants_nothing() -> None:
    order = requested()
    assert order.refuses(h.DecideExtension(actor=SYSTEM, approve=True)) == "leader_required"
    assert order.does(h.DecideExtension(actor=SYSTEM, approve=False)) == ["ExtensionDecided"]
    assert status_of(order) == "rejected"


def test_a_timer_of_an_earlier_request_leaves_a_later_one_open() -> None:
    order = requested()
    first = order.now
    order.later(hours=1).does(h.DecideExtension(actor=LEADER, approve=False))
    order.does(request(5))
    assert order.refuses(h.DecideExtension(approve=False, clock_started_at=first)) == "extension_changed"
    assert order.does(h.DecideExtension(approve=False, clock_started_at=order.now)) == ["ExtensionDecided"]


def test_only_a_time_to_come_is_asked_for_and_granted() -> None:
    order = an_order().in_progress()
    assert order.refuses(request(0)) == "not_in_the_future"
    order.does(request(1))
    order.later(days=1)
    assert order.refuses(h.DecideExtension(actor=LEADER, approve=True)) == "not_in_the_future"
    assert order.does(request(2)) == ["ExtensionRequested"]


def test_only_the_owner_asks_also_while_the_order_rests() -> None:
    order = an_order().in_progress().suspended()
    other = h.RequestExtension(actor=person("o", "handler"), until=NOW + timedelta(days=3), reason=WEATHER)
    assert order.refuses(other) == "not_the_owner"
    assert order.does(request()) == ["ExtensionRequested"]
    assert order.does(h.DecideExtension(actor=LEADER, approve=True)) == ["ExtensionDecided"]
    assert order.state.status == "suspended"
