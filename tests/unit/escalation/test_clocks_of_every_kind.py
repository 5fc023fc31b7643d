"""The clocks beside the main way: updates, suspension, demands, sub-orders, and what waits after the end."""

import pytest

from services.escalation.domain.table import (
    APPEAL_WINDOW,
    ARCHIVE,
    EXTENSION_EXPIRY,
    SURVEY_CLOSE,
    WAKE_UP,
    is_alarm,
)
from shared.events.sla import ClocksChanged, RungFired
from tests.unit.escalation.story import Story, hours, instant
from tests.unit.escalation.whole_rules import a_calendar, a_policy, a_rule, every_clock, whole_rules

TEN = "2026-03-02T10:00:00+08:00"
ELEVEN = "2026-03-02T11:00:00+08:00"
NOON = "2026-03-02T12:00:00+08:00"
TWO = "2026-03-02T14:00:00+08:00"


def in_progress(**policy: object) -> Story:
    rules = whole_rules(a_policy(**policy))  # type: ignore[arg-type]  # fields of a policy
    return Story(rules=rules).created().dispatched().accepted()


def in_callback() -> Story:
    return in_progress().acknowledged().submitted(TEN).approved(ELEVEN).communicated(ELEVEN)


def closed() -> Story:
    return in_callback().called_back(NOON).closed(NOON)


def live(story: Story) -> set[str]:
    return {clock.kind for clock in story.state.live}


def test_the_next_update_counts_from_the_last_one() -> None:
    story = in_progress()
    assert "next_update" not in story.states()
    story.acknowledged(TEN).responded(ELEVEN).reported(NOON)
    starts = [clock.started_at for clock in story.state.clocks if clock.kind == "next_update"]
    assert starts == [instant(TEN), instant(ELEVEN), instant(NOON)]
    assert story.clock("next_update", 1).state == "stopped"


def test_after_the_decision_nobody_waits_for_an_update_until_the_next_cycle_brings_one() -> None:
    story = in_progress().submitted(TEN).approved(ELEVEN).communicated(ELEVEN).acknowledged(NOON)
    assert "next_update" not in live(story)
    story.called_back(TWO, satisfied=False).redispatched(TWO).dispatched(TWO).accepted(TWO)
    assert "next_update" not in live(story)
    assert "next_update" in live(story.reported(TWO))


def test_a_report_of_progress_is_a_first_response_too() -> None:
    assert in_progress().reported(TEN).states()["first_response"] == "stopped"


def test_a_returned_order_is_to_be_dispatched_again_and_arbitration_is_a_dispatch() -> None:
    story = Story(rules=whole_rules()).created().dispatched().returned(TEN)
    assert live(story) & {"dispatch", "accept"} == {"dispatch"}
    story.arbitrated(ELEVEN)
    assert live(story) & {"dispatch", "accept"} == {"accept"}


def test_a_suspension_has_a_cap_of_its_own_and_an_alarm_that_ends_it() -> None:
    story = in_progress().suspended(TEN, wake_up_at="2026-03-03T10:00:00+08:00")
    assert story.clock(WAKE_UP).due_at == instant("2026-03-03T10:00:00+08:00")
    assert story.clock("suspension").due_at == instant(TEN) + hours(72)  # the reason's, less than the rule's
    story.timers_until("2026-03-03T10:00:00+08:00")
    woken = [event.rung.command for event in story.told(RungFired) if event.clock.kind == WAKE_UP]
    assert [command.action for command in woken] == ["resume"]
    story.resumed()
    assert story.states()["suspension"] == "stopped"


def test_a_reason_without_a_cap_leaves_that_of_the_rule() -> None:
    story = in_progress().suspended(TEN, reason="complainant_unreachable")
    assert story.clock("suspension").due_at == instant(TEN) + hours(100)


def test_every_demand_has_a_clock_of_its_own_and_one_answer_stops_all() -> None:
    story = in_progress().supervised(TEN, 1, due_at=NOON).supervised(ELEVEN, 2, due_at=TWO)
    demands = [clock for clock in story.state.live if clock.kind == "supervision"]
    assert [(clock.subject, clock.due_at) for clock in demands] == [("1", instant(NOON)), ("2", instant(TWO))]
    story.supervision_answered(ELEVEN, numbers=(1, 2))
    assert "supervision" not in live(story)


def test_a_demand_is_breached_by_itself() -> None:
    story = in_progress().supervised(TEN, 1, due_at=ELEVEN).supervised(TEN, 2, due_at=TWO).timers_until(NOON)
    assert [clock.breached_at is not None for clock in story.state.clocks if clock.kind == "supervision"] == [
        True,
        False,
    ]


def test_every_sub_order_has_a_clock_and_those_released_stop_with_the_answer() -> None:
    story = in_progress().consulted(TEN, "s1").consulted(TEN, "s2", due_at=TWO).consulted(TEN, "s3")
    assert [clock.due_at for clock in story.state.live if clock.kind == "cooperation"] == [
        instant(TEN) + hours(10),
        instant(TWO),
        instant(TEN) + hours(10),
    ]
    story.suborder_answered(ELEVEN, "s1", released=("s2",))
    assert [clock.subject for clock in story.state.live if clock.kind == "cooperation"] == ["s3"]


def test_cooperation_counts_by_the_calendar_of_the_team_that_is_asked() -> None:
    clocks = every_clock(cooperation=a_rule(3, "business"))
    late_shift = a_calendar("late", weekly={"mon": [["14:00", "20:00"]]}, teams=frozenset({"lab"}))
    rules = whole_rules(a_policy(clocks=clocks), calendars=(late_shift,))
    story = Story(rules=rules).created().consulted(TEN, "s1", team="lab").consulted(TEN, "s2", team="core")
    dues = {clock.subject: clock.due_at for clock in story.state.live if clock.kind == "cooperation"}
    assert dues == {"s1": instant("2026-03-02T17:00:00+08:00"), "s2": instant(TWO)}


def test_a_request_for_more_time_expires_with_the_due_that_it_asks_to_move() -> None:
    story = in_progress().extension_asked(TEN)
    assert story.clock(EXTENSION_EXPIRY).due_at == story.clock("resolve").due_at
    assert story.extension_decided(ELEVEN, approved=False).states()[EXTENSION_EXPIRY] == "stopped"


def test_after_the_close_only_the_alarms_of_a_closed_order_wait() -> None:
    story = in_callback().liability_assigned(ELEVEN).called_back(NOON).closed(NOON)
    assert live(story) == {SURVEY_CLOSE, ARCHIVE, APPEAL_WINDOW}
    assert live(story.survey_closed(TWO)) == {ARCHIVE, APPEAL_WINDOW}
    assert live(story.archived(TWO)) == set()


def test_liability_that_becomes_final_lets_a_closed_order_be_archived_after_all() -> None:
    story = closed().liability_assigned(NOON).timers_until("2026-03-03T12:00:00+08:00")
    assert story.states()[ARCHIVE] == "stopped"  # it rang, and the order was not ready
    assert live(story.liability_settled("2026-03-05T12:00:00+08:00")) == {ARCHIVE}
    assert story.clock(ARCHIVE).started_at == instant("2026-03-05T12:00:00+08:00")


def test_liability_in_callback_starts_no_archive() -> None:
    assert ARCHIVE not in in_callback().liability_assigned(NOON).liability_revised(NOON).states()


def test_an_appeal_ends_the_window() -> None:
    assert APPEAL_WINDOW not in live(in_callback().liability_assigned(ELEVEN).liability_appealed(NOON))


def test_a_reopened_order_begins_a_cycle_without_the_clocks_that_never_start_again() -> None:
    story = closed().reopened("2026-03-03T09:00:00+08:00")
    assert live(story) == {"dispatch", "resolve"}
    assert story.clock("resolve").cycle == 2
    assert story.clock("resolve").due_at == instant("2026-03-05T09:00:00+08:00")
    assert "next_update" in live(story.dispatched().accepted().responded())


def test_what_the_regulator_reopens_gets_its_time_by_law_again() -> None:
    story = closed().reopened("2026-03-03T09:00:00+08:00", by="regulator")
    assert live(story) == {"dispatch", "resolve", "statutory"}
    assert story.clock("statutory").due_at == instant("2026-03-19T00:00:00+08:00")


@pytest.mark.parametrize("mode", ["cycle_mode", "reopen_mode"])
def test_the_last_resolve_clock_may_count_on_in_the_next_cycle(mode: str) -> None:
    story = in_progress(clocks=every_clock(resolve=a_rule(48, **{mode: "continue"})))
    story.submitted(ELEVEN).approved(NOON).communicated(NOON)
    if mode == "cycle_mode":
        story.called_back(TWO, satisfied=False).redispatched(TWO)
    else:
        story.called_back(TWO).closed(TWO).reopened(TWO)
    (resolve,) = [clock for clock in story.state.clocks if clock.kind == "resolve"]
    assert (resolve.state, resolve.change) == ("running", "resumed")
    assert resolve.due_at == instant(TWO) + hours(46)


@pytest.mark.parametrize(("end", "state"), [("voided", "cancelled"), ("cancelled", "cancelled")])
def test_an_order_that_leaves_cancels_whatever_counts(end: str, state: str) -> None:
    story = in_progress().supervised(TEN).consulted(TEN).suspended(TEN)
    counting = [clock.number for clock in story.state.live]
    getattr(story, end)(NOON)
    assert {story.state.clocks[number - 1].state for number in counting} == {state}
    assert live(story) == set()


def test_no_clock_but_alarms_counts_in_a_closed_order() -> None:
    story = closed()
    assert all(is_alarm(kind) for kind in live(story))


def test_a_kind_without_a_rule_has_no_clock() -> None:
    clocks = {kind: rule for kind, rule in every_clock().items() if kind != "suspension"}
    story = in_progress(clocks=clocks).suspended(TEN)
    assert "suspension" not in story.states()


def test_what_the_order_is_like_is_kept_once_until_it_changes() -> None:
    story = in_progress()
    kept = [event.traits for event in story.told(ClocksChanged)]
    assert kept[0] is not None
    assert story.state.traits.status == "in_progress"
    told = len(story.events)
    story.order = story.order.__class__(**{**_fields(story), "escalation_level": 2})
    story.liability_appealed(TEN)
    assert len(story.events) == told  # a level alone costs no record
    story.prioritised(TEN, "P2")
    assert story.told(ClocksChanged)[-1].traits == story.state.traits
    assert (story.state.traits.priority, story.state.traits.escalation_level) == ("P2", 2)


def _fields(story: Story) -> dict[str, object]:
    return {name: getattr(story.order, name) for name in story.order.__dataclass_fields__}
