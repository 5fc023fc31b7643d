"""`sla simulate` against the oracle. `CLOSEDLOOP_ORACLE_CLOCKS` plays more clocks than the usual run."""

from __future__ import annotations

import json
import os
from random import Random

from shared.cli.sla_lines import answer_line
from shared.cli.sla_simulate import simulate
from tests.properties.sla.random_calendars import Scenario, a_scenario, written
from tests.properties.sla.stepped_clock import live
from tests.properties.sla.walked_time import Json, OutOfSight

CLOCKS = int(os.environ.get("CLOSEDLOOP_ORACLE_CLOCKS", "1_500"))
PER_SCENARIO = 40
_EVENTS = ("pause", "pause", "resume", "resume", "retarget", "retarget", "observe", "start", "stop", "cancel")
_MODES = ("keep_elapsed", "restart", "keep_deadline", "min")


def test_every_clock_ends_as_it_was_lived_through() -> None:
    seed = int(os.environ.get("CLOSEDLOOP_ORACLE_SEED", "2025"))
    played = 0
    while played < CLOCKS:
        random = Random(seed)
        scenario = a_scenario(random, busy_minutes=random.random() < 0.8)
        for _ in range(PER_SCENARIO):
            played += _play(random, scenario, seed)
        seed += 1


def _play(random: Random, scenario: Scenario, seed: int) -> bool:
    """True if the clock could be played by both."""
    clock = _a_clock(random)
    events = _a_story(random, _an_interesting_instant(random, scenario))
    request = {
        "id": seed,
        "calendar": scenario.document,
        "clock": clock,
        "events": [{**event, "at": written(random, at)} for at, event in events],
    }
    try:
        expected = live(scenario.walked, clock, events)
    except OutOfSight:
        return False
    answer = json.loads(answer_line(json.dumps(request).encode(), simulate))
    if "error" in answer:
        del answer["error"]["detail"]
    if answer != {"id": seed, **expected}:
        raise AssertionError(f"asked {json.dumps(request)}\nlived {expected}\nanswered {answer}")
    return True


def _an_interesting_instant(random: Random, scenario: Scenario) -> int:
    """Shortly before work begins or ends, mostly; budgets are a few minutes."""
    edges = [edge for edge in scenario.walked.edges if scenario.since <= edge < scenario.until]
    if edges and random.random() < 0.8:
        return max(random.choice(edges) - random.randrange(200), scenario.since)
    return random.randrange(scenario.since, scenario.until)


def _a_clock(random: Random) -> Json:
    return {
        "kind": "resolve",
        "budget_seconds": _a_budget(random),
        "unit": random.choice(("business", "natural")),
        "pausable": random.random() < 0.9,
        "rungs": [_a_rung(random, f"r{place}") for place in range(random.randint(0, 5))],
    }


def _a_rung(random: Random, key: str) -> Json:
    if random.random() < 0.5:
        return {"key": key, "at_percent": random.choice((0, 10, 33.3, 50, 75, 99.99, 100, 100, 120.5, 200))}
    offset = random.choice((-200, -100, -60, -10, -1, 0, 0, 1, 10, 60, 100, 200))
    return {"key": key, "offset_seconds": offset, "offset_unit": random.choice(("business", "natural"))}


def _a_budget(random: Random) -> int:
    return random.choice((0, 1, 60, 100, random.randrange(300)))


def _a_story(random: Random, at: int) -> list[tuple[int, Json]]:
    events: list[tuple[int, Json]] = [(at, {"type": "start"})]
    for _ in range(random.randint(0, 8)):
        at += random.choice((0, 0, 1, 10, 30, 50, 60, 100, random.randrange(150)))
        event: Json = {"type": random.choice(_EVENTS)}
        if event["type"] in ("stop", "cancel") and random.random() < 0.5:
            event["type"] = "observe"
        if event["type"] == "retarget":
            event["budget_seconds"] = _a_budget(random)
            if random.random() < 0.8:
                event["mode"] = random.choice(_MODES)
        events.append((at, event))
    return events
