"""`sla compute` against the oracle. `CLOSEDLOOP_ORACLE_CASES` asks more questions than the usual run."""

from __future__ import annotations

import json
import os
from random import Random

from shared.cli.sla_compute import compute
from shared.cli.sla_lines import answer_line
from tests.properties.sla.random_calendars import Scenario, a_scenario, an_instant, shown, written
from tests.properties.sla.walked_time import Json, NotCovered, OutOfSight

CASES = int(os.environ.get("CLOSEDLOOP_ORACLE_CASES", "100_000"))
PER_SCENARIO = 600
_NOT_COVERED = {"code": "calendar_not_covered"}


def test_every_answer_is_the_one_found_by_walking() -> None:
    seed = int(os.environ.get("CLOSEDLOOP_ORACLE_SEED", "2025"))
    asked = 0
    while asked < CASES:
        random = Random(seed)
        scenario = a_scenario(random)
        for _ in range(PER_SCENARIO):
            asked += _ask(random, scenario, seed)
        seed += 1


def _ask(random: Random, scenario: Scenario, seed: int) -> bool:
    """True if the question could be put to both."""
    request = {"id": seed, "calendar": scenario.document, **_question(random, scenario)}
    try:
        expected = _walked_answer(scenario, request)
    except OutOfSight:
        return False
    answer = json.loads(answer_line(json.dumps(request).encode(), compute))
    if "error" in answer:
        del answer["error"]["detail"]
    if answer != {"id": seed, **expected}:
        raise AssertionError(f"asked {json.dumps(request)}\nwalked {expected}\nanswered {answer}")
    return True


def _question(random: Random, scenario: Scenario) -> Json:
    at = an_instant(random, scenario)
    question: Json = {"_at": at, "at": written(random, at), "unit": "business"}
    op = random.choice(("add", "add", "between", "sub", "sub", "natural_days", "work_days"))
    if op in ("natural_days", "work_days"):
        roll = random.random() < 0.5
        question |= {"op": "add", "unit": op, "count": random.randint(1, 6), "roll_to_working_day": roll}
    elif op == "between":
        other = an_instant(random, scenario)
        at, to = min(at, other), max(at, other)
        question |= {"op": op, "_at": at, "at": written(random, at), "_to": to, "to": written(random, to)}
    else:
        question |= {"op": op, "seconds": _seconds(random, scenario, at, op)}
    return question


def _seconds(random: Random, scenario: Scenario, at: int, op: str) -> int:
    """Up to a little more than there is; often exactly the working time to another instant."""
    other = an_instant(random, scenario)
    worked = scenario.walked.worked_by(other) - scenario.walked.worked_by(at)
    exact = worked if op == "add" else -worked
    if exact >= 0 and random.random() < 0.7:
        return max(exact + random.choice((-1, 0, 0, 0, 1)), 0)
    return random.choice((0, 1, 60, 3600, random.randrange(200_000)))


def _walked_answer(scenario: Scenario, request: Json) -> Json:
    walked, at = scenario.walked, request.pop("_at")
    to = request.pop("_to", None)
    try:
        match request["unit"], request["op"]:
            case "natural_days", _:
                roll = request["roll_to_working_day"]
                return {"result": shown(walked.natural_days(at, request["count"], roll=roll))}
            case "work_days", _:
                return {"result": shown(walked.work_days(at, request["count"]))}
            case _, "between":
                return {"seconds": walked.between(at, to)}
            case _, "add":
                return {"result": shown(walked.add(at, request["seconds"]))}
            case _:
                return {"result": shown(walked.sub(at, request["seconds"]))}
    except NotCovered:
        return {"error": _NOT_COVERED}
