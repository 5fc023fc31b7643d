"""Rules C: arithmetic. Rule C4, the laws, is tested with random calendars among the properties."""

from __future__ import annotations

import pytest

from tests.unit.sla.asking import add, between, days, every_day, office, sub

HOUR = 3600


def test_c1_only_working_time_between_two_instants_counts() -> None:
    assert between(office(), "2025-03-03T11:59:30+08:00", "2025-03-03T13:00:10+08:00") == 40
    assert between(office(), "2025-03-01T00:00:00+08:00", "2025-03-03T09:00:00+08:00") == 0
    assert between(office(), "2025-03-03T10:00:00Z", "2025-03-03T10:00:00Z") == 0


def test_c1_backwards_is_a_bad_request() -> None:
    assert between(office(), "2025-03-03T10:00:01Z", "2025-03-03T10:00:00Z") == "request_invalid"


@pytest.mark.parametrize(
    ("at", "hours", "due"),
    [
        ("2025-03-01T22:00:00+08:00", 4, "2025-03-03T06:00:00Z"),
        ("2025-01-24T17:00:00+08:00", 8, "2025-01-26T09:00:00Z"),
        ("2025-03-03T09:00:00+08:00", 8, "2025-03-03T10:00:00Z"),
        ("2025-01-27T14:00:00+08:00", 8, "2025-02-05T06:00:00Z"),
    ],
)
def test_c2_add_finds_the_earliest_instant(at: str, hours: int, due: str) -> None:
    assert add(office(), at, hours * HOUR) == due


def test_c2_nothing_added_changes_nothing_even_outside_windows() -> None:
    assert add(office(), "2025-03-02T03:04:05Z", 0) == "2025-03-02T03:04:05Z"


def test_c3_sub_finds_the_latest_instant() -> None:
    assert sub(office(), "2025-03-04T10:00:00+08:00", HOUR) == "2025-03-04T01:00:00Z"
    assert sub(office(), "2025-03-04T10:00:00+08:00", HOUR + 1) == "2025-03-03T09:59:59Z"
    assert sub(office(), "2025-03-02T03:04:05Z", 0) == "2025-03-02T03:04:05Z"
    assert sub(office(), "2025-03-02T03:04:05Z", HOUR) == "2025-02-28T09:00:00Z"


def test_c5_natural_time_reads_no_calendar() -> None:
    closed = {"zone": "Asia/Shanghai", "complete_until": "1971-01-01"}
    assert add(closed, "2025-03-01T22:00:00+08:00", HOUR, "natural") == "2025-03-01T15:00:00Z"
    assert sub(closed, "1969-03-01T22:00:00+08:00", HOUR, "natural") == "1969-03-01T13:00:00Z"
    assert between(closed, "2025-03-01T22:00:00Z", "2026-03-01T22:00:00Z", "natural") == 365 * 86_400


def test_c6_natural_days_end_at_twenty_four_hours_and_do_not_count_the_first() -> None:
    assert days(office(), "2025-03-03T00:00:00+08:00", 15, "natural_days") == "2025-03-18T16:00:00Z"
    assert days(office(), "2025-03-03T23:59:59+08:00", 15, "natural_days") == "2025-03-18T16:00:00Z"
    assert days(office(), "2040-03-03T23:59:59+08:00", 1, "natural_days") == "2040-03-04T16:00:00Z"


def test_c6_rolled_the_last_date_is_a_working_day() -> None:
    assert days(office(), "2025-01-20T09:00:00+08:00", 8, "natural_days", roll=True) == "2025-02-05T16:00:00Z"
    assert days(office(), "2025-01-20T09:00:00+08:00", 6, "natural_days", roll=True) == "2025-01-26T16:00:00Z"
    assert days(office(), "2025-03-03T09:00:00+08:00", 5, "natural_days", roll=True) == "2025-03-10T16:00:00Z"


def test_c6_twenty_four_hours_is_found_where_the_clock_changes() -> None:
    havana = every_day("America/Havana", "09:00-17:00")
    assert days(havana, "2025-10-31T12:00:00Z", 1, "natural_days") == "2025-11-02T04:00:00Z"
    sao_paulo = every_day("America/Sao_Paulo", "09:00-17:00")
    assert days(sao_paulo, "2018-11-02T12:00:00Z", 1, "natural_days") == "2018-11-04T03:00:00Z"
    assert days(sao_paulo, "2018-02-16T12:00:00Z", 1, "natural_days") == "2018-02-18T03:00:00Z"


def test_c6_missing_dates_are_passed_over_in_every_century() -> None:
    manila = every_day("Asia/Manila", "09:00-17:00")
    assert days(manila, "1844-12-30T12:00:00-15:00", 1, "natural_days") == "1845-01-01T15:56:08Z"
    assert days(manila, "1844-12-29T12:00:00-15:00", 3, "natural_days") == "1845-01-02T15:56:08Z"


@pytest.mark.parametrize(
    ("at", "count", "end"),
    [
        ("2025-01-24T12:00:00+08:00", 1, "2025-01-26T16:00:00Z"),
        ("2025-01-24T12:00:00+08:00", 3, "2025-02-05T16:00:00Z"),
        ("2025-01-25T12:00:00+08:00", 1, "2025-01-26T16:00:00Z"),
        ("2025-01-26T12:00:00+08:00", 1, "2025-01-27T16:00:00Z"),
        ("2025-02-06T12:00:00+08:00", 2, "2025-02-08T16:00:00Z"),
    ],
)
def test_c7_working_days_count_whole_from_the_day_after(at: str, count: int, end: str) -> None:
    assert days(office(), at, count, "work_days") == end
