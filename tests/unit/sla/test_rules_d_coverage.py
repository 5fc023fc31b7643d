"""Rules D: how far a calendar reaches."""

from __future__ import annotations

from tests.unit.sla.asking import add, at_offset, at_share, between, clock, days, every_day, office, play, sub

HOUR = 3600
LAST = "2025-12-31T16:00:00Z"  # 24:00 of the last date, in Shanghai
BEYOND = "2025-12-31T16:00:01Z"
FIRST = "1969-12-31T16:00:00Z"
BEFORE = "1969-12-31T15:59:59Z"
NOT_COVERED = "calendar_not_covered"


def test_d1_the_last_usable_instant_is_twenty_four_hours_of_the_last_date() -> None:
    whole = every_day("Asia/Shanghai", "00:00-24:00", complete_until="2025-12-31")
    assert add(whole, "2025-12-31T15:00:00Z", HOUR) == LAST
    assert add(whole, "2025-12-31T15:00:00Z", HOUR + 1) == NOT_COVERED
    assert add(whole, LAST, 0) == LAST
    assert between(whole, LAST, LAST) == 0
    assert sub(whole, LAST, 1) == "2025-12-31T15:59:59Z"
    assert days(whole, "2025-12-30T03:00:00Z", 1, "work_days") == LAST
    assert days(whole, "2025-12-30T03:00:00Z", 1, "natural_days", roll=True) == LAST


def test_d1_a_last_date_that_is_shown_again_ends_at_its_second_midnight() -> None:
    # St. John's put its clocks back at 00:01, to 23:01 of the day before
    whole = every_day("America/St_Johns", "00:00-24:00", complete_until="2006-10-28")
    assert add(whole, "2006-10-29T02:00:00Z", 5400) == "2006-10-29T03:30:00Z"
    assert add(whole, "2006-10-29T02:00:00Z", 5401) == NOT_COVERED


def test_d1_the_calendar_is_known_from_1970() -> None:
    whole = every_day("Asia/Shanghai", "00:00-24:00")
    assert sub(whole, "1969-12-31T16:00:05Z", 5) == FIRST
    assert sub(whole, "1969-12-31T16:00:05Z", 6) == NOT_COVERED
    assert between(whole, FIRST, "1969-12-31T17:00:00Z") == HOUR
    assert between(whole, BEFORE, "1969-12-31T17:00:00Z") == NOT_COVERED


def test_d2_every_instant_of_a_business_calculation_must_be_covered() -> None:
    assert add(office(), BEYOND, 0) == NOT_COVERED
    assert sub(office(), BEYOND, 0) == NOT_COVERED
    assert add(office(), BEFORE, 0) == NOT_COVERED
    assert sub(office(), BEYOND, HOUR) == NOT_COVERED
    assert between(office(), BEYOND, BEYOND) == NOT_COVERED
    assert between(office(), "2025-12-31T10:00:00Z", BEYOND) == NOT_COVERED
    assert add(office(), "2025-12-31T18:00:00+08:00", 1) == NOT_COVERED
    assert add(office(), "2025-03-03T10:00:00Z", 10**40) == NOT_COVERED
    assert sub(office(), "2025-03-03T10:00:00Z", 10**40) == NOT_COVERED


def test_d2_days_that_read_the_calendar_must_be_covered() -> None:
    assert days(office(), "2025-12-31T10:00:00+08:00", 1, "work_days") == NOT_COVERED
    assert days(office(), BEFORE, 1, "work_days") == NOT_COVERED
    assert days(office(), LAST, 1, "work_days") == NOT_COVERED
    assert days(office(), "2025-03-03T10:00:00Z", 10**40, "work_days") == NOT_COVERED
    assert days(office(), "2025-12-30T10:00:00+08:00", 2, "natural_days", roll=True) == NOT_COVERED
    assert days(office(), BEFORE, 5, "natural_days", roll=True) == NOT_COVERED
    closing = office(closures=["2025-12-30", "2025-12-31"])
    assert days(closing, "2025-12-28T10:00:00+08:00", 2, "natural_days", roll=True) == NOT_COVERED


def test_d2_the_tail_past_the_last_date_is_not_usable() -> None:
    night = every_day("Asia/Shanghai", "22:00-06:00", complete_until="2025-12-31")
    assert add(night, "2025-12-31T22:00:00+08:00", 2 * HOUR) == LAST
    assert add(night, "2025-12-31T22:00:00+08:00", 2 * HOUR + 1) == NOT_COVERED


def test_d2_a_calendar_that_ends_before_it_begins_covers_nothing() -> None:
    for last_date in ("1969-12-30", "1950-01-01", "0001-01-01"):
        old = every_day("UTC", "00:00-24:00", complete_until=last_date)
        assert add(old, "1950-01-01T00:00:00Z", 0) == NOT_COVERED
        assert add(old, "1980-01-01T00:00:00Z", 0) == NOT_COVERED


def test_d2_the_last_of_all_dates_can_be_covered() -> None:
    ever = every_day("Asia/Shanghai", "09:00-18:00", complete_until="9999-12-31")
    assert add(ever, "9999-12-31T09:00:00+08:00", 9 * HOUR) == "9999-12-31T10:00:00Z"
    assert days(ever, "9999-12-30T09:00:00+08:00", 1, "work_days") == "9999-12-31T16:00:00Z"
    west = every_day("America/New_York", "09:00-18:00", complete_until="9999-12-31")
    assert days(west, "9999-12-30T09:00:00-05:00", 1, "work_days") == "request_invalid"


def test_d3_natural_time_and_unrolled_days_are_never_uncovered() -> None:
    assert add(office(), BEYOND, 5, "natural") == "2025-12-31T16:00:06Z"
    assert days(office(), "2026-03-03T10:00:00Z", 1, "natural_days") == "2026-03-04T16:00:00Z"
    assert days(office(), "1960-03-03T10:00:00Z", 1, "natural_days") == "1960-03-04T16:00:00Z"
    answer = play(office(), clock(60, at_offset(5), unit="natural"), "2031-03-03T10:00 start")
    assert answer["due_at"] == "2031-03-03T02:01:00Z"


def _code(*story: str, budget: int = 8 * HOUR, rung: dict[str, object] | None = None) -> str:
    answer = play(office(), clock(budget, *([rung] if rung else [])), *story)
    code: str = answer["error"]["code"] if "error" in answer else answer["state"]
    return code


def test_d4_a_due_outside_the_coverage_is_the_whole_answer() -> None:
    assert _code("2025-12-31T09:00 start") == "running"
    assert _code("2025-12-31T10:00 start") == NOT_COVERED
    assert _code("2025-12-31T10:00 start", "2025-12-31T11:00 stop") == NOT_COVERED
    assert _code("2026-01-02T10:00 start", budget=0) == NOT_COVERED
    assert _code("2025-12-31T09:00 start", "2025-12-31T10:00 pause", "2025-12-31T13:00 resume") == NOT_COVERED
    assert _code("2025-12-31T09:00 start", "2025-12-31T10:00 retarget 36000") == NOT_COVERED
    assert _code("2025-12-31T09:00 start", "2025-12-31T10:00 retarget 36000 keep_deadline") == "running"


def test_d4_a_rung_outside_the_coverage_is_the_whole_answer() -> None:
    assert _code("2025-12-31T09:00 start", rung=at_share(100)) == "running"
    assert _code("2025-12-31T09:00 start", rung=at_share(101)) == NOT_COVERED
    assert _code("2025-12-31T09:00 start", rung=at_offset(1, "business")) == NOT_COVERED
    assert _code("1970-01-02T09:00 start", rung=at_offset(-60 * HOUR, "business")) == NOT_COVERED


def test_d4_elapsed_time_that_cannot_be_known_is_the_whole_answer() -> None:
    assert _code("2025-12-31T09:00 start", "2026-01-01T00:00 observe") == "running"
    assert _code("2025-12-31T09:00 start", "2026-01-01T00:01 observe") == NOT_COVERED
    assert _code("2025-12-31T09:00 start", "2025-12-31T10:00 pause", "2026-02-01T00:00 observe") == "paused"
    assert _code("2025-12-31T09:00 start", "2025-12-31T10:00 stop", "2026-02-01T00:00 observe") == "stopped"


def test_d4_a_retarget_of_a_paused_clock_is_refused_at_once() -> None:
    story = ("1970-01-02T09:00 start", "1970-01-02T11:00 pause", "1970-01-02T11:00 retarget 3600")
    ladder = at_offset(-10 * HOUR, "business")
    assert _code(*story[:2], rung=ladder) == "paused"
    assert _code(*story, "1970-01-02T11:00 retarget 28800", rung=ladder) == NOT_COVERED
