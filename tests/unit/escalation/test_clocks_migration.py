"""迁移: clocks that still count go over to the versions in force now, and only when somebody asks."""

from dataclasses import replace
from typing import Any

from services.escalation.domain import CLOCK_SETS
from services.escalation.domain.commands import Migrate
from services.escalation.domain.migrating import migrated
from shared.events.parts import Turn
from shared.events.sla import ClockBreached, ClocksChanged, RungFired
from shared.kernel.aggregate import Actor, Facts
from shared.kernel.refusal import UNCHANGED, Refusal
from tests.unit.escalation.story import Story, an_order, hours, instant
from tests.unit.escalation.whole_rules import a_calendar, a_policy, a_rule, every_clock, whole_rules

RECEIVED = "2026-03-02T09:00:00+08:00"
ELEVEN = "2026-03-02T11:00:00+08:00"
NOON = "2026-03-02T12:00:00+08:00"
ADMIN = Actor("agent", "root")
MIGRATE = Migrate(migration="m-1", actor=ADMIN)
LAST_DAY = "2026-12-31T17:00:00+08:00"


def newer(version: int = 2, **clocks: Any) -> Any:
    return a_policy(version=version, since=ELEVEN, clocks=every_clock(**clocks))


def in_progress(*published: Any, calendars: tuple[Any, ...] = (), base: Any = None) -> Story:
    rules = whole_rules(*((base,) if base else ()), *published, calendars=calendars)
    story = Story(rules=rules).created().dispatched().accepted()
    story.now = instant(NOON)
    return story


def test_a_published_version_waits_for_a_migration_and_then_counts_from_the_start() -> None:
    story = in_progress(newer(resolve=a_rule(24)))
    assert story.clock("resolve").policy.version == 1
    story.ask(MIGRATE)
    resolve = story.clock("resolve")
    assert (resolve.change, resolve.policy.version, resolve.target) == ("retargeted", 2, 1)
    assert resolve.due_at == instant(RECEIVED) + hours(24)
    assert resolve.first_due_at == instant(RECEIVED) + hours(48)
    assert resolve.turn == Turn("migration", "m-1", "agent:root")


def test_one_record_tells_of_every_clock_and_the_statutory_one_is_not_among_them() -> None:
    story = in_progress(newer())
    (changed,) = story.ask(MIGRATE)
    assert isinstance(changed, ClocksChanged)
    assert {clock.kind for clock in changed.clocks} == {"acknowledge", "first_response", "resolve"}
    assert story.clock("statutory").policy.version == 1


def test_only_the_kinds_that_were_named() -> None:
    story = in_progress(newer())
    story.ask(replace(MIGRATE, kinds=frozenset({"resolve"})))
    assert {clock.kind: clock.policy.version for clock in story.state.live}["acknowledge"] == 1


def test_the_mode_of_the_new_version_counts() -> None:
    story = in_progress(newer(resolve=a_rule(24, retarget="restart")))
    story.ask(MIGRATE)
    assert story.clock("resolve").due_at == instant(NOON) + hours(24)


def test_a_second_migration_finds_nothing() -> None:
    story = in_progress(newer())
    story.ask(MIGRATE)
    assert CLOCK_SETS.decide(story.state, MIGRATE, Facts(story.now, story.rules)) is UNCHANGED


def test_without_anything_newer_nothing_changes() -> None:
    story = in_progress()
    assert CLOCK_SETS.decide(story.state, MIGRATE, Facts(story.now, story.rules)) is UNCHANGED
    assert isinstance(CLOCK_SETS.decide(None, MIGRATE, Facts(story.now, story.rules)), Refusal)


def test_a_preview_says_what_the_migration_will_do() -> None:
    story = in_progress(newer(resolve=a_rule(24)))
    turn = Turn("migration", "m-1", "agent:root")
    expected = migrated(story.state, story.rules, story.now, turn=turn)
    (changed,) = story.ask(MIGRATE)
    assert isinstance(changed, ClocksChanged)
    assert list(changed.clocks) == list(expected)


def test_what_the_new_version_makes_late_is_breached_at_the_migration() -> None:
    story = in_progress(newer(resolve=a_rule(2)))
    story.ask(MIGRATE)
    (breach,) = story.told(ClockBreached)
    assert (breach.clock.breached_at, breach.clock.cause) == (instant(NOON), "retarget")
    assert [(name, what) for name, what in story.rungs("resolve")][-1] == ("100%", "fired")


def test_what_was_due_before_the_migration_is_told_by_the_old_version() -> None:
    story = in_progress(newer(resolve=a_rule(100)))
    story.now = instant("2026-03-03T10:00:00+08:00")
    events = story.ask(MIGRATE)
    rungs = [event for event in events if isinstance(event, RungFired) and event.clock.kind == "resolve"]
    assert [(event.rung.name, event.clock.policy.version) for event in rungs] == [("50%", 1)]


def test_an_extension_and_a_named_due_stand() -> None:
    until = "2026-03-09T09:00:00+08:00"
    story = in_progress(newer(resolve=a_rule(24), supervision=a_rule(1)))
    story.extension_decided(NOON, until=until).supervised(NOON, due_at=until)
    story.ask(MIGRATE)
    assert (story.clock("resolve").due_at, story.clock("resolve").policy.version) == (instant(until), 2)
    assert story.clock("supervision").due_at == instant(until)


def test_paused_clocks_go_over_and_stay_paused() -> None:
    story = in_progress(newer(resolve=a_rule(24))).suspended(ELEVEN)
    story.now = instant(NOON)
    story.ask(MIGRATE)
    assert (story.clock("resolve").state, story.clock("resolve").budget_seconds) == ("paused", 24 * 3600)


def test_a_newer_calendar_counts_working_time_anew_from_the_start() -> None:
    working = a_policy(clocks=every_clock(resolve=a_rule(8, "business"), review=a_rule(2, "work_days")))
    holiday = a_calendar(
        version=2, since=ELEVEN, closures=["2026-03-03"], overrides={"2026-03-02": [["10:00", "12:00"]]}
    )
    story = in_progress(base=working, calendars=(holiday,))
    assert story.clock("resolve").due_at == instant("2026-03-02T18:00:00+08:00")
    story.ask(MIGRATE)
    resolve = story.clock("resolve")
    assert (resolve.calendar.version, resolve.policy.version, resolve.elapsed_seconds) == (2, 1, 2 * 3600)
    assert resolve.due_at == instant("2026-03-04T16:00:00+08:00")


def test_clocks_that_read_no_days_do_not_care_for_a_newer_calendar() -> None:
    story = in_progress(calendars=(a_calendar(version=2, since=ELEVEN),))
    assert story.ask(MIGRATE) == ()


def test_days_are_counted_anew_by_a_newer_calendar() -> None:
    days = a_policy(clocks=every_clock(resolve=a_rule(2, "work_days")))
    story = in_progress(base=days, calendars=(a_calendar(version=2, since=ELEVEN, closures=["2026-03-03"]),))
    story.ask(MIGRATE)
    assert story.clock("resolve").due_at == instant("2026-03-06T00:00:00+08:00")


def beyond_the_calendar(**clocks: Any) -> Story:
    longer = a_calendar(version=2, since="2027-01-01T00:00:00+08:00", complete_until="2027-12-31")
    rules = whole_rules(a_policy(clocks=every_clock(**clocks)), calendars=(longer,))
    return Story(an_order(received_at=instant(LAST_DAY)), rules, now=instant(LAST_DAY)).created()


def test_a_clock_that_no_calendar_covered_gets_its_due_once_one_does() -> None:
    story = beyond_the_calendar(resolve=a_rule(8, "business"), statutory=a_rule(3, "work_days"))
    assert story.clock("resolve").not_covered
    assert story.clock("statutory").not_covered
    story.now = instant("2027-01-01T14:00:00+08:00")
    story.ask(MIGRATE)
    resolve, statutory = story.clock("resolve"), story.clock("statutory")
    assert (resolve.not_covered, resolve.due_at) == (False, instant("2027-01-01T17:00:00+08:00"))
    assert resolve.first_due_at is None
    assert resolve.ledger[0].since == instant(LAST_DAY)
    assert (statutory.not_covered, statutory.due_at) == (False, instant("2027-01-06T00:00:00+08:00"))
    assert ("50%", "fired") in story.rungs("resolve")
    assert story.ask(MIGRATE) == ()


def test_a_covered_statutory_clock_is_left_alone() -> None:
    story = beyond_the_calendar()
    story.now = instant("2027-01-01T14:00:00+08:00")
    story.ask(MIGRATE)
    assert story.clock("statutory").calendar.version == 1


def test_a_paused_clock_that_no_calendar_covered_is_reckoned_anew_too() -> None:
    story = beyond_the_calendar(resolve=a_rule(8, "business"))
    story.suspended("2027-01-01T10:00:00+08:00", wake_up_at="2027-01-08T09:00:00+08:00")
    story.now = instant("2027-01-01T14:00:00+08:00")
    story.ask(MIGRATE)
    resolve = story.clock("resolve")
    assert (resolve.state, resolve.due_at, resolve.elapsed_seconds) == ("paused", None, 2 * 3600)
    story.resumed("2027-01-04T09:00:00+08:00")
    assert story.clock("resolve").due_at == instant("2027-01-04T16:00:00+08:00")
