"""Rules B: from a calendar to windows."""

from __future__ import annotations

from typing import Any

import pytest

from shared.kernel.working_time import Calendar, parse_date, read_calendar
from tests.unit.sla.asking import Json, add, between, days, every_day, office

HOUR = 3600
BERLIN_SPRING = ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")
BERLIN_AUTUMN = ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")


def _day(calendar: Calendar, text: str) -> tuple[str, int]:
    day = parse_date(text)
    assert day is not None
    layer, windows = calendar.layer_of(day)
    return layer, sum(end - start for start, end in windows) // HOUR


def test_b1_the_first_layer_that_names_a_date_gives_its_windows() -> None:
    calendar = read_calendar(
        office(
            overrides={"2025-06-02": [["10:00", "11:00"]], "2025-06-03": []},
            makeup_workdays={"2025-06-02": "mon", "2025-06-07": "fri", "2025-06-08": "sun"},
            holidays=["2025-06-02", "2025-06-07", "2025-06-04"],
            closures=["2025-06-04", "2025-06-05"],
        )
    )
    assert _day(calendar, "2025-06-02") == ("override", 1)
    assert _day(calendar, "2025-06-03") == ("override", 0)
    assert _day(calendar, "2025-06-07") == ("makeup_workday", 8)
    assert _day(calendar, "2025-06-08") == ("makeup_workday", 0)
    assert _day(calendar, "2025-06-04") == ("holiday", 0)
    assert _day(calendar, "2025-06-05") == ("closure", 0)
    assert _day(calendar, "2025-06-06") == ("weekly", 8)
    assert _day(calendar, "2025-06-14") == ("weekly", 0)


def test_b1_a_calendar_without_layers_never_works() -> None:
    empty = {"zone": "UTC", "complete_until": "2025-12-31"}
    assert between(empty, "2025-01-01T00:00:00Z", "2025-12-31T00:00:00Z") == 0


def test_b2_the_tail_over_midnight_counts_on_a_holiday_and_makes_no_working_day() -> None:
    night = {
        "zone": "UTC",
        "weekly": {"mon": [["22:00", "06:00"]]},
        "overrides": {"2025-03-04": []},
        "complete_until": "2025-12-31",
    }
    assert between(night, "2025-03-03T00:00:00Z", "2025-03-05T00:00:00Z") == 8 * HOUR
    assert days(night, "2025-03-02T12:00:00Z", 2, "work_days") == "2025-03-11T00:00:00Z"


@pytest.mark.parametrize("end", ["24:00", "00:00"])
def test_b3_midnight_as_an_end_is_that_of_the_following_date(end: str) -> None:
    late = every_day("UTC", f"18:00-{end}")
    assert between(late, "2025-03-03T00:00:00Z", "2025-03-05T00:00:00Z") == 12 * HOUR


@pytest.mark.parametrize(
    ("window", "worked"),
    [
        ("00:00-06:00", 5 * HOUR),
        ("02:15-02:45", 0),
        ("02:30-04:00", HOUR),
        ("01:00-02:30", HOUR),
        ("02:00-03:00", 0),
    ],
)
def test_b4_a_boundary_in_a_gap_moves_to_the_change(window: str, worked: int) -> None:
    assert between(every_day("Europe/Berlin", window), *BERLIN_SPRING) == worked


def test_b4_a_start_in_a_gap_is_the_instant_of_the_change() -> None:
    calendar = every_day("Europe/Berlin", "02:30-12:00")
    assert add(calendar, "2026-03-29T00:00:00+01:00", 1) == "2026-03-29T01:00:01Z"


@pytest.mark.parametrize(
    ("window", "worked"),
    [
        ("00:00-06:00", 7 * HOUR),
        ("01:00-02:30", 2 * HOUR + 1800),
        ("02:00-03:00", 2 * HOUR),
        ("00:00-02:00", 2 * HOUR),
        ("02:15-02:45", HOUR + 1800),
        ("03:00-04:00", HOUR),
    ],
)
def test_b5_a_boundary_shown_twice_starts_at_the_first_and_ends_at_the_last(window: str, worked: int) -> None:
    assert between(every_day("Europe/Berlin", window), *BERLIN_AUTUMN) == worked


def test_b5_an_end_in_the_repeated_hour_is_its_second_showing() -> None:
    calendar = every_day("Europe/Berlin", "01:00-02:30")
    assert add(calendar, "2026-10-25T00:00:00+02:00", 9000) == "2026-10-25T01:30:00Z"


def test_b5_an_end_at_the_time_the_clock_is_put_back_to_is_the_first() -> None:
    saturday = {"zone": "America/Havana", "weekly": {"sat": [["00:00", "24:00"]]}, "complete_until": "2025-12-31"}
    assert between(saturday, "2025-11-01T00:00:00Z", "2025-11-03T00:00:00Z") == 24 * HOUR
    assert add(saturday, "2025-11-01T04:00:00Z", 24 * HOUR) == "2025-11-02T04:00:00Z"


def test_b5_a_date_that_is_shown_again_after_the_next_one_ends_at_the_last_midnight() -> None:
    # St. John's put its clocks back at 00:01, to 23:01 of the day before
    saturday: Json = {
        "zone": "America/St_Johns",
        "weekly": {"sat": [["00:00", "24:00"]]},
        "complete_until": "2010-12-31",
    }
    assert between(saturday, "2006-10-28T00:00:00Z", "2006-10-30T00:00:00Z") == 25 * HOUR
    sunday = {**saturday, "weekly": {"sun": [["00:00", "24:00"]]}}
    assert between(sunday, "2006-10-28T00:00:00Z", "2006-10-29T03:30:00Z") == HOUR
    both = {**saturday, "weekly": {**saturday["weekly"], **sunday["weekly"]}}
    assert between(both, "2006-10-28T00:00:00Z", "2006-10-31T00:00:00Z") == 49 * HOUR


def test_b5_a_window_can_reach_past_a_date_that_is_shown_early() -> None:
    # 1993-10-31 was shown for a minute before the clocks went back to Saturday, 23:01
    friday: Json = {
        "zone": "America/St_Johns",
        "weekly": {"fri": [["23:59", "23:58"]]},
        "complete_until": "2010-12-31",
    }
    assert between(friday, "1993-10-31T02:30:00Z", "1993-11-01T02:30:00Z") == 58 * 60


def test_b6_a_date_that_never_was_has_no_windows_and_counts_for_nothing() -> None:
    friday = {"zone": "Pacific/Apia", "weekly": {"fri": [["22:00", "06:00"]]}, "complete_until": "2012-12-31"}
    assert between(friday, "2011-12-29T00:00:00Z", "2012-01-02T00:00:00Z") == 0
    assert days(friday, "2011-12-29T20:00:00Z", 1, "work_days") == "2012-01-06T10:00:00Z"
    assert days(friday, "2011-12-29T20:00:00Z", 1, "natural_days") == "2011-12-31T10:00:00Z"


def test_b6_a_window_into_the_missing_date_ends_where_the_clock_jumps() -> None:
    thursday = {"zone": "Pacific/Apia", "weekly": {"thu": [["22:00", "06:00"]]}, "complete_until": "2012-12-31"}
    assert between(thursday, "2011-12-29T00:00:00Z", "2012-01-02T00:00:00Z") == 2 * HOUR


def test_b7_time_in_two_windows_counts_once() -> None:
    overlapping = every_day("UTC", "20:00-09:00", "08:00-12:00", "10:00-11:00", "12:00-13:00")
    assert between(overlapping, "2025-03-04T00:00:00Z", "2025-03-05T00:00:00Z") == (13 + 4) * HOUR


def test_b8_a_working_day_stays_one_though_a_clock_change_empties_it() -> None:
    gap_only = {
        "zone": "Europe/Berlin",
        "weekly": {"sun": [["02:15", "02:45"]]},
        "complete_until": "2026-12-31",
    }
    assert days(gap_only, "2026-03-28T12:00:00Z", 1, "work_days") == "2026-03-29T22:00:00Z"


@pytest.mark.parametrize(
    "changes",
    [
        {"zone": "Mars/Olympus"},
        {"zone": "asia/shanghai"},
        {"zone": "right/UTC"},
        {"zone": "localtime"},
        {"zone": "../etc"},
        {"zone": "/etc/localtime"},
        {"zone": "America"},
        {"zone": ""},
        {"zone": None},
        {"weekly": {"monday": []}},
        {"weekly": {"Mon": []}},
        {"weekly": []},
        {"weekly": {"mon": None}},
        {"weekly": {"mon": [["9:00", "12:00"]]}},
        {"weekly": {"mon": [["09:00", "12:60"]]}},
        {"weekly": {"mon": [["09:00", "24:01"]]}},
        {"weekly": {"mon": [["24:00", "12:00"]]}},
        {"weekly": {"mon": [["09:00:00", "12:00"]]}},
        {"weekly": {"mon": [["09:00", "09:00"]]}},
        {"weekly": {"mon": [["00:00", "00:00"]]}},
        {"weekly": {"mon": [["09:00"]]}},
        {"weekly": {"mon": [["09:00", "10:00", "11:00"]]}},
        {"weekly": {"mon": [[9, 10]]}},
        {"weekly": {"mon": ["09:00", "10:00"]}},
        {"overrides": {"2025-02-30": []}},
        {"overrides": {"20250203": []}},
        {"overrides": {"2025-W01-1": []}},
        {"overrides": {"2025-02-03": [["25:00", "26:00"]]}},
        {"makeup_workdays": {"2025-02-08": "monday"}},
        {"makeup_workdays": {"2025-02-08": 1}},
        {"makeup_workdays": {"2025-02-29": "mon"}},
        {"holidays": ["2025-2-3"]},
        {"holidays": [20250203]},
        {"holidays": "2025-02-03"},
        {"closures": ["0000-01-01"]},
        {"complete_until": "soon"},
        {"complete_until": None},
    ],
)
def test_b9_an_impossible_calendar_is_named(changes: dict[str, Any]) -> None:
    assert add(office(**changes), "2025-03-03T10:00:00Z", 1, "natural") == "calendar_invalid"


@pytest.mark.parametrize("field", ["zone", "complete_until"])
def test_b9_a_calendar_needs_its_zone_and_its_end(field: str) -> None:
    calendar = office()
    del calendar[field]
    assert add(calendar, "2025-03-03T10:00:00Z", 1) == "calendar_invalid"


def test_b9_a_whole_day_is_written_to_twenty_four_hours() -> None:
    whole = every_day("UTC", "00:00-24:00")
    assert between(whole, "2025-03-03T00:00:00Z", "2025-03-05T00:00:00Z") == 48 * HOUR
