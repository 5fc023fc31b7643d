"""Rungs, breaches and alarms: in time, after an outage, late, and never twice."""

from collections import Counter
from datetime import timedelta

from services.escalation.domain import CLOCK_SETS
from services.escalation.domain.commands import Fire
from services.escalation.domain.table import CALLBACK_ATTEMPT
from shared.events.sla import ClockAtRisk, ClockBreached, ClocksChanged, RungCollapsed, RungFired
from shared.kernel.aggregate import Facts
from shared.kernel.refusal import UNCHANGED, Refusal
from tests.unit.escalation.story import Story, instant, rules_of

WAITING_FOR_ACCEPT = "2026-03-02T09:00:00+08:00"


def assigned() -> Story:
    """Of an order assigned at nine the accept clock is due at eleven."""
    return Story().created().acknowledged().dispatched()


def test_rungs_fire_at_their_times_and_a_breach_is_decided_one_second_after_due() -> None:
    story = assigned().timers_until("2026-03-02T11:00:00+08:00")
    fired = [(e.rung.name, e.rung.fired_at, e.rung.late_ms) for e in story.told(RungFired)]
    assert fired == [
        ("50%", instant("2026-03-02T10:00:00+08:00"), 0),
        ("75%", instant("2026-03-02T10:30:00+08:00"), 0),
        ("90%", instant("2026-03-02T10:48:00+08:00"), 0),
    ]
    assert story.told(ClockBreached) == []
    assert story.state.next_fire == instant("2026-03-02T11:00:01+08:00")
    story.timers_until("2026-03-02T11:00:01+08:00")
    (breach,) = story.told(ClockBreached)
    assert (breach.clock.kind, breach.clock.breached_at) == ("accept", instant("2026-03-02T11:00:00+08:00"))


def test_nobody_accepts_so_the_order_is_recalled() -> None:
    story = assigned().timers_until("2026-03-02T11:00:01+08:00")
    assert [type(event) for event in story.events[-2:]] == [ClockBreached, RungFired]
    recall = story.told(RungFired)[-1]
    assert recall.rung.audience == ("department",)
    assert recall.rung.actions == ("notify", "recall")
    assert recall.rung.command.action == "recall"
    assert recall.rung.command.command_id == recall.rung.key == f"{story.clock('accept').id}/breach/0/1"
    assert recall.clock.started_at == instant(WAITING_FOR_ACCEPT)


def test_at_risk_is_told_once_with_its_first_rung() -> None:
    story = assigned().timers_until("2026-03-02T11:00:01+08:00")
    (at_risk,) = story.told(ClockAtRisk)
    assert (at_risk.clock.kind, at_risk.rung.name) == ("accept", "75%")
    assert story.clock("accept").warned


def test_audiences_climb() -> None:
    story = assigned().accepted().timers_until("2026-03-04T09:00:01+08:00")
    resolve = [e.rung for e in story.told(RungFired) if e.clock.kind == "resolve"]
    assert [rung.audience for rung in resolve] == [("handler",), ("handler", "leader"), ("leader",), ("department",)]
    assert [rung.level for rung in resolve] == [1, 2, 3, 4]
    assert (resolve[3].command.action, resolve[3].command.arguments) == ("escalate", {"level": 2})


def test_after_an_outage_the_highest_fires_and_the_lower_ones_collapse() -> None:
    story = assigned()
    events = story.outage_until("2026-03-02T13:00:00+08:00")
    assert [(type(e), e.clock.kind) for e in events] == [
        (RungCollapsed, "accept"),
        (ClockAtRisk, "accept"),
        (RungCollapsed, "accept"),
        (RungCollapsed, "accept"),
        (ClockBreached, "accept"),
        (RungFired, "accept"),
    ]
    highest = story.told(RungFired)[-1].rung
    assert highest.collapsed == tuple(f"{story.clock('accept').id}/{name}/0/1" for name in ("50%", "75%", "90%"))
    assert highest.late_ms == (2 * 3600 - 1) * 1000
    assert [e.rung.fire_at for e in story.told(RungCollapsed)] == [
        instant("2026-03-02T10:00:00+08:00"),
        instant("2026-03-02T10:30:00+08:00"),
        instant("2026-03-02T10:48:00+08:00"),
    ]


def test_what_several_clocks_missed_is_told_in_the_order_in_which_it_was_due() -> None:
    story = Story().created()
    events = story.outage_until("2026-03-20T09:00:00+08:00")
    planned = [
        e.rung.fire_at if isinstance(e, RungFired | RungCollapsed | ClockAtRisk) else e.clock.due_at for e in events
    ]
    assert planned == sorted(planned)
    assert Counter(type(e) for e in events)[ClockBreached] == 5
    assert story.outage_until("2026-04-20T09:00:00+08:00") == []


def test_firing_twice_finds_nothing_the_second_time() -> None:
    story = assigned()
    story.now = instant("2026-03-02T10:00:00.400+08:00")
    assert len(story.ask(Fire())) == 1
    assert story.ask(Fire()) == ()
    assert CLOCK_SETS.decide(story.state, Fire(), Facts(story.now, story.rules)) == UNCHANGED


def test_lateness_is_told_in_milliseconds() -> None:
    story = assigned()
    story.outage_until("2026-03-02T10:00:00.400+08:00")
    assert story.told(RungFired)[0].rung.late_ms == 400


def test_no_rung_fires_early() -> None:
    story = assigned()
    assert story.outage_until("2026-03-02T09:59:59.999+08:00") == []


def test_a_stop_at_due_is_in_time() -> None:
    story = assigned().timers_until("2026-03-02T11:00:00+08:00").accepted("2026-03-02T11:00:00.900+08:00")
    assert story.told(ClockBreached) == []
    assert story.clock("accept").breached_at is None


def test_nothing_fires_after_a_stop() -> None:
    story = assigned().timers_until("2026-03-02T10:00:00+08:00").accepted("2026-03-02T10:10:00+08:00")
    story.timers_until("2026-03-02T12:00:00+08:00")
    assert story.rungs("accept") == [("50%", "fired")]
    assert [rung.status for rung in story.clock("accept").rungs] == ["fired", "void", "void", "void"]


def test_what_was_due_before_a_stop_is_decided_with_it_but_its_command_is_moot() -> None:
    story = assigned().accepted("2026-03-02T12:00:00+08:00")
    assert story.rungs("accept") == [
        ("50%", "collapsed"),
        ("75%", "collapsed"),
        ("90%", "collapsed"),
        ("breach", "fired"),
    ]
    (fired,) = story.told(RungFired)
    assert fired.rung.command is None
    assert fired.rung.actions == ("notify",)
    (breach,) = story.told(ClockBreached)
    assert breach.clock.breached_at == instant("2026-03-02T11:00:00+08:00")
    assert isinstance(story.events[-1], ClocksChanged)
    assert story.clock("accept").change == "stopped"


def test_a_stop_that_comes_late_but_happened_in_time_corrects_and_keeps_the_breach() -> None:
    story = assigned().timers_until("2026-03-02T11:30:00+08:00").accepted("2026-03-02T10:20:00+08:00")
    accept = story.clock("accept")
    assert (accept.change, accept.state) == ("corrected", "stopped")
    assert accept.elapsed_seconds == 80 * 60
    assert accept.breached_at == instant("2026-03-02T11:00:00+08:00")


def test_a_stop_that_comes_late_before_any_breach_is_just_a_stop() -> None:
    story = assigned().timers_until("2026-03-02T10:50:00+08:00").accepted("2026-03-02T10:20:00+08:00")
    assert story.clock("accept").change == "stopped"
    assert story.clock("accept").elapsed_seconds == 80 * 60
    assert [rung.status for rung in story.clock("accept").rungs] == ["fired", "fired", "fired", "void"]


def test_a_late_stop_after_due_is_still_a_breach() -> None:
    story = assigned().timers_until("2026-03-02T12:30:00+08:00").accepted("2026-03-02T12:00:00+08:00")
    assert story.clock("accept").change == "stopped"


def test_a_stop_by_a_source_whose_clock_is_ahead_is_never_told_before_its_time() -> None:
    story = assigned()
    story.now = instant("2026-03-02T09:58:00+08:00")
    command_at = story.now
    story.accepted("2026-03-02T10:01:00+08:00")
    story.now = command_at
    (fired,) = story.told(RungFired)
    assert fired.rung.fired_at >= fired.rung.fire_at
    assert fired.rung.late_ms >= 0


def test_rungs_of_a_provisionally_stopped_clock_wait_and_are_decided_once() -> None:
    story = assigned().accepted().timers_until("2026-03-03T09:00:00+08:00")
    assert story.rungs("resolve") == [("50%", "fired")]
    story.submitted("2026-03-03T10:00:00+08:00")
    resolve = story.clock("resolve")
    assert [(rung.status, rung.fire_at) for rung in resolve.rungs][1:] == [("pending", None)] * 3
    story.timers_until("2026-03-03T16:00:00+08:00").rejected("2026-03-03T16:00:00+08:00")
    story.timers_until("2026-03-04T14:59:59+08:00")
    assert story.rungs("resolve") == [(name, "fired") for name in ("50%", "75%", "90%")]
    assert story.clock("resolve").due_at == instant("2026-03-04T15:00:00+08:00")


def test_a_review_that_counts_uses_up_the_time_it_took() -> None:
    rules = rules_of(
        "{kind: policy, id: p, version: 1, effective_from: '2025-01-01T00:00:00Z', calendar: c, "
        "clocks: {resolve: {budget: 8h, unit: natural, counts_review: true}}}",
        "{kind: calendar, id: c, version: 1, effective_from: '2025-01-01T00:00:00Z', zone: Asia/Shanghai, "
        "complete_until: '2026-12-31'}",
    )
    story = Story(rules=rules).created().submitted("2026-03-02T10:00:00+08:00")
    story.rejected("2026-03-02T15:00:00+08:00")
    resolve = story.clock("resolve")
    assert resolve.due_at == instant("2026-03-02T17:00:00+08:00")
    assert resolve.elapsed_seconds == 6 * 3600


def test_an_alarm_carries_its_command_once_and_is_over() -> None:
    story = assigned().accepted().responded().submitted().approved("2026-03-02T10:00:00+08:00")
    story.attempted("2026-03-02T10:30:00+08:00").timers_until("2026-03-03T10:30:00+08:00")
    alarm = next(e for e in story.told(RungFired) if e.clock.kind == CALLBACK_ATTEMPT)
    assert alarm.rung.command.action == "prompt_callback"
    assert (alarm.rung.audience, alarm.clock.state) == ((), "stopped")
    story.timers_until("2026-03-05T10:30:00+08:00")
    assert story.states()[CALLBACK_ATTEMPT] == "stopped"
    told = [e for e in story.told(ClockBreached, ClockAtRisk, RungFired) if e.clock.kind == CALLBACK_ATTEMPT]
    assert told == [alarm]


def test_every_rung_is_decided_under_a_key_of_its_own() -> None:
    story = assigned()
    for _ in range(3):
        due = story.state.next_fire
        assert due is not None
        story.timers_until((due + timedelta(hours=3)).isoformat())
        story.recalled().dispatched()
    keys = Counter(e.rung.key for e in story.told(RungFired, RungCollapsed))
    assert set(keys.values()) == {1}


def test_fire_of_an_order_that_is_not_known_is_refused() -> None:
    story = Story()
    outcome = CLOCK_SETS.decide(None, Fire(), Facts(story.now, story.rules))
    assert isinstance(outcome, Refusal)
