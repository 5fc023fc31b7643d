"""Which record of the work order starts, stops, suspends and resumes which clock."""

import pytest

from services.escalation.domain.table import ARCHIVE, CALLBACK_ATTEMPT, KINDS, SURVEY_CLOSE, TOUCHES
from shared.events.parts import RegulatorCase
from shared.events.sla import ClocksChanged, RungFired
from tests.unit.escalation.story import Story, an_order, hours, instant


def in_progress() -> Story:
    return (
        Story().created().acknowledged().dispatched("2026-03-02T09:10:00+08:00").accepted("2026-03-02T09:20:00+08:00")
    )


def in_callback() -> Story:
    story = in_progress().responded("2026-03-02T10:00:00+08:00").submitted("2026-03-02T11:00:00+08:00")
    return story.approved("2026-03-02T14:00:00+08:00")


def test_a_new_order_starts_its_clocks_from_receipt_and_dispatch_from_its_creation() -> None:
    story = Story().created("2026-03-02T09:30:00+08:00")
    received, created = instant("2026-03-02T09:00:00+08:00"), instant("2026-03-02T09:30:00+08:00")
    assert {clock.kind: clock.started_at for clock in story.state.clocks} == {
        "dispatch": created,
        "acknowledge": received,
        "first_response": received,
        "resolve": received,
        "statutory": received,
    }


def test_one_record_tells_all_clocks_that_a_decision_touched() -> None:
    story = Story().created()
    (changed,) = story.told(ClocksChanged)
    assert [(clock.change, clock.kind) for clock in changed.clocks] == [
        ("started", kind) for kind in ("dispatch", "acknowledge", "first_response", "resolve", "statutory")
    ]
    assert (changed.region, changed.team) == ("jiangsu/suzhou", None)


def test_default_budgets_and_dues() -> None:
    story = in_callback()
    dues = {clock.kind: clock.due_at for clock in story.state.clocks}
    received = instant("2026-03-02T09:00:00+08:00")
    assert dues == {
        "acknowledge": received + hours(24),
        "dispatch": instant("2026-03-02T09:30:00+08:00"),
        "accept": instant("2026-03-02T11:10:00+08:00"),
        "first_response": received + hours(24),
        "resolve": received + hours(48),
        "statutory": instant("2026-03-18T00:00:00+08:00"),
        "review": instant("2026-03-03T11:00:00+08:00"),
        "callback": instant("2026-03-03T14:00:00+08:00"),
        "next_update": instant("2026-03-04T10:00:00+08:00"),
    }


def test_dispatch_counts_working_time_only() -> None:
    story = Story().created("2026-03-02T17:45:00+08:00")
    assert story.clock("dispatch").due_at == instant("2026-03-03T09:15:00+08:00")


def test_a_clock_starts_to_the_millisecond_and_counts_whole_seconds() -> None:
    story = Story().created().dispatched("2026-03-02T09:10:00.750+08:00")
    accept = story.clock("accept")
    assert accept.started_at == instant("2026-03-02T09:10:00.750+08:00")
    assert accept.due_at == instant("2026-03-02T11:10:00+08:00")


def test_the_way_of_an_order_without_trouble() -> None:
    story = in_progress()
    assert story.states()["dispatch"] == story.states()["accept"] == "stopped"
    story.responded("2026-03-02T10:00:00+08:00").submitted("2026-03-02T11:00:00+08:00")
    assert story.states() | {"resolve": "stopped", "review": "running", "first_response": "stopped"} == story.states()
    story.approved("2026-03-02T14:00:00+08:00").communicated("2026-03-02T14:01:00+08:00")
    assert story.states() | {"review": "stopped", "callback": "running", "statutory": "stopped"} == story.states()
    story.called_back("2026-03-02T15:00:00+08:00").closed("2026-03-02T15:00:00+08:00")
    assert {clock.kind for clock in story.state.live} == {SURVEY_CLOSE, ARCHIVE}


def test_elapsed_stands_still_at_the_stop() -> None:
    assert in_progress().clock("accept").elapsed_seconds == 600


def test_a_recall_starts_dispatch_again_and_the_next_dispatch_another_accept() -> None:
    story = Story().created().dispatched("2026-03-02T09:10:00+08:00").recalled("2026-03-02T11:10:01+08:00")
    assert story.clock("dispatch").started_at == instant("2026-03-02T11:10:01+08:00")
    story.dispatched("2026-03-02T11:11:00+08:00")
    numbers = [clock.number for clock in story.state.clocks if clock.kind in ("dispatch", "accept")]
    assert numbers == [1, 6, 7, 8]
    assert story.states()["accept"] == "running"


def test_a_transfer_stops_accept_and_starts_the_next_one() -> None:
    story = Story().created().dispatched().transferred("2026-03-02T09:40:00+08:00")
    assert story.clock("accept", 0).state == "stopped"
    assert story.clock("accept", 1).started_at == instant("2026-03-02T09:40:00+08:00")
    assert story.state.team == "edge"


def test_a_transfer_in_progress_starts_accept_though_none_ran() -> None:
    story = in_progress().transferred("2026-03-02T12:00:00+08:00")
    assert story.states()["accept"] == "running"
    assert story.states()["resolve"] == "running"


def test_submission_stops_resolve_provisionally_and_keeps_its_due() -> None:
    story = in_progress().submitted("2026-03-02T11:00:00+08:00")
    resolve = story.clock("resolve")
    assert (resolve.state, resolve.change, resolve.provisional) == ("stopped", "stopped", True)
    assert resolve.due_at == instant("2026-03-04T09:00:00+08:00")
    assert resolve.elapsed_seconds == 2 * 3600


def test_a_rejected_review_lets_resolve_count_on_without_the_time_of_the_review() -> None:
    story = in_progress().submitted("2026-03-02T11:00:00+08:00").rejected("2026-03-02T15:00:00+08:00")
    resolve = story.clock("resolve")
    assert (resolve.state, resolve.change, resolve.provisional) == ("running", "resumed", False)
    assert resolve.due_at == instant("2026-03-04T13:00:00+08:00")
    assert story.states()["review"] == "stopped"


def test_an_approved_resolution_is_not_touched_by_the_next_cycle() -> None:
    story = in_callback().communicated().called_back("2026-03-02T15:00:00+08:00", satisfied=False)
    story.redispatched("2026-03-02T15:00:00+08:00")
    first, second = (story.clock("resolve", place) for place in (0, 1))
    assert (first.state, first.cycle) == ("stopped", 1)
    assert (second.state, second.cycle) == ("running", 2)
    assert second.started_at == instant("2026-03-02T15:00:00+08:00")
    assert second.due_at == instant("2026-03-04T15:00:00+08:00")
    assert story.states()["dispatch"] == "running"
    assert story.states()["callback"] == "stopped"


def test_a_dissatisfied_complainant_beyond_the_cycle_limit_leaves_the_callback_clock_running() -> None:
    story = in_callback().communicated().called_back("2026-03-02T15:00:00+08:00", satisfied=False)
    assert [clock.kind for clock in story.state.live] == ["callback"]


def test_the_answer_stops_statutory_and_a_first_response_that_never_came() -> None:
    story = in_progress().submitted("2026-03-02T11:00:00+08:00").approved("2026-03-02T14:00:00+08:00").communicated()
    assert story.states()["statutory"] == story.states()["first_response"] == "stopped"


def test_a_regulators_case_counts_from_the_transfer() -> None:
    case = RegulatorCase("R-1", "MIIT", instant("2026-02-27T10:00:00+08:00"))
    story = Story(an_order(regulator_case=case)).created()
    assert story.clock("statutory").due_at == instant("2026-03-15T00:00:00+08:00")
    assert story.clock("resolve").started_at == instant("2026-03-02T09:00:00+08:00")


def test_nothing_pauses_or_moves_statutory() -> None:
    story = in_callback().attempted().called_back(satisfied=False).redispatched()
    statutory = [clock for clock in story.state.clocks if clock.kind == "statutory"]
    assert [(clock.state, clock.due_at) for clock in statutory] == [("running", instant("2026-03-18T00:00:00+08:00"))]


def test_an_attempt_wakes_up_after_a_day_or_when_it_was_agreed() -> None:
    story = in_callback().attempted("2026-03-02T16:00:00+08:00")
    assert story.clock(CALLBACK_ATTEMPT).due_at == instant("2026-03-03T16:00:00+08:00")
    story.attempted("2026-03-02T17:00:00+08:00", next_at="2026-03-04T10:00:00+08:00")
    assert story.clock(CALLBACK_ATTEMPT, 0).state == "stopped"
    assert story.clock(CALLBACK_ATTEMPT).due_at == instant("2026-03-04T10:00:00+08:00")


def test_an_agreed_time_that_has_passed_wakes_up_at_once() -> None:
    story = in_callback().attempted("2026-03-02T16:00:00+08:00", next_at="2026-03-02T12:00:00+08:00")
    assert story.told(RungFired)[-1].rung.command.action == "prompt_callback"
    assert story.states()[CALLBACK_ATTEMPT] == "stopped"


@pytest.mark.parametrize(("end", "state"), [("closed", "stopped"), ("cancelled", "cancelled")])
def test_no_clock_runs_in_a_terminal_state(end: str, state: str) -> None:
    story = in_callback().attempted()
    running = [clock.number for clock in story.state.running]
    getattr(story, end)("2026-03-02T18:00:00+08:00")
    assert {story.state.clocks[number - 1].state for number in running} == {state}
    assert {clock.kind for clock in story.state.live} <= {SURVEY_CLOSE, ARCHIVE}


def test_a_record_that_touches_nothing_changes_nothing() -> None:
    story = in_progress()
    told = len(story.events)
    story.accepted()
    assert len(story.events) == told


def test_the_table_speaks_of_known_clocks_only() -> None:
    named = {
        kind
        for touch in TOUCHES.values()
        for kind in (*touch.stops, *touch.holds, *touch.releases, *touch.starts, *touch.starts_at_receipt)
    }
    assert named == set(KINDS)
