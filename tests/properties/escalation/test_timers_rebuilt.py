"""Deadlines and rungs can be thrown away: read off the log or the ledger again they are what they were."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from services.escalation.domain import CLOCK_SETS
from services.escalation.domain.clockwork import restored
from services.escalation.domain.instants import to_instant
from services.escalation.domain.policies import Rulebook
from services.escalation.domain.state import ClockSet
from shared.events.parts import ClockChange
from shared.events.sla import RungCollapsed, RungFired
from shared.kernel import sla_clock
from shared.kernel.aggregate import Snapshot
from shared.kernel.history import apply
from tests.unit.escalation.story import MONDAY, Story, instant, rules_of

CALENDAR = (
    "{kind: calendar, id: c, version: 1, effective_from: '2025-01-01T00:00:00Z', zone: Asia/Shanghai, weekly: "
    "{mon: [['09:00', '12:00'], ['13:00', '18:00']], tue: [['22:00', '06:00']], thu: [['00:00', '24:00']]}, "
    "complete_until: '2026-12-31'}"
)
LADDER = (
    "[{key: half, at_percent: 50, repeat: {every: 30m, times: 3}}, {key: soon, offset_seconds: -900, audience: "
    "[leader]}, {key: due, at_percent: 100, repeat: {every: 2h, unit: business, times: 4}}, "
    "{key: after, offset_seconds: 3600, offset_unit: business}]"
)
ACTIONS = (
    "dispatched", "accepted", "recalled", "transferred", "responded", "reported", "suspended", "resumed", "submitted",
    "rejected", "approved", "redispatched", "prioritised", "lowered", "watched", "slept", "slept",
)  # fmt: skip


def policy(name: str, match: str, resolve: str) -> str:
    return (
        f"{{kind: policy, id: {name}, version: 1, effective_from: '2025-01-01T00:00:00Z', rank: {len(name)}, "
        f"match: {match}, calendar: c, ladders: {{l: {LADDER}}}, clocks: {{accept: {{budget: 2h, unit: natural, "
        f"ladder: l}}, resolve: {resolve}}}, pauses: {{waiting_complainant: {{clocks: [resolve]}}}}}}"
    )


@cache
def rules() -> Rulebook:
    return rules_of(
        policy("p", "{}", "{budget: 8h, unit: business, ladder: l}"),
        policy("urgent", "{priority: P1}", "{budget: 3h, unit: business, ladder: l, retarget: restart}"),
        CALENDAR,
    )


seconds = st.one_of(st.integers(0, 3), st.integers(0, 7200), st.integers(0, 86_400))
ways = st.lists(st.tuples(st.sampled_from(ACTIONS), seconds), max_size=14)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(ways)
def test_timers_rebuilt_from_the_log_equal_the_running_ones(way: list[tuple[str, int]]) -> None:
    story = Story(rules=rules()).created()
    at = instant(MONDAY)
    for action, after in way:
        at += timedelta(seconds=after)
        step(story, action, at)
        folded = folded_anew(story)
        assert folded.state == story.state
        assert folded.state.next_fire == story.state.next_fire
        for clock in story.state.live:
            assert times_of(clock) == reckoned_anew(clock)
    decided = [event.rung for event in story.told(RungFired, RungCollapsed)]
    assert len({rung.key for rung in decided}) == len(decided), "each is decided once"
    assert all(rung.fired_at >= rung.fire_at for rung in decided), "none is early"


def step(story: Story, action: str, at: datetime) -> None:
    if action == "watched":
        story.timers_until(at.isoformat())
    elif action == "slept":
        story.outage_until(at.isoformat())
    elif action == "lowered":
        story.prioritised(at.isoformat(), "P3")
    else:
        getattr(story, action)(at.isoformat())


def folded_anew(story: Story) -> Snapshot[ClockSet]:
    snapshot: Snapshot[ClockSet] = replace(story.snapshot, state=None, version=0, sequence=0)
    for decision in story.decisions:
        snapshot = apply(CLOCK_SETS, snapshot, decision, decision.version)
    return snapshot


def times_of(clock: ClockChange) -> list[datetime | None]:
    return [clock.due_at, *(rung.fire_at for rung in clock.rungs if rung.status == "pending")]


def reckoned_anew(record: ClockChange) -> list[datetime | None]:
    """From the ledger and the pinned rules alone."""
    clock, calendar = restored(record, rules())
    times = sla_clock.rung_times(clock, calendar)
    pending = [time for time, decision in zip(times, clock.decisions, strict=True) if decision.status == "pending"]
    return [to_instant(time) for time in (sla_clock.due_at(clock, calendar), *pending)]
