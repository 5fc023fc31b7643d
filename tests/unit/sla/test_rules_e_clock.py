"""Rules E: the clock, its budget and its ledger."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import pytest

from shared.kernel import sla_clock
from shared.kernel.sla_clock import ClockPlan, ShareRung
from shared.kernel.working_time import format_instant, parse_instant, read_calendar
from tests.unit.sla.asking import ask_simulate, at_share, clock, every_day, office, play, rungs

HOUR = 3600
ALWAYS = every_day("Asia/Shanghai", "00:00-24:00")
EIGHT_HOURS = clock(8 * HOUR)


@pytest.mark.parametrize(
    ("unit", "count", "due"),
    [("natural_days", 15, "2025-03-18T16:00:00Z"), ("work_days", 5, "2025-03-10T16:00:00Z")],
)
def test_e0_a_clock_in_days_is_a_natural_clock_from_its_start(unit: Any, count: int, due: str) -> None:
    calendar = read_calendar(office())
    at = parse_instant("2025-03-03T10:00:00+08:00")
    budget = sla_clock.days_budget(calendar, unit, at, count)
    started, _ = sla_clock.start(ClockPlan(budget, "natural", pausable=False), calendar, at)
    due_at = sla_clock.due_at(started, calendar)
    assert due_at is not None
    assert format_instant(due_at) == due
    assert sla_clock.elapsed(started, calendar, at + 7) == 7


def test_e0_natural_days_can_roll_to_a_working_day() -> None:
    calendar = read_calendar(office())
    at = parse_instant("2025-03-03T10:00:00+08:00")
    budget = sla_clock.days_budget(calendar, "natural_days", at, 5, roll=True)
    assert format_instant(at + budget) == "2025-03-10T16:00:00Z"


def test_e1_elapsed_is_the_sum_of_the_intervals_and_remaining_may_be_negative() -> None:
    answer = play(
        office(),
        clock(2 * HOUR),
        "2025-03-03T09:00 start",
        "2025-03-03T10:00 pause",
        "2025-03-03T11:30 resume",
        "2025-03-03T14:00 observe",
    )
    assert (answer["elapsed_seconds"], answer["remaining_seconds"]) == (2 * HOUR + 1800, -1800)


def test_e2_due_runs_on_from_the_last_interval() -> None:
    answer = play(
        office(), EIGHT_HOURS, "2025-01-27T14:00 start", "2025-01-27T17:00 pause", "2025-02-05T09:30 resume"
    )
    assert answer["due_at"] == "2025-02-05T07:30:00Z"


def test_e2_a_due_once_reached_is_not_moved_by_a_pause() -> None:
    story = ("2025-03-03T09:00 start", "2025-03-03T18:00 pause", "2025-03-04T09:00 resume")
    for length in (2, 3):
        assert play(office(), EIGHT_HOURS, *story[:length])["due_at"] == "2025-03-03T10:00:00Z"


def test_e3_due_is_unknown_while_paused_before_it() -> None:
    answer = play(office(), EIGHT_HOURS, "2025-03-03T09:00 start", "2025-03-03T17:59 pause")
    assert (answer["state"], answer["due_at"]) == ("paused", None)


def test_e3_a_ledger_emptied_while_paused_has_reached_nothing() -> None:
    answer = play(
        ALWAYS,
        clock(10, at_share(0)),
        "2025-03-03T09:00 start",
        "2025-03-03T09:01 pause",
        "2025-03-03T09:02 retarget 0 restart",
    )
    assert (answer["due_at"], answer["elapsed_seconds"], answer["remaining_seconds"]) == (None, 0, 0)


@pytest.mark.parametrize(
    "story",
    [
        (),
        ("2025-03-03T09:00 observe",),
        ("2025-03-03T09:00 pause", "2025-03-03T09:00 start"),
        ("2025-03-03T09:00 start", "2025-03-03T08:59 stop"),
        ("2025-03-03T09:00 start", "2025-03-03T10:00 stop", "2025-03-03T09:30 observe"),
        ("2025-03-03T09:00 start", "2025-03-03T10:00 explode"),
        ("2025-03-03T09:00 start", "2025-03-03T10:00 retarget"),
        ("2025-03-03T09:00 start", "2025-03-03T10:00 retarget -1"),
        ("2025-03-03T09:00 start", "2025-03-03T10:00 retarget 5 gently"),
        ("2025-03-03T09:00 start", "2025-03-03T10:00 stop", "2025-03-03T11:00 retarget"),
    ],
)
def test_e4_events_begin_with_start_and_come_in_order(story: tuple[str, ...]) -> None:
    assert play(office(), EIGHT_HOURS, *story)["error"]["code"] == "request_invalid"


def test_e4_time_moves_before_the_event_counts() -> None:
    answer = play(
        ALWAYS,
        clock(HOUR, at_share(50)),
        "2025-03-03T09:00 start",
        "2025-03-03T09:30 pause",
    )
    assert rungs(answer)["50%"] == ("fired", "2025-03-03T01:30:00Z")


def test_e4_events_of_one_instant_count_in_their_order() -> None:
    minute = "2025-03-03T09:10"
    stopped = play(ALWAYS, EIGHT_HOURS, "2025-03-03T09:00 start", f"{minute} stop", f"{minute} cancel")
    cancelled = play(ALWAYS, EIGHT_HOURS, "2025-03-03T09:00 start", f"{minute} cancel", f"{minute} stop")
    assert (stopped["state"], cancelled["state"]) == ("stopped", "cancelled")


@pytest.mark.parametrize(
    "idle",
    ["2025-03-03T10:00 start", "2025-03-03T10:00 resume", "2025-03-03T10:00 observe"],
)
def test_e5_an_event_that_does_not_apply_only_moves_time(idle: str) -> None:
    answer = play(office(), EIGHT_HOURS, "2025-03-03T09:00 start", idle)
    assert (answer["state"], answer["due_at"]) == ("running", "2025-03-03T10:00:00Z")
    assert answer["elapsed_seconds"] == HOUR


def test_e5_a_clock_that_is_not_pausable_runs_through_a_pause() -> None:
    answer = play(office(), clock(HOUR, pausable=False), "2025-03-03T09:00 start", "2025-03-03T09:30 pause")
    assert (answer["state"], answer["elapsed_seconds"]) == ("running", 1800)


def test_e5_a_second_pause_counts_for_nothing() -> None:
    answer = play(office(), EIGHT_HOURS, "2025-03-03T09:00 start", "2025-03-03T10:00 pause", "2025-03-03T11:00 pause")
    assert (answer["state"], answer["elapsed_seconds"]) == ("paused", HOUR)


@pytest.mark.parametrize("end", ["stop", "cancel"])
def test_e6_nothing_moves_after_the_end(end: str) -> None:
    story = ("2025-03-03T09:00 start", f"2025-03-03T10:00 {end}")
    ended = play(office(), clock(2 * HOUR, at_share(75)), *story)
    later = play(
        office(),
        clock(2 * HOUR, at_share(75)),
        *story,
        "2025-03-04T10:00 resume",
        "2025-03-04T11:00 retarget 5 restart",
        "2025-03-04T12:00 stop",
        "2025-03-04T12:00 cancel",
    )
    assert later == ended
    assert (ended["due_at"], ended["elapsed_seconds"]) == ("2025-03-03T03:00:00Z", HOUR)
    assert ended["breached_at"] is None


def test_e6_a_paused_clock_ends_as_it_stands() -> None:
    answer = play(office(), EIGHT_HOURS, "2025-03-03T09:00 start", "2025-03-03T10:00 pause", "2025-03-05T10:00 stop")
    assert (answer["state"], answer["due_at"], answer["elapsed_seconds"]) == ("stopped", None, HOUR)


def test_e7_elapsed_is_as_of_the_last_event_while_the_clock_runs() -> None:
    answer = play(office(), EIGHT_HOURS, "2025-03-03T09:00 start", "2025-03-03T12:30 observe")
    assert (answer["elapsed_seconds"], answer["remaining_seconds"]) == (3 * HOUR, 5 * HOUR)


def test_a_clock_is_plain_data() -> None:
    calendar = read_calendar(office())
    at = parse_instant("2025-03-03T10:00:00+08:00")
    plan = ClockPlan(60, "business", pausable=True, rungs=(ShareRung("r", "50"),))
    paused, _ = sla_clock.pause(sla_clock.start(plan, calendar, at)[0], calendar, at + 10)
    assert astuple(paused) == (
        *(60, "business", True, (("r", "50"),), "paused", ((at, at + 10),)),
        *(None, at + 10, None, (("pending", None),), False),
    )


@pytest.mark.parametrize("field", ["kind", "budget_seconds", "unit", "pausable", "rungs"])
def test_a4_a_clock_needs_all_its_fields(field: str) -> None:
    incomplete = clock(HOUR)
    del incomplete[field]
    answer = play(office(), incomplete, "2025-03-03T09:00 start")
    assert answer["error"]["code"] == "request_invalid"


@pytest.mark.parametrize(
    "change",
    [
        {"budget_seconds": -1},
        {"budget_seconds": 1.5},
        {"budget_seconds": True},
        {"unit": "natural_days"},
        {"pausable": 1},
        {"rungs": {}},
        {"rungs": [5]},
        {"rungs": [{"at_percent": 5}]},
        {"rungs": [{"key": "r"}]},
        {"rungs": [{"key": 5, "at_percent": 5}]},
        {"rungs": [{"key": "r", "at_percent": 5, "offset_seconds": 5, "offset_unit": "natural"}]},
        {"rungs": [{"key": "r", "offset_seconds": 5}]},
        {"rungs": [{"key": "r", "offset_seconds": 5.5, "offset_unit": "natural"}]},
        {"rungs": [{"key": "r", "offset_seconds": 5, "offset_unit": "work_days"}]},
    ],
)
def test_a4_a_bad_clock_is_a_bad_request(change: dict[str, Any]) -> None:
    answer = play(office(), {**clock(HOUR), **change}, "2025-03-03T09:00 start")
    assert answer["error"]["code"] == "request_invalid"


@pytest.mark.parametrize(
    "change",
    [{"clock": None}, {"clock": []}, {"events": None}, {"events": {}}, {"events": [1]}, {"calendar": 5}],
)
def test_a4_a_bad_simulation_is_a_bad_request(change: dict[str, Any]) -> None:
    request = {
        "id": 3,
        "calendar": office(),
        "clock": clock(HOUR),
        "events": [{"at": "2025-03-03T09:00:00Z", "type": "start"}],
    }
    assert ask_simulate(request)["state"] == "running"
    assert ask_simulate({**request, **change})["error"]["code"] == "request_invalid"


def test_a4_a_due_beyond_the_last_year_is_a_bad_request() -> None:
    answer = play(office(), clock(10**12, unit="natural"), "2025-03-03T09:00 start", "2025-03-03T09:00 stop")
    assert answer["error"]["code"] == "request_invalid"
