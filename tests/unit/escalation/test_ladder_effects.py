"""What rungs do: repeats, conditions at fire time, quiet hours, webhooks, commands; exactly once over any outage."""

from collections import Counter
from typing import Any

from services.escalation.domain.policies import Rulebook
from shared.events.sla import RungCollapsed, RungFired
from tests.unit.escalation.story import Story, an_order, instant, rules_of

CALENDAR = (
    "{kind: calendar, id: c, version: 1, effective_from: '2025-01-01T00:00:00Z', zone: Asia/Shanghai, "
    "weekly: {mon: [['09:00', '18:00']], tue: [['09:00', '18:00']]}, complete_until: '2026-12-31'}"
)


def rules(*rungs: str, quiet: str = "") -> Rulebook:
    """A resolve clock of four natural hours from nine o'clock on, with this ladder."""
    hours = f"quiet_hours: {quiet}, " if quiet else ""
    policy = (
        "{kind: policy, id: p, version: 1, effective_from: '2025-01-01T00:00:00Z', calendar: c, "
        f"{hours}ladders: {{l: [{', '.join(rungs)}]}}, "
        "clocks: {resolve: {budget: 4h, unit: natural, ladder: l}}}"
    )
    return rules_of(policy, CALENDAR)


def story(*rungs: str, quiet: str = "", **order: Any) -> Story:
    return Story(rules=rules(*rungs, quiet=quiet), order=an_order(**order)).created()


def fired(story: Story) -> list[Any]:
    return [event.rung for event in story.told(RungFired)]


HOURLY = "{key: late, at_percent: 100, audience: [leader], repeat: {every: 1h, times: 4}}"


def test_a_rung_repeats_as_often_as_its_policy_says_each_time_under_a_key_of_its_own() -> None:
    late = story("{key: '50%', at_percent: 50}", HOURLY).timers_until("2026-03-03T09:00:00+08:00")
    repeats = fired(late)[1:]
    assert [rung.fired_at for rung in repeats] == [
        instant(f"2026-03-02T{hour}:00:00+08:00") for hour in range(13, 17)
    ]
    assert [rung.key for rung in repeats] == [f"{late.clock('resolve').id}/late/0/{n}" for n in range(1, 5)]
    assert [(rung.name, rung.level, rung.occurrence) for rung in repeats] == [("late", 2, n) for n in range(1, 5)]
    assert {rung.audience for rung in repeats} == {("leader",)}
    assert late.state.next_fire is None


def test_business_repeats_skip_what_is_no_working_time() -> None:
    rung = "{key: late, at_percent: 100, audience: [leader], repeat: {every: 6h, unit: business, times: 3}}"
    late = story(rung).timers_until("2026-03-20T09:00:00+08:00")
    assert [one.fired_at for one in fired(late)] == [
        instant("2026-03-02T13:00:00+08:00"),
        instant("2026-03-03T10:00:00+08:00"),
        instant("2026-03-03T16:00:00+08:00"),
    ]


def test_repeats_end_with_the_clock() -> None:
    late = (
        story(HOURLY).timers_until("2026-03-02T14:30:00+08:00").submitted().timers_until("2026-03-03T09:00:00+08:00")
    )
    assert len(fired(late)) == 2


def test_after_an_outage_the_last_repeat_fires_and_the_earlier_ones_collapse_with_their_times() -> None:
    late = story("{key: '50%', at_percent: 50}", HOURLY)
    late.outage_until("2026-03-02T15:20:00+08:00")
    [highest] = fired(late)
    assert (highest.occurrence, highest.late_ms) == (3, 20 * 60 * 1000)
    collapsed = [event.rung for event in late.told(RungCollapsed)]
    assert [(rung.name, rung.occurrence) for rung in collapsed] == [("50%", 1), ("late", 1), ("late", 2)]
    assert [rung.fire_at for rung in collapsed][1:] == [
        instant("2026-03-02T13:00:00+08:00"),
        instant("2026-03-02T14:00:00+08:00"),
    ]
    assert highest.collapsed == tuple(rung.key for rung in collapsed)
    late.timers_until("2026-03-03T09:00:00+08:00")
    keys = Counter(event.rung.key for event in late.told(RungFired, RungCollapsed))
    assert set(keys.values()) == {1}
    assert len(keys) == 5


def test_two_effects_at_one_time_both_happen_after_an_outage_too() -> None:
    at_due = story(
        "{key: escalate, at_percent: 100, command: {action: escalate, arguments: {level: 2}}}",
        "{key: watch, at_percent: 100, command: {action: supervise, arguments: {demand: d, due_in_seconds: 60}}}",
    )
    at_due.outage_until("2026-03-02T15:00:00+08:00")
    assert [rung.command.action for rung in fired(at_due)] == ["escalate", "supervise"]


def test_a_command_that_is_due_counts_from_when_its_rung_fires() -> None:
    carried = "{action: supervise, arguments: {demand: answer him, due_in_seconds: 7200}}"
    late = story(f"{{key: due, at_percent: 100, command: {carried}}}")
    late.outage_until("2026-03-02T15:00:00+08:00")
    [rung] = fired(late)
    assert rung.command.arguments == {"demand": "answer him", "due_at": "2026-03-02T09:00:00+00:00"}


def test_a_command_may_name_several_participants() -> None:
    carried = "{action: consult, arguments: {participants: [{team: lab}], question: why, rule: all}}"
    [rung] = fired(
        story(f"{{key: half, at_percent: 50, command: {carried}}}").timers_until("2026-03-02T11:00:00+08:00")
    )
    assert rung.command.arguments["participants"] == [{"team": "lab"}]


GOLD_ONLY = "{key: gold, at_percent: 75, audience: [company], webhook: true, when: {tier: gold}}"


def test_a_rung_does_something_only_if_its_conditions_hold() -> None:
    [gold] = fired(story(GOLD_ONLY, tier="gold").timers_until("2026-03-02T12:00:00+08:00"))
    assert (gold.audience, gold.actions, gold.unmet) == (("company",), ("notify", "webhook"), ())
    standard = story(GOLD_ONLY).timers_until("2026-03-02T12:00:00+08:00")
    [rung] = fired(standard)
    assert (rung.audience, rung.actions, rung.command, rung.unmet) == ((), (), None, ("tier",))
    assert standard.state.next_fire == instant("2026-03-02T13:00:01+08:00")


def test_conditions_are_compared_with_the_order_as_it_is_when_the_rung_fires() -> None:
    waiting = "{key: '50%', at_percent: 50, audience: [leader], when: {priority: P1}}"
    raised = story(waiting).prioritised("2026-03-02T10:00:00+08:00").timers_until("2026-03-02T11:00:00+08:00")
    assert [rung.audience for rung in fired(raised)] == [("leader",)]


def test_after_an_outage_a_rung_for_others_does_not_silence_the_one_below_it() -> None:
    for_all = "{key: '50%', at_percent: 50, audience: [leader]}"
    late = story(for_all, GOLD_ONLY)
    late.outage_until("2026-03-02T12:30:00+08:00")
    assert [(rung.name, rung.audience, rung.unmet) for rung in fired(late)] == [
        ("50%", ("leader",), ()),
        ("gold", (), ("tier",)),
    ]
    assert late.told(RungCollapsed) == []
    assert [rung.status for rung in late.clock("resolve").rungs] == ["fired", "fired"]


QUIET = "{from: '12:30', to: '13:30'}"
AT_DUE = "{key: due, at_percent: 100, audience: [leader], command: {action: escalate, arguments: {level: 1}}}"


def test_in_quiet_hours_people_are_told_later_but_commands_do_not_wait() -> None:
    [rung] = fired(story(AT_DUE, quiet=QUIET).timers_until("2026-03-02T13:00:00+08:00"))
    assert rung.quiet_until == instant("2026-03-02T13:30:00+08:00")
    assert (rung.audience, rung.command.action) == (("leader",), "escalate")


def test_quiet_hours_are_those_of_when_it_fires() -> None:
    late = story(AT_DUE, quiet=QUIET)
    late.outage_until("2026-03-02T13:45:00+08:00")
    assert fired(late)[0].quiet_until is None


def test_some_rungs_bypass_quiet_hours_and_some_disturb_nobody() -> None:
    loud = "{key: due, at_percent: 100, audience: [leader], quiet_hours: bypass}"
    mute = "{key: hook, at_percent: 100, webhook: true}"
    rungs = fired(story(loud, mute, quiet=QUIET).timers_until("2026-03-02T13:00:00+08:00"))
    assert [(rung.name, rung.quiet_until) for rung in rungs] == [("due", None), ("hook", None)]


def test_repeats_go_on_after_a_restart_where_they_stood() -> None:
    """The state goes through storage at every step of a story; here nothing fires for a while in between."""
    late = story(HOURLY).timers_until("2026-03-02T14:00:00+08:00")
    assert late.state.next_fire == instant("2026-03-02T15:00:00+08:00")
    late.outage_until("2026-03-02T15:00:00.300+08:00")
    late.timers_until("2026-03-03T09:00:00+08:00")
    assert [(rung.occurrence, rung.late_ms) for rung in fired(late)] == [(1, 0), (2, 0), (3, 300), (4, 0)]
