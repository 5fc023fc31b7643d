"""Ladders that repeat, timers that sleep, clocks that pause and are retargeted, against a walk through every second.

`CLOSEDLOOP_ORACLE_LADDERS` plays more of them than the usual run.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from services.escalation.domain.ladder import pass_time
from services.escalation.domain.policies import Repeat, RungEffect
from services.escalation.domain.rungs import expanded
from shared.kernel import sla_clock
from shared.kernel.sla_clock import Clock, ClockPlan, Decision, OffsetRung, RetargetMode, ShareRung
from shared.kernel.working_time import Calendar, SlaError, Unit, read_calendar
from tests.properties.sla.random_calendars import Scenario, a_scenario
from tests.properties.sla.repeating_clock import RepeatingClock
from tests.properties.sla.walked_time import Json, NotCovered, OutOfSight

LADDERS = int(os.environ.get("CLOSEDLOOP_ORACLE_LADDERS", "2_000"))
PER_SCENARIO = 200
UNITS: tuple[Unit, ...] = ("business", "natural")
MODES: tuple[RetargetMode, ...] = ("keep_elapsed", "restart", "keep_deadline", "min")
STEPS = {"pause": sla_clock.pause, "resume": sla_clock.resume, "stop": sla_clock.stop}
_EVENTS = ("watch", "watch", "sleep", "sleep", "sleep", "pause", "resume", "resume", "retarget", "stop")


@dataclass
class Ladder:
    """The same random ladder for both: `documents` for the walk, the rest for us."""

    rungs: list[ShareRung | OffsetRung] = field(default_factory=list)
    effects: list[RungEffect] = field(default_factory=list)
    documents: list[Json] = field(default_factory=list)

    def add(self, random: Random) -> None:
        key = f"r{len(self.rungs)}"
        if random.random() < 0.5:
            percent = random.choice(("0", "33.3", "50", "75", "100", "100", "120.5"))
            self.rungs.append(ShareRung(key, percent))
            self.documents.append({"at_percent": percent})
        else:
            offset, unit = random.choice((-100, -60, -1, 0, 0, 1, 30, 60)), random.choice(UNITS)
            self.rungs.append(OffsetRung(key, offset, unit))
            self.documents.append({"offset_seconds": offset, "offset_unit": unit})
        self.effects.append(RungEffect(repeat=self._a_repeat(random)))

    def _a_repeat(self, random: Random) -> Repeat | None:
        if random.random() < 0.3:
            return None
        repeat = Repeat(random.choice((1, 10, 30, 30, 60)), random.choice(UNITS), random.randint(2, 5))
        again = {"every": repeat.every, "every_unit": repeat.unit}
        for _ in range(repeat.times - 1):
            self.documents.append({**again, "repeats": len(self.documents) - 1})
        return repeat


@dataclass
class Played:
    """Our clock; every step notes what it decided under which retarget."""

    plan: ClockPlan
    calendar: Calendar
    clock: Clock | None = None
    targets: int = 0
    decided: Counter[tuple[int, int]] = field(default_factory=Counter)

    def happen(self, at: int, event: Json) -> list[Decision] | None:
        """What has become of every rung; None once the calendar does not reach so far."""
        try:
            self._step(at, event)
        except SlaError as error:
            if error.code != "calendar_not_covered":
                raise
            return None
        assert self.clock is not None
        return list(self.clock.decisions)

    def _step(self, at: int, event: Json) -> None:
        calendar = self.calendar
        if self.clock is None:
            self._take(sla_clock.start(self.plan, calendar, at))
            return
        if event["type"] == "sleep":
            self._take(pass_time(self.clock, calendar, at))
            return
        self._take(sla_clock.advance(self.clock, calendar, at))
        if event["type"] == "retarget":
            self.targets += 1
            self._take(sla_clock.retarget(self.clock, calendar, at, event["budget_seconds"], event["mode"]))
        elif event["type"] != "watch":
            self._take(STEPS[event["type"]](self.clock, calendar, at))

    def _take(self, step: sla_clock.Step) -> None:
        self.clock, happenings = step
        for happening in happenings:
            assert happening.at >= happening.planned, "nothing is early"
            if happening.rung is not None:
                self.decided[happening.rung, self.targets] += 1


def test_ladders_that_repeat_are_decided_as_they_were_lived_through() -> None:
    seed = int(os.environ.get("CLOSEDLOOP_ORACLE_SEED", "7"))
    played = 0
    while played < LADDERS:
        random = Random(seed)
        scenario = a_scenario(random, busy_minutes=True)
        calendar = read_calendar(scenario.document)
        for _ in range(PER_SCENARIO):
            played += _play(random, scenario, calendar)
        seed += 1


def _play(random: Random, scenario: Scenario, calendar: Calendar) -> bool:
    """True if the ladder could be climbed by both."""
    ladder = Ladder()
    for _ in range(random.randint(1, 3)):
        ladder.add(random)
    budget, unit = _a_budget(random), random.choice(UNITS)
    start, *later = _a_story(random, scenario)
    document = {"budget_seconds": budget, "unit": unit, "pausable": True, "rungs": ladder.documents}
    lived = RepeatingClock(scenario.walked, document, start[0])
    ours = Played(ClockPlan(budget, unit, pausable=True, rungs=expanded(ladder.rungs, ladder.effects)[0]), calendar)
    for at, event in (start, *later):
        try:
            expected = _lived(lived, at, event)
        except OutOfSight:
            return False
        got = ours.happen(at, event)
        if got != expected:
            raise AssertionError(f"{document}\n{start} {later}\nat {at} {event}\nlived {expected}\nours  {got}")
        if got is None:
            break
    assert set(ours.decided.values()) <= {1}, "each key is decided at most once"
    return True


def _lived(clock: RepeatingClock, at: int, event: Json) -> list[Decision] | None:
    """What has become of every rung; None once the calendar does not reach so far."""
    try:
        if event["type"] == "start":
            clock.start()
        elif event["type"] == "sleep":
            clock.sleep_until(at)
        else:
            clock.live_until(at)
            clock.happen(event)
    except NotCovered:
        return None
    return [Decision(rung.status, rung.at) for rung in clock.rungs]  # type: ignore[arg-type] # it says the same words


def _a_budget(random: Random) -> int:
    return random.choice((0, 1, 60, 100, random.randrange(200)))


def _a_story(random: Random, scenario: Scenario) -> list[tuple[int, Json]]:
    edges = [edge for edge in scenario.walked.edges if scenario.since <= edge < scenario.until]
    at = random.choice(edges) - random.randrange(100) if edges else scenario.since
    events: list[tuple[int, Json]] = [(at, {"type": "start"})]
    for _ in range(random.randint(1, 7)):
        at += random.choice((0, 1, 10, 30, 50, 60, 100, random.randrange(200)))
        event: Json = {"type": random.choice(_EVENTS)}
        if event["type"] == "retarget":
            event |= {"budget_seconds": _a_budget(random), "mode": random.choice(MODES)}
        events.append((at, event))
    return events
