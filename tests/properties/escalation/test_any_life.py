"""Whatever order records come in, with pauses, extensions and new terms: ledgers, keys and promises hold."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from services.escalation.domain import CLOCK_SETS
from services.escalation.domain.commands import Fire, Migrate
from services.escalation.domain.policies import Rulebook
from services.escalation.domain.table import PAUSABLE, is_alarm
from shared.events.parts import ClockChange
from shared.events.sla import ClockBreached, RungCollapsed, RungFired
from shared.kernel.aggregate import Snapshot
from shared.kernel.history import fold
from shared.kernel.working_time import units
from tests.unit.escalation.story import MONDAY, Story, instant
from tests.unit.escalation.whole_rules import a_calendar, a_policy, a_rule, every_clock, for_priority, whole_rules

ACTIONS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    *((name, {}) for name in ("acknowledged", "dispatched", "accepted", "recalled", "transferred", "returned")),
    *((name, {}) for name in ("responded", "reported", "submitted", "approved", "rejected", "communicated")),
    *((name, {}) for name in ("attempted", "called_back", "redispatched", "resumed", "resumed", "survey_closed")),
    *((name, {}) for name in ("liability_assigned", "liability_settled", "extension_asked", "closed", "reopened")),
    *(
        ("suspended", {"reason": reason})
        for reason in ("waiting_complainant", "complainant_unreachable", "everything")
    ),
    *(("prioritised", {"priority": priority}) for priority in ("P1", "P2", "P3", "P4")),
    ("supervised", {"number": 1}),
    ("supervised", {"number": 2}),
    ("supervision_answered", {"numbers": (1, 2)}),
    ("consulted", {"name": "s1"}),
    ("consulted", {"name": "s2"}),
    ("suborder_answered", {"name": "s1", "released": ("s2",)}),
    *(("extension_decided", {"until": f"2026-03-0{day}T15:00:00+08:00"}) for day in (4, 9)),
    ("extension_decided", {"until": "2026-04-01T00:00:00+08:00", "reason": "force_majeure"}),
    ("migrated", {}),
)
TERMINAL = ("closed", "cancelled", "voided", "archived")


class Happening(NamedTuple):
    """An action `after` seconds from the one before, heard of `heard` seconds later."""

    action: tuple[str, Mapping[str, Any]]
    after: int
    heard: int


seconds = st.one_of(st.integers(0, 3), st.integers(0, 7200), st.integers(0, 2 * 86_400))
happenings = st.builds(Happening, st.sampled_from(ACTIONS), seconds, st.sampled_from([0, 0, 0, 1, 4000, 90_000]))
lives = st.tuples(st.lists(happenings, max_size=16), st.sampled_from([*TERMINAL, None]))
often = settings(max_examples=150, deadline=None, derandomize=True)


def rules() -> Rulebook:
    """Every mode of retarget, every unit, and a version that comes into force on the way."""
    modes = {"P1": ("keep_elapsed", "business"), "P2": ("restart", "natural"), "P4": ("min", "work_days")}
    urgent = [
        for_priority(priority, f"for.{priority}", resolve=a_rule(3, unit, retarget=mode), first_response=a_rule(2))
        for priority, (mode, unit) in modes.items()
    ]
    goes_on = every_clock(resolve=a_rule(30, cycle_mode="continue", retarget="keep_deadline"), review=a_rule(1))
    newer = a_policy(version=2, since="2026-03-04T00:00:00+08:00", clocks=goes_on)
    working = a_policy(clocks=every_clock(cooperation=a_rule(9, "business"), review=a_rule(8, "business")))
    calendar = a_calendar(version=2, since="2026-03-05T00:00:00+08:00", closures=["2026-03-06"])
    return whole_rules(working, newer, *urgent, calendars=(calendar,))


RULES = rules()


def live(way: tuple[list[Happening], str | None]) -> Story:
    story = Story(rules=RULES).created()
    happened = instant(MONDAY)
    for (action, arguments), after, heard in way[0]:
        happened += timedelta(seconds=after)
        story.timers_until(max(story.now, happened + timedelta(seconds=heard)).isoformat())
        if action == "migrated":
            story.ask(Migrate(migration="m"))
        else:
            getattr(story, action)(at=happened.isoformat(), **arguments)
    if way[1] is not None:
        getattr(story, way[1])(max(story.now, happened).isoformat())
    return story


@often
@given(lives)
def test_the_laws_hold_in_any_life(way: tuple[list[Happening], str | None]) -> None:
    story = live(way)
    for clock in story.state.clocks:
        the_ledger_adds_up(clock)
        a_pause_was_allowed(clock)
    the_statutory_clock_moves_for_a_legal_reason_alone(story)
    a_rung_is_decided_once_under_its_key(story)
    a_breach_is_told_once_and_stays(story)
    running = Counter((clock.kind, clock.subject) for clock in story.state.live)
    assert set(running.values()) <= {1}
    if way[1] is not None:
        assert all(is_alarm(clock.kind) for clock in story.state.live)


def the_ledger_adds_up(clock: ClockChange) -> None:
    ends = [ran.until for ran in clock.ledger]
    assert all(end is not None for end in ends[:-1])
    assert all(one.until is not None and one.until <= other.since for one, other in pairwise(clock.ledger))
    assert all(ran.until is None or ran.since <= ran.until for ran in clock.ledger)
    if (clock.ledger and ends[-1] is None) or is_alarm(clock.kind):
        return
    calendar = RULES.calendar(clock.calendar)
    unit: units.Unit = "business" if clock.unit == "business" else "natural"
    ran = [(int(ran.since.timestamp()), int(ran.until.timestamp())) for ran in clock.ledger if ran.until]
    assert sum(units.between(calendar, unit, since, until) for since, until in ran) == clock.elapsed_seconds


def a_pause_was_allowed(clock: ClockChange) -> None:
    """Only some kinds may be paused at all, and a retarget divides an interval without a gap."""
    if clock.kind not in PAUSABLE:
        assert not clock.pauses
        if clock.cycle == 1 and clock.kind != "resolve":
            assert all(one.until == other.since for one, other in pairwise(clock.ledger))
    policy = RULES.policy(clock.policy)
    assert all(times <= (policy.pauses[code].times or times) for code, times in clock.pauses.items())


def the_statutory_clock_moves_for_a_legal_reason_alone(story: Story) -> None:
    for clock in story.state.clocks:
        if clock.kind != "statutory":
            continue
        assert clock.state != "paused"
        moved = [ran.began for ran in clock.ledger[1:] if ran.began is not None]
        assert {turn.reason for turn in moved} <= {"force_majeure"}
        assert len(moved) == clock.target
        assert clock.target == 0 or clock.due_at == instant("2026-04-01T00:00:00+08:00")


def a_rung_is_decided_once_under_its_key(story: Story) -> None:
    decided = Counter(event.rung.key for event in story.told(RungFired, RungCollapsed))
    assert not [key for key, times in decided.items() if times > 1]
    assert all(event.rung.fired_at >= event.rung.fire_at for event in story.told(RungFired, RungCollapsed))


def a_breach_is_told_once_and_stays(story: Story) -> None:
    told = {event.clock.id: event.clock.breached_at for event in story.told(ClockBreached)}
    assert len(told) == len(story.told(ClockBreached))
    assert {c.id: c.breached_at for c in story.state.clocks if c.breached_at is not None} == told
    assert all(clock.cause for clock in story.state.clocks if clock.id in told and clock.change != "corrected")


@often
@given(lives)
def test_the_log_folded_anew_is_the_state_with_every_timer(way: tuple[list[Happening], str | None]) -> None:
    story = live(way)
    again = fold(CLOCK_SETS, Snapshot(story.snapshot.id), [(1, story.decisions)])
    assert again.state == story.state
    assert again.state is not None
    assert again.state.next_fire == story.state.next_fire


@often
@given(lives)
def test_after_firing_nothing_is_due(way: tuple[list[Happening], str | None]) -> None:
    story = live(way)
    story.now += timedelta(days=3)
    story.ask(Fire())
    assert story.state.next_fire is None or story.state.next_fire > story.now
