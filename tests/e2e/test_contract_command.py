"""The command as operators' scripts use it: what it prints, and how it exits."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest

from tests.e2e.outside import SERVICES, Outside

OFFICE = {
    "zone": "Asia/Shanghai",
    "weekly": {day: [["09:00", "12:00"], ["13:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
    "holidays": [f"2025-01-{day}" for day in range(28, 32)] + [f"2025-02-0{day}" for day in range(1, 5)],
    "makeup_workdays": {"2025-01-26": "mon", "2025-02-08": "mon"},
    "complete_until": "2025-12-31",
}
HOURS_8 = 8 * 3600


async def lines(outside: Outside, command: str, wanted: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    code, output, talk = await outside.command("sla", command, stdin="".join(json.dumps(w) + "\n" for w in wanted))
    assert (code, talk) == (0, "")
    return [json.loads(line) for line in output.splitlines()]


async def test_status_tells_scripts_everything_they_need(outside: Outside) -> None:
    code, output, _ = await outside.command("status", "-o", "json")
    status = json.loads(output)
    assert (code, status["state"], status["mode"]) == (0, "ready", "embedded")
    assert status["kafka"] == outside.status["kafka"]
    assert status["mongo"].startswith("mongodb://")
    assert status["state_dir"] == str(outside.installation.state_dir)
    assert {*SERVICES} <= set(status["services"])
    for service in SERVICES:
        assert set(status["services"][service]) >= {"url", "pid", "ready"}
        assert status["services"][service]["ready"] is True


async def test_a_token_is_printed_alone_and_opens_the_door(outside: Outside) -> None:
    code, output, talk = await outside.command("token", "--role", "handler", "--role", "leader")
    assert (code, talk) == (0, "")
    claims = jwt.decode(output.strip(), options={"verify_signature": False})
    assert (claims["sub"], claims["roles"]) == ("dev-handler", ["handler", "leader"])
    assert (claims["teams"], claims["regions"]) == (["*"], ["*"])
    assert claims["exp"] - claims["iat"] == 24 * 3600
    answer = await outside.anonymous(
        "GET", "workflow", "/v1/me", headers={"Authorization": f"Bearer {output.strip()}"}
    )
    assert answer.status_code == 200
    options = ("--role", "agent", "--team", "a", "--team", "b", "--region", "js", "--sub", "me", "--ttl", "15m")
    _, output, _ = await outside.command("token", *options)
    claims = jwt.decode(output.strip(), options={"verify_signature": False})
    assert (claims["sub"], claims["teams"], claims["regions"]) == ("me", ["a", "b"], ["js"])
    assert claims["exp"] - claims["iat"] == 15 * 60


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("dance",), 2),
        (("token",), 2),
        (("token", "--role", "king"), 2),
        (("token", "--role", "agent", "--ttl", "long"), 2),
        (("show", "wo_" + "0" * 32), 3),
        (("act", "wo_" + "0" * 32, "accept"), 3),
    ],
)
async def test_failures_have_their_exit_codes_and_say_why_on_stderr(
    outside: Outside, arguments: tuple[str, ...], code: int
) -> None:
    exit_code, output, talk = await outside.command(*arguments)
    assert (exit_code, output) == (code, "")
    assert talk


async def test_the_clock_moves_all_services(outside: Outside) -> None:
    before = await outside.now()
    code, _, _ = await outside.command("clock", "advance", "90s")
    assert code == 0
    for service in SERVICES:
        shown = (await outside.anonymous("GET", service, "/test/clock")).json()
        assert datetime.fromisoformat(shown["now"]) == before + timedelta(seconds=90)
    code, output, _ = await outside.command("clock", "show", "-o", "json")
    assert code == 0
    assert "rate" in output
    assert (await outside.command("clock", "advance", "soon"))[0] == 2


async def test_an_order_is_acted_on_listed_and_shown(outside: Outside) -> None:
    _, order = await outside.submit(customer={"id": "c-cli"})
    code, output, talk = await outside.command("act", order, "accept", "-o", "json")
    assert code == 0, talk
    assert json.loads(output)["status"] == "in_progress"
    code, output, talk = await outside.command("show", order, "-o", "json")
    assert (code, json.loads(output)["id"]) == (0, order), talk
    code, output, talk = await outside.command("list", "-o", "jsonl")
    assert code == 0, talk
    assert order in {json.loads(line)["id"] for line in output.splitlines()}
    code, _, talk = await outside.command("act", order, "accept")
    assert code == 4, talk


# -- sla


def adding(number: int, at: str, seconds: int, unit: str = "business") -> dict[str, Any]:
    return {"id": number, "calendar": OFFICE, "op": "add", "at": at, "seconds": seconds, "unit": unit}


async def test_the_worked_examples_compute(outside: Outside) -> None:
    days = {"calendar": OFFICE, "op": "add", "at": "2025-01-24T17:00:00+08:00", "unit": "natural_days", "count": 5}
    asked: list[tuple[dict[str, Any], Any]] = [
        (adding(1, "2025-03-01T22:00:00+08:00", 4 * 3600), "2025-03-03T06:00:00Z"),
        (adding(2, "2025-01-24T17:00:00+08:00", HOURS_8), "2025-01-26T09:00:00Z"),
        (adding(3, "2025-03-03T09:00:00+08:00", HOURS_8), "2025-03-03T10:00:00Z"),
        (adding(4, "2025-03-02T03:00:00+08:00", 0), "2025-03-01T19:00:00Z"),
        (adding(5, "2025-03-01T22:00:00.999+08:00", 60, "natural"), "2025-03-01T14:01:00Z"),
        ({**days, "id": 6}, "2025-01-29T16:00:00Z"),
        ({**days, "id": 7, "roll_to_working_day": True}, "2025-02-05T16:00:00Z"),
        ({**days, "id": 8, "unit": "work_days"}, "2025-02-07T16:00:00Z"),
        ({**adding(9, "2025-03-04T10:00:00+08:00", 3600), "op": "sub"}, "2025-03-04T01:00:00Z"),
    ]
    answers = await lines(outside, "compute", [question for question, _ in asked])
    assert [answer["result"] for answer in answers] == [wanted for _, wanted in asked]
    assert [answer["id"] for answer in answers] == list(range(1, 10))


async def test_bad_lines_get_an_error_line_and_stop_nothing(outside: Outside) -> None:
    between = {"id": "b", "calendar": OFFICE, "op": "between", "unit": "business"}
    span = {"at": "2025-03-03T11:00:00+08:00", "to": "2025-03-03T14:00:00+08:00"}
    answers = await lines(
        outside,
        "compute",
        [
            {**between, **span},
            {**between, "at": span["to"], "to": span["at"]},
            {**between, **span, "unit": "fortnights"},
            {**between, **span, "calendar": {**OFFICE, "zone": "Asia/Atlantis"}},
            adding(1, "2026-01-05T09:00:00+08:00", 0),
            adding(2, "2025-03-03T09:00:00", 60),
            {**between, **span, "id": "last"},
        ],
    )
    assert [answer.get("seconds", answer.get("error", {}).get("code")) for answer in answers] == [
        *(7200, "request_invalid", "request_invalid", "calendar_invalid", "calendar_not_covered", "request_invalid"),
        7200,
    ]
    code, output, _ = await outside.command("sla", "compute", stdin="not json\n")
    assert (code, json.loads(output)["error"]["code"]) == (0, "request_invalid")


def clock_line(number: int, *events: Mapping[str, Any], budget: int = HOURS_8) -> dict[str, Any]:
    rungs = [{"key": "half", "at_percent": 50}, {"key": "due", "at_percent": 100}]
    clock = {"kind": "resolve", "budget_seconds": budget, "unit": "business", "pausable": True, "rungs": rungs}
    return {"id": number, "calendar": OFFICE, "clock": clock, "events": list(events)}


def event(kind: str, at: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "at": f"{at}:00+08:00", **more}


async def test_clocks_are_simulated_edge_by_edge(outside: Outside) -> None:
    start = event("start", "2025-03-03T09:00")
    shorter = {"budget_seconds": 4 * 3600}
    retargeted, restarted, paused, at_due, after_due, cut = await lines(
        outside,
        "simulate",
        [
            clock_line(1, start, event("retarget", "2025-03-03T11:00", **shorter)),
            clock_line(2, start, event("retarget", "2025-03-03T11:00", mode="restart", **shorter)),
            clock_line(
                3,
                event("start", "2025-01-27T14:00"),
                event("pause", "2025-01-27T17:00"),
                event("resume", "2025-02-05T09:30"),
            ),
            clock_line(4, start, event("stop", "2025-03-03T18:00")),
            clock_line(5, start, {"type": "observe", "at": "2025-03-03T18:00:01+08:00"}),
            clock_line(6, start, event("retarget", "2025-03-03T15:00", **shorter)),
        ],
    )
    assert retargeted["due_at"] == "2025-03-03T06:00:00Z"
    assert restarted["due_at"] == "2025-03-03T08:00:00Z"
    assert (paused["due_at"], paused["elapsed_seconds"]) == ("2025-02-05T07:30:00Z", 3 * 3600)
    assert (at_due["state"], at_due["breached_at"], at_due["remaining_seconds"]) == ("stopped", None, 0)
    assert (after_due["state"], after_due["breached_at"]) == ("running", "2025-03-03T10:00:00Z")
    assert (cut["due_at"], cut["breached_at"]) == ("2025-03-03T06:00:00Z", "2025-03-03T07:00:00Z")
    assert [(rung["key"], rung["status"]) for rung in cut["rungs"]] == [("half", "fired"), ("due", "fired")]
