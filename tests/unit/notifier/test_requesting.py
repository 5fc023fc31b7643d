"""Who is told, how, and with which words."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.notifier.domain.commands import COMPANY, DEPARTMENT, HANDLER, LEADER, SUBSCRIBERS, OrderFacts
from services.notifier.domain.policies import STALE_AFTER
from shared.events import notifications as events
from shared.kernel.refusal import UNCHANGED
from tests.unit.notifier.notices import (
    COMPLAINT,
    NOON,
    ORDER,
    PEOPLE,
    REFERENCE,
    ZHANG,
    Told,
    a_request,
    an_assignment,
    code_of,
    decided,
    events_of,
)


def test_an_answer_goes_to_the_complainant_by_mail() -> None:
    [requested] = events_of(a_request())
    assert isinstance(requested, events.Requested)
    assert requested.notification.recipient_ref == f"complainant:{COMPLAINT}"
    assert (requested.notification.channel, requested.notification.status) == ("email", "pending")
    assert requested.message is not None
    assert requested.message.address == "zhang@example.com"
    assert "已退还多收的话费。" in requested.message.body
    assert requested.message.subject == "关于您的投诉 C20261123ABCDEFGH 的答复"


def test_an_answer_speaks_the_language_of_the_complainant() -> None:
    [requested] = events_of(a_request(contact=replace(ZHANG, language="en-GB")))
    assert requested.message.subject == "Our answer to your complaint C20261123ABCDEFGH"
    assert requested.notification.language == "en"


def test_what_is_published_names_nobody() -> None:
    [requested] = events_of(a_request())
    shown = repr({name: getattr(requested, name) for name in ("notification", "error")})
    assert {"message"} == events.Requested.LOG_ONLY
    assert not any(secret in shown for secret in ("张三", "zhang@example.com", "话费"))


def test_staff_get_it_in_their_inbox_and_by_mail() -> None:
    in_app, mail = events_of(an_assignment())
    assert isinstance(in_app, events.Delivered)
    assert isinstance(mail, events.Requested)
    assert {in_app.notification.recipient_ref, mail.notification.recipient_ref} == {"person:chen"}
    assert in_app.notification.delivery != mail.notification.delivery
    assert in_app.notification.id == mail.notification.id


def test_staff_without_an_address_have_their_inbox() -> None:
    [in_app] = events_of(an_assignment(order=replace(ORDER, assignee="zhao")))
    assert in_app.notification.channel == "in_app"


@pytest.mark.parametrize(
    ("audience", "order", "person"),
    [
        (HANDLER, ORDER, "chen"),
        (HANDLER, replace(ORDER, assignee=None), "li"),
        (HANDLER, replace(ORDER, assignee="nobody we know"), "li"),
        (LEADER, ORDER, "li"),
        (DEPARTMENT, ORDER, "wang"),
        (COMPANY, ORDER, "zhao"),
        (HANDLER, OrderFacts(team="leaderless"), "wang"),
        (LEADER, OrderFacts(team="leaderless"), "wang"),
        (DEPARTMENT, OrderFacts(team="head"), "zhao"),
        (LEADER, OrderFacts(team=None), "zhao"),
        (LEADER, OrderFacts(team="unheard of"), "zhao"),
        ("province", ORDER, "wang"),
        ("leaderless", ORDER, "wang"),
        ("li", ORDER, "li"),
        ("callback", ORDER, "li"),
        ("person:li", ORDER, "li"),
        ("team:province", ORDER, "wang"),
        ("team:leaderless", ORDER, "wang"),
        ("person:province", ORDER, "li"),
        ("team:li", ORDER, "li"),
        ("person:who left", ORDER, "li"),
        ("person:who left", OrderFacts(team="leaderless"), "wang"),
        ("team:dissolved", ORDER, "li"),
    ],
)
def test_an_audience_is_resolved_and_falls_to_the_next_higher(audience: str, order: OrderFacts, person: str) -> None:
    found = PEOPLE.resolve(audience, order)
    assert found is not None
    assert found.id == person


@pytest.mark.parametrize(
    ("audience", "gone", "person"),
    [
        (HANDLER, {"chen"}, "li"),
        (HANDLER, {"chen", "li"}, "wang"),
        (HANDLER, {"chen", "li", "wang"}, "zhao"),
        (LEADER, {"li"}, "wang"),
        (LEADER, {"li", "wang"}, "zhao"),
        (DEPARTMENT, {"wang"}, "zhao"),
        (DEPARTMENT, {"wang", "zhao"}, "li"),
        (COMPANY, {"zhao"}, "wang"),
        (COMPANY, {"zhao", "wang"}, "li"),
        ("team:province", {"wang"}, "zhao"),
        ("team:province", {"wang", "zhao"}, "li"),
        ("team:head", {"zhao"}, "wang"),
    ],
)
def test_whoever_is_gone_is_stood_in_for(audience: str, gone: set[str], person: str) -> None:
    """By the next higher; where nobody is higher, by the highest there is."""
    left = replace(PEOPLE, people={name: each for name, each in PEOPLE.people.items() if name not in gone})
    found = left.resolve(audience, ORDER)
    assert found is not None
    assert found.id == person


def test_nobody_at_all_is_no_route() -> None:
    empty = replace(REFERENCE, directory=replace(PEOPLE, people={}))
    [failed] = events_of(an_assignment(), reference=empty)
    assert isinstance(failed, events.Failed)
    assert failed.error is not None
    assert failed.error.code == "no_route"


@pytest.mark.parametrize("email", [None, ""])
def test_a_complainant_without_an_address_is_no_route(email: str | None) -> None:
    [failed] = events_of(a_request(contact=replace(ZHANG, email=email)))
    assert isinstance(failed, events.Failed)
    assert failed.error is not None
    assert failed.error.code == "no_route"
    assert failed.notification.recipient_ref == f"complainant:{COMPLAINT}"
    assert failed.notification.template.id == "answer"


def test_an_installation_without_a_mail_server_has_no_route_to_a_complainant() -> None:
    [failed] = events_of(a_request(), reference=replace(REFERENCE, channels=frozenset()))
    assert isinstance(failed, events.Failed)


def test_a_contact_that_is_not_known_yet_is_waited_for() -> None:
    assert code_of(a_request(contact=None)) == "contact_not_known_yet"


def test_an_order_that_is_not_known_yet_is_waited_for() -> None:
    assert code_of(an_assignment(order=None)) == "order_not_known_yet"


def test_a_cause_of_yesterday_is_suppressed_whatever_is_known() -> None:
    late = NOON + STALE_AFTER + timedelta(milliseconds=1)
    [suppressed] = events_of(a_request(contact=None, order=None), now=late)
    assert isinstance(suppressed, events.Suppressed)
    assert suppressed.error is not None
    assert suppressed.error.code == "stale"
    assert isinstance(events_of(a_request(), now=NOON + STALE_AFTER)[0], events.Requested)


def test_each_subscriber_gets_a_webhook() -> None:
    sub = a_request(audience=SUBSCRIBERS, template="workorder.closed", payload="{}", subscriptions=("sub_b", "sub_a"))
    first, second = events_of(replace(sub, contact=None))
    assert [e.notification.recipient_ref for e in (first, second)] == ["subscription:sub_a", "subscription:sub_b"]
    assert {e.notification.channel for e in (first, second)} == {"webhook"}


def test_without_subscribers_nothing_begins() -> None:
    assert code_of(a_request(audience=SUBSCRIBERS, subscriptions=(), cause_at=NOON - timedelta(days=3))) == (
        "no_subscribers"
    )


def test_a_second_request_for_the_same_notice_changes_nothing() -> None:
    told = Told.by(a_request())
    assert decided(a_request(), told.notice) is UNCHANGED


def test_a_notice_is_one_per_cause_rung_and_audience() -> None:
    same, other = a_request(), [a_request(cause="x"), a_request(rung="r"), a_request(audience=LEADER)]
    assert same.notice_id == a_request().notice_id
    assert len({same.notice_id, *(each.notice_id for each in other)}) == 4
