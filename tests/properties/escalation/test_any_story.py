"""Whatever happens to an order, and however late escalation hears of it: the laws of clocks, rungs and breaches."""

from collections import Counter
from datetime import datetime, timedelta
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from services.escalation.domain import CLOCK_SETS
from services.escalation.domain.commands import Fire
from services.escalation.domain.table import ARCHIVE, SURVEY_CLOSE, is_alarm
from shared.events.sla import ClockAtRisk, ClockBreached, RungCollapsed, RungFired
from shared.kernel.aggregate import Facts
from shared.kernel.refusal import UNCHANGED
from tests.unit.escalation.story import MONDAY, Story, instant

ACTIONS = (
    "acknowledged",
    "dispatched",
    "accepted",
    "recalled",
    "transferred",
    "responded",
    "submitted",
    "approved",
    "rejected",
    "communicated",
    "attempted",
    "called_back",
    "redispatched",
)
AFTER_CLOSE = frozenset({SURVEY_CLOSE, ARCHIVE})
STATUTORY_DUE = instant("2026-03-18T00:00:00+08:00")


class Happening(NamedTuple):
    """An action `after` seconds from the one before, heard of `heard` seconds later."""

    action: str
    after: int
    heard: int


seconds = st.one_of(st.integers(0, 3), st.integers(0, 7200), st.integers(0, 3 * 86_400))
happenings = st.builds(
    Happening, st.sampled_from(ACTIONS), seconds, st.one_of(st.just(0), st.just(0), st.integers(0, 86_400))
)
ways = st.tuples(st.lists(happenings, max_size=14), st.sampled_from(["closed", "cancelled", None]))
Way = tuple[list[Happening], str | None]
often = settings(max_examples=100, deadline=None, derandomize=True)


def live(way: Way, timers: bool = True) -> Story:
    """`timers`: they fire in time; else nothing fires but what a record brings along."""
    story = Story().created()
    happened = instant(MONDAY)
    for action, after, heard in way[0]:
        happened += timedelta(seconds=after)
        hear(story, action, happened, heard, timers)
    if way[1] is not None:
        hear(story, way[1], happened + timedelta(minutes=1), 0, timers)
    return story


def hear(story: Story, action: str, happened: datetime, heard: int, timers: bool) -> None:
    at = max(story.now, happened + timedelta(seconds=heard))
    if timers:
        story.timers_until(at.isoformat())
    story.now = at
    getattr(story, action)(happened.isoformat())


@often
@given(ways)
def test_the_laws_hold_in_any_story(way: Way) -> None:
    story = live(way)
    a_rung_is_decided_once_and_never_early(story)
    a_clock_is_breached_and_at_risk_at_most_once(story)
    nothing_moves_the_statutory_clock(story)
    at_most_one_clock_of_a_kind_runs(story)
    if way[1] is not None:
        allowed = AFTER_CLOSE if way[1] == "closed" else frozenset()
        assert {clock.kind for clock in story.state.live} <= allowed


def a_rung_is_decided_once_and_never_early(story: Story) -> None:
    decided = [event.rung for event in story.told(RungFired, RungCollapsed)]
    assert not [key for key, times in Counter(rung.key for rung in decided).items() if times > 1]
    assert all(rung.fired_at >= rung.fire_at and rung.late_ms >= 0 for rung in decided)


def a_clock_is_breached_and_at_risk_at_most_once(story: Story) -> None:
    for kind in (ClockBreached, ClockAtRisk):
        told = Counter(event.clock.id for event in story.told(kind))
        assert set(told.values()) <= {1}
    assert not [event for event in story.told(ClockBreached, ClockAtRisk) if is_alarm(event.clock.kind)]
    assert not [clock for clock in story.state.clocks if clock.breached_at is not None and is_alarm(clock.kind)]


def nothing_moves_the_statutory_clock(story: Story) -> None:
    (statutory,) = [clock for clock in story.state.clocks if clock.kind == "statutory"]
    assert statutory.due_at == STATUTORY_DUE
    assert len(statutory.ledger) == 1


def at_most_one_clock_of_a_kind_runs(story: Story) -> None:
    running = Counter(clock.kind for clock in story.state.running)
    assert set(running.values()) <= {1}


@often
@given(ways)
def test_after_firing_nothing_is_due(way: Way) -> None:
    story = live(way, timers=False)
    story.now += timedelta(days=2)
    story.ask(Fire())
    assert story.state.next_fire is None or story.state.next_fire > story.now
    assert CLOCK_SETS.decide(story.state, Fire(), Facts(story.now, story.rules)) is UNCHANGED


@often
@given(ways)
def test_an_outage_changes_when_it_is_told_but_not_what_was_due(way: Way) -> None:
    """Heard of in time and in order, the same rungs are decided and the same clocks breached, timers or not."""
    prompt = ([Happening(action, after, 0) for action, after, _ in way[0]], way[1])
    in_time, late = live(prompt), live(prompt, timers=False)
    for story in (in_time, late):
        story.outage_until("2026-06-01T00:00:00+08:00")
    assert clocks_of(in_time) == clocks_of(late)
    assert decided_of(in_time) == decided_of(late)


def clocks_of(story: Story) -> list[tuple[object, ...]]:
    """An alarm ends when it rings, so when it ended may differ."""
    clocks = [clock for clock in story.state.clocks if not is_alarm(clock.kind)]
    return [(c.id, c.kind, c.due_at, c.state, c.breached_at, c.ledger, c.change) for c in clocks]


def decided_of(story: Story) -> set[tuple[str, object]]:
    return {(event.rung.key, event.rung.fire_at) for event in story.told(RungFired, RungCollapsed)}
