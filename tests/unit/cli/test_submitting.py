"""A complaint from options, from JSON, or from both."""

import pytest

from services.intake.schemas import SubmissionRecord
from shared.cli.failure import WrongUsage
from shared.cli.submit import complaint_of

NOW = "2026-03-02T01:00:00.000Z"


def test_a_subject_is_enough() -> None:
    complaint = complaint_of({}, {"subject": "no signal", "severity_flags": ()}, NOW)
    assert complaint["description"] == "no signal"
    assert complaint["received_at"] == NOW
    assert SubmissionRecord.model_validate(complaint).external_id.startswith("cli-")


def test_options_win_over_json_and_add_to_the_customer() -> None:
    base = {"subject": "a", "channel": "web", "customer": {"id": "c1", "name": "王"}}
    complaint = complaint_of(base, {"channel": "email", "customer_tier": "gold", "customer_name": None}, NOW)
    assert complaint["channel"] == "email"
    assert complaint["customer"] == {"id": "c1", "name": "王", "tier": "gold"}


def test_nothing_to_complain_about_is_wrong_usage() -> None:
    with pytest.raises(WrongUsage, match="what is it about"):
        complaint_of({}, {"channel": "web"}, NOW)
