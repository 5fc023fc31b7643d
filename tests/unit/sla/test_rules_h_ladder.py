"""Rules H: the ladder."""

from __future__ import annotations

import pytest

from tests.unit.sla.asking import at_offset, at_share, clock, every_day, office, play, rungs

HOUR = 3600
NINE = "2025-03-03T09:00 start"
ALWAYS = every_day("Asia/Shanghai", "00:00-24:00")


def test_h1_a_share_is_reached_in_the_clocks_own_time() -> None:
    answer = play(office(), clock(8 * HOUR, at_share(50), at_share(125)), NINE)
    assert rungs(answer) == {
        "50%": ("pending", "2025-03-03T06:00:00Z"),
        "125%": ("pending", "2025-03-04T03:00:00Z"),
    }


def test_h1_an_offset_counts_from_due_in_its_own_unit() -> None:
    ladder = (
        at_offset(-HOUR, "natural", "a"),
        at_offset(-HOUR, "business", "b"),
        at_offset(0, "business", "c"),
        at_offset(HOUR, "natural", "d"),
        at_offset(HOUR, "business", "e"),
    )
    answer = play(office(), clock(5 * HOUR, *ladder), "2025-03-03T14:00 start")
    assert answer["due_at"] == "2025-03-04T02:00:00Z"
    assert {key: at for key, (_, at) in rungs(answer).items()} == {
        "a": "2025-03-04T01:00:00Z",
        "b": "2025-03-04T01:00:00Z",
        "c": "2025-03-04T02:00:00Z",
        "d": "2025-03-04T03:00:00Z",
        "e": "2025-03-04T03:00:00Z",
    }


def test_h1_an_offset_goes_on_over_a_pause_and_a_share_does_not() -> None:
    ladder = (at_share(150), at_offset(HOUR, "natural"))
    answer = play(ALWAYS, clock(HOUR, *ladder), NINE, "2025-03-03T10:10 pause", "2025-03-03T10:30 observe")
    assert rungs(answer) == {"150%": ("pending", None), "3600s": ("pending", "2025-03-03T03:00:00Z")}


def test_h2_rungs_of_one_instant_all_fire() -> None:
    ladder = (at_share(100), at_offset(0, "natural"), at_offset(0, "business", "due"))
    answer = play(office(), clock(HOUR, *ladder), NINE, "2025-03-03T10:00 observe")
    assert set(rungs(answer).values()) == {("fired", "2025-03-03T02:00:00Z")}


@pytest.mark.parametrize("event", ["pause", "stop", "cancel", "retarget 7200 restart"])
def test_h2_a_rung_at_the_instant_of_an_event_has_fired_before_it(event: str) -> None:
    answer = play(office(), clock(HOUR, at_share(50)), NINE, f"2025-03-03T09:30 {event}")
    status, at = rungs(answer)["50%"]
    # the restart then puts its time after the retarget, so it is pending again (H4)
    expected = ("pending", "2025-03-03T02:30:00Z") if "restart" in event else ("fired", "2025-03-03T01:30:00Z")
    assert (status, at) == expected


def test_h2_a_paused_clock_fires_nothing() -> None:
    ladder = (at_offset(600), at_offset(1200))
    answer = play(ALWAYS, clock(HOUR, *ladder), NINE, "2025-03-03T10:00 pause", "2025-03-03T11:00 observe")
    assert rungs(answer)["600s"] == ("pending", "2025-03-03T02:10:00Z")


def test_h3_of_the_rungs_passed_at_the_start_the_highest_fires() -> None:
    ladder = (at_offset(-7200), at_offset(-5400), at_share(0), at_offset(-9000), at_share(50))
    answer = play(ALWAYS, clock(HOUR, *ladder), NINE)
    assert rungs(answer) == {
        "-7200s": ("collapsed", "2025-03-03T00:00:00Z"),
        "-5400s": ("collapsed", "2025-03-03T00:30:00Z"),
        "0%": ("fired", "2025-03-03T01:00:00Z"),
        "-9000s": ("collapsed", "2025-03-02T23:30:00Z"),
        "50%": ("pending", "2025-03-03T01:30:00Z"),
    }


def test_h3_among_equal_times_the_later_in_the_list_is_the_highest() -> None:
    answer = play(ALWAYS, clock(HOUR, at_share(0, "a"), at_offset(-3600, key="b")), NINE)
    assert rungs(answer) == {
        "a": ("collapsed", "2025-03-03T01:00:00Z"),
        "b": ("fired", "2025-03-03T01:00:00Z"),
    }


def test_h3_rungs_passed_during_a_pause_fire_at_the_resume() -> None:
    ladder = (at_offset(600), at_offset(1200), at_offset(5400))
    answer = play(ALWAYS, clock(HOUR, *ladder), NINE, "2025-03-03T10:05 pause", "2025-03-03T11:00 resume")
    assert rungs(answer) == {
        "600s": ("collapsed", "2025-03-03T02:10:00Z"),
        "1200s": ("fired", "2025-03-03T03:00:00Z"),
        "5400s": ("pending", "2025-03-03T03:30:00Z"),
    }


def test_h3_rungs_passed_under_a_new_target_collapse_into_the_highest() -> None:
    ladder = (at_share(50), at_share(75), at_share(100), at_share(200))
    answer = play(office(), clock(8 * HOUR, *ladder), NINE, "2025-03-03T12:00 retarget 7200")
    assert rungs(answer) == {
        "50%": ("collapsed", "2025-03-03T02:00:00Z"),
        "75%": ("collapsed", "2025-03-03T02:30:00Z"),
        "100%": ("fired", "2025-03-03T04:00:00Z"),
        "200%": ("pending", "2025-03-03T06:00:00Z"),
    }


def test_h4_pause_and_resume_never_decide_a_rung_again() -> None:
    story = ("2025-03-03T10:00 start", "2025-03-03T12:30 pause", "2025-03-03T17:30 resume")
    answer = play(office(), clock(3 * HOUR, at_offset(-7200)), *story)
    assert answer["due_at"] == "2025-03-04T01:30:00Z"
    assert rungs(answer) == {"-7200s": ("fired", "2025-03-03T04:00:00Z")}
    retargeted = play(
        office(), clock(3 * HOUR, at_offset(-7200)), *story, "2025-03-03T17:30 retarget 1 keep_deadline"
    )
    assert rungs(retargeted) == {"-7200s": ("pending", "2025-03-03T23:30:00Z")}


def test_h4_any_retarget_makes_it_pending_again_if_its_time_lies_ahead() -> None:
    story = (NINE, "2025-03-03T09:31 pause", "2025-03-03T10:00 resume")
    retarget = "2025-03-03T10:00 retarget 60 keep_deadline"
    answer = play(ALWAYS, clock(HOUR, at_offset(-1000), at_offset(-1800)), *story, retarget)
    assert rungs(answer) == {
        "-1000s": ("pending", "2025-03-03T02:12:20Z"),
        "-1800s": ("fired", "2025-03-03T01:30:00Z"),
    }
    answer = play(ALWAYS, clock(HOUR, at_offset(-1700)), *story, "2025-03-03T10:00 retarget 7200")
    assert rungs(answer) == {"-1700s": ("pending", "2025-03-03T03:00:40Z")}


def test_h4_a_rung_whose_time_stays_past_keeps_its_decision() -> None:
    answer = play(
        ALWAYS, clock(HOUR, at_share(10), at_share(50)), NINE, "2025-03-03T09:45 retarget 5400 keep_elapsed"
    )
    assert rungs(answer) == {
        "10%": ("fired", "2025-03-03T01:06:00Z"),
        "50%": ("fired", "2025-03-03T01:30:00Z"),
    }


def test_h5_a_retarget_of_a_paused_clock_waits_for_the_resume() -> None:
    ladder = (at_share(50), at_share(75), at_share(100))
    story = (NINE, "2025-03-03T09:40 pause", "2025-03-03T09:50 retarget 1200")
    paused = play(ALWAYS, clock(HOUR, *ladder), *story)
    assert rungs(paused) == {
        "50%": ("fired", "2025-03-03T01:30:00Z"),
        "75%": ("pending", "2025-03-03T01:15:00Z"),
        "100%": ("pending", "2025-03-03T01:20:00Z"),
    }
    resumed = play(ALWAYS, clock(HOUR, *ladder), *story, "2025-03-03T10:00 resume")
    assert rungs(resumed) == {
        "50%": ("fired", "2025-03-03T01:30:00Z"),
        "75%": ("collapsed", "2025-03-03T01:15:00Z"),
        "100%": ("fired", "2025-03-03T02:00:00Z"),
    }


def test_h5_a_decided_rung_becomes_pending_at_the_resume() -> None:
    story = (NINE, "2025-03-03T09:40 pause", "2025-03-03T09:50 retarget 7200 restart")
    paused = play(ALWAYS, clock(HOUR, at_share(50)), *story)
    assert rungs(paused) == {"50%": ("fired", "2025-03-03T01:30:00Z")}
    resumed = play(ALWAYS, clock(HOUR, at_share(50)), *story, "2025-03-03T10:00 resume")
    assert rungs(resumed) == {"50%": ("pending", "2025-03-03T03:00:00Z")}


def test_h5_is_applied_once_and_the_next_resume_decides_nothing_again() -> None:
    story = ("2025-03-03T10:00 start", "2025-03-03T10:10 pause", "2025-03-03T10:15 retarget 10800 min")
    again = ("2025-03-03T10:20 resume", "2025-03-03T12:30 pause", "2025-03-03T17:30 resume")
    answer = play(office(), clock(3 * HOUR, at_offset(-7200)), *story, *again)
    # two hours before the new due lie ahead once more, but the rung has fired
    assert answer["due_at"] == "2025-03-04T01:40:00Z"
    assert rungs(answer) == {"-7200s": ("fired", "2025-03-03T04:10:00Z")}


@pytest.mark.parametrize("end", ["stop", "cancel"])
def test_h6_h7_what_is_pending_at_the_end_is_void_with_its_time_then(end: str) -> None:
    ladder = (at_share(50), at_share(100), at_offset(HOUR))
    answer = play(ALWAYS, clock(HOUR, *ladder), NINE, f"2025-03-03T09:40 {end}", "2025-03-03T12:00 observe")
    assert rungs(answer) == {
        "50%": ("fired", "2025-03-03T01:30:00Z"),
        "100%": ("void", "2025-03-03T02:00:00Z"),
        "3600s": ("void", "2025-03-03T03:00:00Z"),
    }


def test_h7_a_time_that_depends_on_a_resume_is_null() -> None:
    ladder = (at_share(100), at_offset(-60), at_share(10))
    story = (NINE, "2025-03-03T09:40 pause")
    for more, status in (((), "pending"), (("2025-03-03T12:00 stop",), "void")):
        assert rungs(play(ALWAYS, clock(HOUR, *ladder), *story, *more)) == {
            "100%": (status, None),
            "-60s": (status, None),
            "10%": ("fired", "2025-03-03T01:06:00Z"),
        }


def test_h7_rungs_are_listed_in_the_order_given() -> None:
    ladder = (at_share(90), at_share(10), at_offset(5))
    answer = play(ALWAYS, clock(HOUR, *ladder), NINE)
    assert [rung["key"] for rung in answer["rungs"]] == ["90%", "10%", "5s"]
