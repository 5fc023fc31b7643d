"""Suspending and waking up."""

from datetime import timedelta

import pytest

from services.workflow.domain import commands as c
from services.workflow.domain import handling_commands as h
from services.workflow.domain.suspension import REASONS
from shared.events.parts import Reason
from shared.kernel.aggregate import SYSTEM
from shared.kernel.refusal import Refusal
from tests.unit.workflow.builders import HANDLER, LEADER, NOW, Order, an_order, person


def asked_to_rest(hours: float, by: object = HANDLER, reason: str = "site_access", **more: object) -> h.Suspend:
    given = {"actor": by, "reason_code": reason, "wake_up_at": NOW + timedelta(hours=hours), **more}
    return h.Suspend(**given)  # type: ignore[arg-type]  # the fields, given by name


def in_hand() -> Order:
    return an_order().in_progress()


def test_a_suspended_order_rests_until_it_is_resumed() -> None:
    order = in_hand()
    assert order.does(asked_to_rest(24)) == ["Suspended"]
    assert order.state.suspension is not None
    assert (order.state.status, order.state.assignee) == ("suspended", "hanna")
    assert (order.state.suspension.reason, order.state.suspension.wake_up_at) == (
        "site_access",
        NOW + timedelta(hours=24),
    )
    assert order.later(hours=2).does(h.Resume(actor=HANDLER)) == ["Resumed"]
    assert order.state.status == "in_progress"
    assert order.state.suspension is None


def test_only_reasons_from_the_list_suspend_and_the_refusal_names_them() -> None:
    refusal = in_hand().asked(asked_to_rest(24, reason="boredom"))
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.pointer) == ("unknown_reason", "/reason_code")
    assert all(reason in refusal.detail for reason in REASONS)


def test_force_majeure_has_to_be_shown() -> None:
    assert in_hand().refuses(asked_to_rest(24, reason="force_majeure")) == "evidence_required"
    shown = asked_to_rest(24, reason="force_majeure", evidence="Typhoon warning of 2 March")
    assert in_hand().does(shown) == ["Suspended"]


@pytest.mark.parametrize(
    ("hours", "by_handler", "by_leader"),
    [
        (0, "not_in_the_future", "not_in_the_future"),
        (0.001, "", ""),
        (72, "", ""),
        (72.001, "above_suspension_cap", ""),
        (30 * 24, "above_suspension_cap", ""),
        (30 * 24 + 0.001, "suspension_too_long", "suspension_too_long"),
    ],
)
def test_how_long_an_order_may_rest_depends_on_who_says_so(hours: float, by_handler: str, by_leader: str) -> None:
    for actor, expected in ((HANDLER, by_handler), (LEADER, by_leader)):
        outcome = in_hand().asked(asked_to_rest(hours, by=actor))
        assert getattr(outcome, "code", "") == expected


def test_an_earlier_beginning_makes_the_suspension_longer() -> None:
    order = in_hand().later(hours=1)
    assert order.refuses(asked_to_rest(72.5, occurred_at=NOW)) == "above_suspension_cap"
    assert order.does(asked_to_rest(72.5)) == ["Suspended"]


def test_the_owner_a_leader_and_the_timer_resume() -> None:
    other = person("other", "handler")
    assert in_hand().refuses(asked_to_rest(24, by=other)) == "not_the_owner"
    assert in_hand().suspended().refuses(h.Resume(actor=other)) == "not_the_owner"
    for actor in (HANDLER, LEADER, SYSTEM):
        assert in_hand().suspended().does(h.Resume(actor=actor)) == ["Resumed"]


def test_a_timer_of_an_earlier_suspension_does_not_wake_a_later_one() -> None:
    order = in_hand().suspended()
    first = order.now
    order.later(hours=1).does(h.Resume(actor=HANDLER))
    order.later(hours=1).suspended()
    assert order.refuses(h.Resume(clock_started_at=first)) == "suspension_changed"
    assert order.does(h.Resume(clock_started_at=order.now)) == ["Resumed"]


def test_an_order_that_ends_while_it_rests_rests_no_more() -> None:
    order = in_hand().suspended().cancelled()
    assert order.state.status == "cancelled"
    assert order.state.suspension is None
    assert order.refuses(h.Resume()) == "terminal_status"


def test_nobody_works_on_a_suspended_order() -> None:
    order = in_hand().suspended()
    assert order.refuses(c.Respond(actor=HANDLER, text="Hello")) == "wrong_status"
    assert order.refuses(h.Return(actor=HANDLER, reason=Reason("not_ours"))) == "wrong_status"
