"""The laws of working time (C4) and of clocks (E to H), for calendars and stories that nobody thought of."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from random import Random
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.kernel import sla_clock
from shared.kernel.sla_clock import Clock, ClockPlan, Happening, OffsetRung, Rung, ShareRung, Step
from shared.kernel.working_time import Calendar, parse_instant, read_calendar
from tests.properties.sla.random_calendars import ODD_DAYS, a_calendar

DAY = 86_400
steady = settings(derandomize=True, deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])


class Place(NamedTuple):
    """A calendar that works at least on one day of the week, and an instant near something odd."""

    calendar: Calendar
    at: int


@st.composite
def places(draw: st.DrawFn) -> Place:
    zone, day = draw(st.sampled_from(ODD_DAYS[:26]))
    midnight = parse_instant(f"{day}T00:00:00Z")
    random = Random(draw(st.integers(0, 10**6)))
    document = a_calendar(random, zone, _date(midnight))
    document["weekly"].setdefault("wed", [["09:00", "17:00"]])
    document["complete_until"] = "2090-12-31"
    if not any(document["weekly"].values()):
        document["weekly"]["wed"] = [["09:00", "17:00"]]
    return Place(read_calendar(document), midnight + draw(st.integers(-3 * DAY, 5 * DAY)))


def _date(instant: int) -> date:
    return date.fromordinal(date(1970, 1, 1).toordinal() + instant // DAY)


spans = st.one_of(st.sampled_from((0, 1, 60, 3600)), st.integers(0, 40 * 3600))


@steady
@given(places(), spans)
def test_c4_what_was_added_lies_between(place: Place, seconds: int) -> None:
    calendar, at = place
    assert calendar.between(at, calendar.add(at, seconds)) == seconds


@steady
@given(places(), spans)
def test_c4_what_was_subtracted_lies_between(place: Place, seconds: int) -> None:
    calendar, at = place
    assert calendar.between(calendar.sub(at, seconds), at) == seconds


@steady
@given(places(), st.integers(0, 9 * DAY))
def test_c4_the_earliest_and_the_latest_stay_within_the_span(place: Place, length: int) -> None:
    calendar, at = place
    worked = calendar.between(at, at + length)
    assert calendar.add(at, worked) <= at + length
    assert calendar.sub(at + length, worked) >= at


@steady
@given(places(), spans, spans)
def test_c4_adding_in_two_steps_is_adding_once(place: Place, first: int, second: int) -> None:
    calendar, at = place
    assert calendar.add(calendar.add(at, first), second) == calendar.add(at, first + second)
    assert calendar.sub(calendar.sub(at, first), second) == calendar.sub(at, first + second)


@steady
@given(places(), spans)
def test_c4_inside_a_window_subtracting_undoes_adding(place: Place, seconds: int) -> None:
    calendar, at = place
    inside = calendar.add(at, 1) - 1  # the start of the next second that is worked
    assert calendar.sub(calendar.add(inside, seconds), seconds) == inside


class Story(NamedTuple):
    calendar: Calendar
    plan: ClockPlan
    events: tuple[tuple[int, str, int], ...]  # instant, type or retarget mode, budget


_MODES = ("keep_elapsed", "restart", "keep_deadline", "min")
_budgets = st.one_of(st.sampled_from((0, 1, 3600)), st.integers(0, 20 * 3600))
_units = st.sampled_from(("business", "natural"))
_rungs: st.SearchStrategy[Rung] = st.one_of(
    st.builds(ShareRung, st.just("share"), st.sampled_from(("0", "12.5", "50", "99.9", "100", "150"))),
    st.builds(OffsetRung, st.just("offset"), st.integers(-9000, 9000), _units),
)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    calendar, at = draw(places())
    plan = draw(st.builds(ClockPlan, _budgets, _units, st.just(value=True), st.lists(_rungs, max_size=4).map(tuple)))
    events = [(at, "start", 0)]
    kinds = st.sampled_from(("pause", "resume", "advance", "stop", *_MODES))
    for kind in draw(st.lists(kinds, max_size=7)):
        at += draw(st.one_of(st.just(0), st.integers(0, DAY)))
        events.append((at, kind, draw(_budgets)))
    return Story(calendar, plan, tuple(events))


def _step(story: Story, clock: Clock | None, event: tuple[int, str, int]) -> Step:
    at, kind, budget = event
    if clock is None:
        return sla_clock.start(story.plan, story.calendar, at)
    match kind:
        case "pause":
            return sla_clock.pause(clock, story.calendar, at)
        case "resume":
            return sla_clock.resume(clock, story.calendar, at)
        case "stop":
            return sla_clock.stop(clock, story.calendar, at)
        case "keep_elapsed" | "restart" | "keep_deadline" | "min":
            return sla_clock.retarget(clock, story.calendar, at, budget, kind)
        case _:
            return sla_clock.advance(clock, story.calendar, at)


def _states(story: Story) -> list[Step]:
    states: list[Step] = []
    for event in story.events:
        states.append(_step(story, states[-1][0] if states else None, event))
    return states


@steady
@given(stories())
def test_e1_what_is_used_and_what_is_left_make_the_budget(story: Story) -> None:
    for clock, _ in _states(story):
        used = sla_clock.elapsed(clock, story.calendar)
        assert used >= 0
        assert used + sla_clock.remaining(clock, story.calendar) == clock.budget


@steady
@given(stories())
def test_e2_at_due_exactly_the_budget_is_used(story: Story) -> None:
    for clock, _ in _states(story):
        due = sla_clock.due_at(clock, story.calendar)
        if clock.state == "running" and due is not None and due >= clock.as_of:
            assert sla_clock.elapsed(clock, story.calendar, due) == clock.budget


@steady
@given(stories())
def test_e3_due_is_unknown_exactly_while_paused_before_it(story: Story) -> None:
    for clock, _ in _states(story):
        due = sla_clock.due_at(clock, story.calendar)
        if clock.state == "running":
            assert due is not None
        if clock.state == "paused":
            reached = bool(clock.ledger) and sla_clock.remaining(clock, story.calendar) <= 0
            assert (due is not None) == reached


@steady
@given(stories(), st.data())
def test_e4_looking_at_a_clock_on_the_way_changes_nothing(story: Story, data: st.DataObject) -> None:
    clock: Clock | None = None
    watched: Clock | None = None
    for event in story.events:
        happened: tuple[Happening, ...] = ()
        if watched is not None and event[0] >= watched.as_of:
            look = data.draw(st.integers(watched.as_of, event[0]))
            watched, happened = sla_clock.advance(watched, story.calendar, look)
        clock, at_once = _step(story, clock, event)
        watched, then = _step(story, watched, event)
        assert watched == clock
        assert happened + then == at_once


@steady
@given(stories())
def test_f3_a_breach_never_changes(story: Story) -> None:
    breached_at = None
    for clock, _ in _states(story):
        if breached_at is not None:
            assert clock.breached_at == breached_at
        breached_at = clock.breached_at


@steady
@given(stories())
def test_f1_a_running_clock_past_its_due_is_breached(story: Story) -> None:
    for clock, _ in _states(story):
        due = sla_clock.due_at(clock, story.calendar)
        if clock.state == "running" and due is not None and due < clock.as_of:
            assert clock.breached_at is not None


@steady
@given(stories(), _budgets)
def test_g_no_mode_breaks_its_promise(story: Story, budget: int) -> None:
    clock, _ = _states(story)[-1]
    before = sla_clock.due_at(clock, story.calendar)
    used = sla_clock.elapsed(clock, story.calendar)
    kept, _ = sla_clock.retarget(clock, story.calendar, clock.as_of, budget, "keep_deadline")
    least, _ = sla_clock.retarget(clock, story.calendar, clock.as_of, budget, "min")
    assert sla_clock.due_at(kept, story.calendar) == before
    assert sla_clock.elapsed(least, story.calendar) == used
    due = sla_clock.due_at(least, story.calendar)
    assert before is None or (due is not None and due <= before)


@steady
@given(stories())
def test_h_waking_at_the_next_event_misses_nothing_and_nothing_happens_in_between(story: Story) -> None:
    clock, _ = _states(story)[-1]
    horizon = clock.as_of + 3 * DAY
    jumped, at_once = sla_clock.advance(clock, story.calendar, horizon)
    happened: list[Happening] = []
    while (wake := sla_clock.next_event_at(clock, story.calendar)) is not None and wake <= horizon:
        clock, nothing = sla_clock.advance(clock, story.calendar, wake - 1)
        clock, something = sla_clock.advance(clock, story.calendar, wake)
        assert nothing == ()
        assert something != ()
        happened += something
    assert tuple(happened) == at_once
    assert replace(clock, as_of=jumped.as_of) == jumped


@steady
@given(stories())
def test_h2_no_running_clock_has_a_pending_rung_behind_it(story: Story) -> None:
    for clock, _ in _states(story):
        if clock.state == "running":
            times = sla_clock.rung_times(clock, story.calendar)
            pending = [d.status == "pending" for d in clock.decisions]
            assert all(
                time is not None and time > clock.as_of
                for time, is_pending in zip(times, pending, strict=True)
                if is_pending
            )
