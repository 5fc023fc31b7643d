"""What goes out to people goes out once: by the notices that decided it."""

from dataclasses import replace
from typing import Any

import pytest

from services.notifier.domain import NOTICE
from shared.events.notifications import (
    Attempted,
    DeadLettered,
    Deferred,
    Delivered,
    DeliveryEvent,
    Notification,
    RedeliveryRequested,
    Requested,
    Sent,
    Uncertain,
)
from shared.kernel import ids
from shared.kernel.aggregate import SYSTEM, Cause, Decision, Snapshot
from shared.reconcile.effects import Effects
from shared.reconcile.histories import History, Step
from shared.testing.samples import sample
from tests.ballot import NOON

KEY = ("wo_1:0000000002", "", "handler")
NOTICE_ID = ids.derived(ids.NOTICE, *KEY)
STATUS: dict[type[DeliveryEvent], str] = {
    Requested: "pending",
    Attempted: "attempting",
    Deferred: "pending",
    Uncertain: "uncertain",
    Sent: "sent",
    Delivered: "delivered",
    DeadLettered: "dead_lettered",
    RedeliveryRequested: "pending",
}


def an_event(kind: type[DeliveryEvent], attempts: int = 0, delivery: str = "1", **seen: Any) -> DeliveryEvent:
    cause, _, audience = KEY
    given = {
        "id": NOTICE_ID,
        "delivery": delivery,
        "cause": cause,
        "rung": None,
        "audience": audience,
        "status": STATUS[kind],
        "attempts": attempts,
        "recipient_ref": f"person:{delivery}",
    }
    notification = replace(sample(Notification, full=False), **{**given, **seen})
    return replace(sample(kind, full=False), notification=notification)


def a_notice(*events: DeliveryEvent, notice_id: str = NOTICE_ID) -> History:
    snapshot: Snapshot[Any] = Snapshot(notice_id)
    decision = Decision(1, 0, NOON, NOON, SYSTEM, Cause("/test", "1"), events)
    return History(NOTICE, notice_id, [Step(decision, events, snapshot)])


def said(*histories: History) -> list[str]:
    effects = Effects()
    for history in histories:
        effects.see(history)
    assert {one.invariant for one in effects.violations} <= {"I3"}
    return [f"{one.subject.partition('/')[2]} {one.detail}".strip() for one in effects.violations]


def test_a_delivery_that_is_tried_until_it_arrives_is_one_effect() -> None:
    assert (
        said(
            a_notice(
                an_event(Requested),
                an_event(Attempted, 1),
                an_event(Deferred, 1),
                an_event(Attempted, 2),
                an_event(Uncertain, 2),
                an_event(Attempted, 3),
                an_event(Sent, 3),
                an_event(Delivered, 3),
            )
        )
        == []
    )


def test_what_was_given_up_may_be_tried_again_and_may_turn_out_to_have_arrived() -> None:
    given_up = [an_event(Requested), an_event(Attempted, 1), an_event(DeadLettered, 1)]
    again = [an_event(RedeliveryRequested, 1), an_event(Attempted, 2), an_event(Sent, 2)]
    assert said(a_notice(*given_up, *again)) == []
    assert said(a_notice(*given_up, an_event(Sent, 1))) == []


def test_an_inbox_has_its_entry_without_an_attempt() -> None:
    assert said(a_notice(an_event(Delivered, channel="in_app"))) == []


@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ([(Attempted, 1), (Attempted, 2)], "1 was sent while an earlier attempt was open"),
        ([(Attempted, 1), (Sent, 1), (Attempted, 2)], "1 was sent again although it had arrived"),
        ([(Attempted, 1), (Sent, 1), (RedeliveryRequested, 1)], "1 was sent again although it had arrived"),
        ([(Attempted, 1), (Deferred, 1), (Attempted, 1)], "1 attempt 1 follows attempt 1"),
        ([(Attempted, 1), (Sent, 1), (Sent, 1)], "1 was recorded as sent twice"),
        ([(Attempted, 1), (Delivered, 1), (Delivered, 1)], "1 was recorded as delivered twice"),
        ([(Sent, 0)], "1 arrived without an attempt"),
    ],
)
def test_a_second_effect_is_named(events: list[tuple[type[DeliveryEvent], int]], fault: str) -> None:
    told = [an_event(Requested), *(an_event(kind, attempts) for kind, attempts in events)]
    assert said(a_notice(*told)) == [fault]


def test_a_recipient_is_reached_once_by_a_channel() -> None:
    first = an_event(Requested, channel="in_app")
    assert said(a_notice(first, an_event(Requested, delivery="2", recipient_ref="person:1", channel="email"))) == []
    assert said(a_notice(first, an_event(Requested, delivery="2", recipient_ref="person:1", channel="in_app"))) == [
        "2 reaches by in_app whom delivery 1 reaches"
    ]


def test_one_notice_for_a_cause_rung_and_audience() -> None:
    [fault] = said(a_notice(an_event(Requested)), a_notice(an_event(Requested), notice_id="ntc_2"))
    assert fault == f"tells the same audience of the same cause as {NOTICE_ID}"
    assert said(a_notice(an_event(Requested), notice_id="ntc_2")) == [
        "has not the id of its cause, rung and audience"
    ]
