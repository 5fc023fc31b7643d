"""Rules F and G: breach, and what a retarget leaves standing."""

from __future__ import annotations

import pytest

from shared.kernel import sla_clock
from shared.kernel.sla_clock import ClockPlan, ShareRung
from shared.kernel.working_time import parse_instant, read_calendar
from tests.unit.sla.asking import clock, every_day, office, play

HOUR = 3600
NINE = "2025-03-03T09:00 start"
ALWAYS = every_day("Asia/Shanghai", "00:00-24:00")


def test_f1_at_due_it_is_not_breached_and_a_second_later_it_is_though_nobody_works() -> None:
    at_due = play(office(), clock(8 * HOUR), NINE, "2025-03-03T18:00 observe")
    after = play(office(), clock(8 * HOUR), NINE, "2025-03-03T18:00:01+08:00 observe")
    assert at_due["breached_at"] is None
    assert after["breached_at"] == "2025-03-03T10:00:00Z"
    assert after["elapsed_seconds"] == 8 * HOUR


@pytest.mark.parametrize("end", ["stop", "pause", "cancel"])
def test_f1_an_end_exactly_at_due_is_in_time(end: str) -> None:
    answer = play(office(), clock(8 * HOUR), NINE, f"2025-03-03T18:00 {end}", "2025-03-05T09:00 observe")
    assert answer["breached_at"] is None


def test_f2_a_clock_that_runs_through_its_due_is_breached_at_due() -> None:
    answer = play(office(), clock(HOUR), NINE, "2025-03-05T09:00 stop")
    assert answer["breached_at"] == "2025-03-03T02:00:00Z"


def test_f2_a_clock_that_resumes_with_its_due_past_is_breached_then() -> None:
    answer = play(
        office(), clock(HOUR), NINE, "2025-03-03T10:00 pause", "2025-03-04T09:00 resume", "2025-03-04T09:00 stop"
    )
    assert (answer["due_at"], answer["breached_at"]) == ("2025-03-03T02:00:00Z", "2025-03-04T01:00:00Z")


def test_f2_a_clock_that_never_runs_past_its_due_is_not_breached() -> None:
    answer = play(
        office(),
        clock(4 * HOUR),
        NINE,
        "2025-03-03T11:00 pause",
        "2025-03-03T15:00 retarget 3600",
        "2025-03-03T16:00 stop",
    )
    assert (answer["due_at"], answer["breached_at"]) == ("2025-03-03T02:00:00Z", None)
    assert answer["remaining_seconds"] == -HOUR


def test_f3_a_breach_is_never_erased() -> None:
    story = (NINE, "2025-03-03T11:00 retarget 288000", "2025-03-03T12:00 retarget 60 restart")
    for length in (1, 2, 3):
        answer = play(office(), clock(HOUR), *story[:length], "2025-03-03T13:00:10+08:00 stop")
        assert answer["breached_at"] == "2025-03-03T02:00:00Z"


def test_g1_the_elapsed_time_stays_and_the_due_may_lie_in_the_past() -> None:
    in_time = play(office(), clock(8 * HOUR), NINE, "2025-03-03T11:00 retarget 14400")
    late = play(office(), clock(8 * HOUR), NINE, "2025-03-03T15:00 retarget 14400 keep_elapsed")
    assert (in_time["due_at"], in_time["breached_at"]) == ("2025-03-03T06:00:00Z", None)
    assert (late["due_at"], late["breached_at"]) == ("2025-03-03T06:00:00Z", "2025-03-03T07:00:00Z")


def test_g1_the_due_may_lie_in_an_earlier_interval() -> None:
    answer = play(
        ALWAYS,
        clock(8 * HOUR),
        NINE,
        "2025-03-03T10:00 pause",
        "2025-03-03T11:00 resume",
        "2025-03-03T12:00 retarget 1800",
    )
    assert (answer["due_at"], answer["breached_at"]) == ("2025-03-03T01:30:00Z", "2025-03-03T04:00:00Z")


def test_g2_a_restart_counts_from_its_instant() -> None:
    answer = play(office(), clock(8 * HOUR), NINE, "2025-03-03T11:00 retarget 14400 restart")
    assert (answer["due_at"], answer["elapsed_seconds"]) == ("2025-03-03T08:00:00Z", 0)


def test_g3_the_deadline_given_can_stand() -> None:
    answer = play(office(), clock(8 * HOUR), NINE, "2025-03-03T11:00 retarget 14400 keep_deadline")
    assert (answer["due_at"], answer["remaining_seconds"]) == ("2025-03-03T10:00:00Z", 6 * HOUR)


@pytest.mark.parametrize(
    ("budget", "due"), [(14_400, "2025-03-03T06:00:00Z"), (28_800, None), (36_000, None), (28_801, None)]
)
def test_g4_the_minimum_never_moves_due_later(budget: int, due: str | None) -> None:
    answer = play(office(), clock(8 * HOUR), NINE, f"2025-03-03T11:00 retarget {budget} min")
    assert answer["due_at"] == (due or "2025-03-03T10:00:00Z")


def test_g5_a_paused_clock_stays_paused_under_its_new_budget() -> None:
    story = (NINE, "2025-03-03T11:00 pause", "2025-03-03T15:00 retarget 3600")
    paused = play(office(), clock(4 * HOUR), *story)
    assert (paused["state"], paused["due_at"]) == ("paused", "2025-03-03T02:00:00Z")
    longer = play(office(), clock(HOUR), NINE, "2025-03-03T10:00 pause", "2025-03-03T15:00 retarget 7200")
    assert (longer["due_at"], longer["remaining_seconds"]) == (None, HOUR)
    restarted = play(
        office(),
        clock(HOUR),
        *(NINE, "2025-03-03T09:30 pause", "2025-03-03T15:00 retarget 7200 restart"),
        "2025-03-03T16:00 resume",
    )
    assert restarted["due_at"] == "2025-03-03T10:00:00Z"


def test_what_happened_is_told_in_order() -> None:
    calendar = read_calendar(office())
    at = parse_instant("2025-03-03T09:00:00+08:00")
    rungs = (ShareRung("half", "50"), ShareRung("due", "100"), ShareRung("late", "200"))
    started, nothing = sla_clock.start(ClockPlan(60, "business", pausable=True, rungs=rungs), calendar, at)
    assert nothing == ()
    assert sla_clock.next_event_at(started, calendar) == at + 30
    _, happenings = sla_clock.advance(started, calendar, at + 500)
    assert [(h.what, h.at - at, h.rung) for h in happenings] == [
        ("fired", 30, 0),
        ("fired", 60, 1),
        ("breached", 60, None),
        ("fired", 120, 2),
    ]


def test_what_was_passed_is_told_with_the_time_it_should_have_been() -> None:
    calendar = read_calendar(office())
    at = parse_instant("2025-03-03T09:00:00+08:00")
    rungs = (ShareRung("half", "50"), ShareRung("due", "100"), ShareRung("late", "200"))
    started, _ = sla_clock.start(ClockPlan(600, "business", pausable=True, rungs=rungs), calendar, at)
    late, happenings = sla_clock.retarget(started, calendar, at + 150, 60, "keep_elapsed")
    assert [(h.what, h.at - at, h.planned - at, h.rung) for h in happenings] == [
        ("collapsed", 150, 30, 0),
        ("collapsed", 150, 60, 1),
        ("fired", 150, 120, 2),
        ("breached", 150, 60, None),
    ]
    assert sla_clock.next_event_at(late, calendar) is None
