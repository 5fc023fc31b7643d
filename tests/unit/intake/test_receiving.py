"""受理: what becomes of a submission."""

from datetime import timedelta
from typing import Any

import pytest

from services.intake.domain.commands import Profile
from services.intake.domain.reference import Reference
from shared.events.complaints import Acknowledged, Received
from shared.kernel import ids
from shared.kernel.aggregate import Actor
from shared.kernel.refusal import UNCHANGED
from tests.unit.intake.complaints import NOON, Case, a_complaint, a_submission, receipt_of


def test_a_complaint_is_named_by_its_source_and_number() -> None:
    complaint = a_complaint().complaint

    assert complaint.id == ids.complaint_id("crm", "A-1")
    assert complaint.received.work_order_id == ids.sibling(complaint.id, ids.WORK_ORDER)
    assert complaint.received.number.startswith("C20261123")
    assert complaint.received.received_at == NOON - timedelta(minutes=30)


@pytest.mark.parametrize("channel", ["phone", "counter"])
def test_who_speaks_with_an_agent_is_told_at_once_and_in_the_same_decision(channel: str) -> None:
    case = a_complaint(channel=channel)

    assert [type(event) for event in case.said] == [Received, Acknowledged]
    assert case.complaint.status == "acknowledged"


def test_who_writes_is_not_told_yet() -> None:
    case = a_complaint(channel="web")

    assert [type(event) for event in case.said] == [Received]
    assert case.complaint.status == "received"


def test_what_the_agent_says_about_telling_counts() -> None:
    assert a_complaint(channel="phone", acknowledged=False).complaint.status == "received"
    assert a_complaint(channel="web", acknowledged=True).complaint.status == "acknowledged"


def test_the_unsaid_is_filled_in_from_the_customer_replica_and_the_said_is_kept() -> None:
    profile = Profile(name="张三", phone="139", email="z@example.com", tier="gold", region="js/nj", language="en")
    raw = a_submission(customer={"id": "c-7", "phone": "138", "tier": "platinum"})

    received = Case().asked(receipt_of(raw, profile=profile)).complaint.received

    assert (received.customer.name, received.customer.email) == ("张三", "z@example.com")
    assert (received.customer.phone, received.customer.tier) == ("138", "platinum")
    assert (received.customer.region, received.language) == ("js/nj", "en")


def test_an_unknown_customer_gets_the_plainest_values() -> None:
    received = a_complaint().complaint.received

    assert (received.customer.tier, received.customer.region, received.language) == ("standard", "default", "zh")
    assert (received.category, received.category_given, received.priority) == ("other", False, "P3")


def test_the_default_category_is_the_installations() -> None:
    case = Case(reference=Reference(default_category="unsorted")).asked(receipt_of(a_submission()))

    assert case.complaint.received.category == "unsorted"


@pytest.mark.parametrize(
    "same",
    [
        {},
        {"remedy_sought": "unknown", "severity_flags": [], "acknowledged": False},
        {"received_at": "2026-11-23T03:30:00.000Z"},
        {"nobody_knows_this_field": 1},
    ],
)
def test_the_same_submission_again_changes_nothing(same: dict[str, Any]) -> None:
    case = a_complaint().asked(receipt_of(a_submission(**same)))

    assert case.outcome is UNCHANGED


@pytest.mark.parametrize(
    "other",
    [
        {"description": "十月账单多收 $101"},
        {"customer": {"id": "c-8"}},
        {"severity_flags": ["media"]},
        {"channel": "phone"},
        {"received_at": "2026-11-23T11:30:00.001+08:00"},
        {"attachments": [{"name": "bill", "uri": "https://files.example/1", "media_type": "image/png", "size": 1}]},
    ],
)
def test_the_same_number_with_other_content_is_a_contradiction_for_ever(other: dict[str, Any]) -> None:
    refusal = a_complaint().asked(receipt_of(a_submission(**other))).refusal

    assert (refusal.code, refusal.final) == ("conflicting_duplicate", True)


def test_a_changed_profile_does_not_make_the_same_submission_another() -> None:
    again = receipt_of(a_submission(), profile=Profile(tier="gold"))

    assert a_complaint().asked(again).outcome is UNCHANGED


def test_two_sources_may_use_the_same_number() -> None:
    assert ids.complaint_id("crm", "A-1") != ids.complaint_id("app", "A-1")


def test_clocks_of_sources_may_run_five_minutes_ahead_and_no_more() -> None:
    assert a_complaint(received_at="2026-11-23T12:05:00+08:00").complaint.status == "received"

    refusal = a_complaint(received_at="2026-11-23T12:05:00.001+08:00").refusal

    assert (refusal.code, refusal.pointer, refusal.final) == ("received_in_future", "/received_at", False)


def test_a_regulator_cannot_have_transferred_tomorrow() -> None:
    case = {"number": "R1", "body": "工信部", "received_at": "2026-11-24T12:00:00+08:00"}

    assert a_complaint(channel="regulator", regulator_case=case).refusal.pointer == "/regulator_case/received_at"


@pytest.mark.parametrize(("region", "received"), [("js/nj", True), ("js", True), ("jsx", False), (None, False)])
def test_nobody_opens_a_complaint_outside_their_regions(region: str | None, received: bool) -> None:
    local = Actor("agent", "li", roles=frozenset({"agent"}), regions=frozenset({"js"}))
    customer = {"id": "c-7"} | ({"region": region} if region else {})

    case = Case().asked(receipt_of(a_submission(customer=customer), actor=local))

    assert (case.state is not None) is received
    assert received or (case.refusal.code, case.refusal.pointer) == ("forbidden", "/customer/region")
