"""Asks the two tools one line at a time, in the words of the rules."""

from __future__ import annotations

import json
from typing import Any

from shared.cli.sla_compute import compute
from shared.cli.sla_lines import answer_line
from shared.cli.sla_simulate import simulate

Json = dict[str, Any]
_WORKDAYS = ("mon", "tue", "wed", "thu", "fri")


def office(**changes: Any) -> Json:
    """Mon-Fri 09-12 and 13-18 in Shanghai, with the Spring Festival of 2025."""
    return {
        "zone": "Asia/Shanghai",
        "weekly": {day: [["09:00", "12:00"], ["13:00", "18:00"]] for day in _WORKDAYS},
        "makeup_workdays": {"2025-01-26": "mon", "2025-02-08": "mon"},
        "holidays": [*(f"2025-01-{day}" for day in range(28, 32)), *(f"2025-02-0{day}" for day in range(1, 5))],
        "complete_until": "2025-12-31",
        **changes,
    }


def every_day(zone: str, *windows: str, **changes: Any) -> Json:
    """The same windows, written `00:00-06:00`, on all seven days."""
    pairs = [window.split("-") for window in windows]
    days = (*_WORKDAYS, "sat", "sun")
    return {"zone": zone, "weekly": dict.fromkeys(days, pairs), "complete_until": "2030-12-31", **changes}


def ask_compute(request: Json) -> Json:
    answer: Json = json.loads(answer_line(json.dumps(request).encode(), compute))
    return answer


def ask_simulate(request: Json) -> Json:
    answer: Json = json.loads(answer_line(json.dumps(request).encode(), simulate))
    return answer


def _asked(calendar: Json, op: str, unit: str, at: str, **more: Any) -> Json:
    return ask_compute({"id": 1, "calendar": calendar, "op": op, "unit": unit, "at": at, **more})


def add(calendar: Json, at: str, seconds: int, unit: str = "business") -> Any:
    answer = _asked(calendar, "add", unit, at, seconds=seconds)
    return answer.get("result") or answer["error"]["code"]


def sub(calendar: Json, at: str, seconds: int, unit: str = "business") -> Any:
    answer = _asked(calendar, "sub", unit, at, seconds=seconds)
    return answer.get("result") or answer["error"]["code"]


def between(calendar: Json, at: str, to: str, unit: str = "business") -> Any:
    answer = _asked(calendar, "between", unit, at, to=to)
    return answer["seconds"] if "seconds" in answer else answer["error"]["code"]


def days(calendar: Json, at: str, count: int, unit: str, *, roll: bool = False) -> Any:
    answer = _asked(calendar, "add", unit, at, count=count, roll_to_working_day=roll)
    return answer.get("result") or answer["error"]["code"]


def clock(budget: int, *rungs: Json, unit: str = "business", pausable: bool = True) -> Json:
    return {
        "kind": "resolve",
        "budget_seconds": budget,
        "unit": unit,
        "pausable": pausable,
        "rungs": list(rungs),
    }


def at_share(percent: float, key: str = "") -> Json:
    return {"key": key or f"{percent}%", "at_percent": percent}


def at_offset(seconds: int, unit: str = "natural", key: str = "") -> Json:
    return {"key": key or f"{seconds}s", "offset_seconds": seconds, "offset_unit": unit}


def play(calendar: Json, clock: Json, *events: str) -> Json:
    """Events written `2025-03-03T09:00 start` or `… retarget 14400 restart`, at +08:00."""
    parsed = []
    for event in events:
        at, kind, *rest = event.split()
        line: Json = {"at": f"{at}:00+08:00" if len(at) == 16 else at, "type": kind}
        line.update(zip(("budget_seconds", "mode"), (int(rest[0]), *rest[1:]), strict=False) if rest else ())
        parsed.append(line)
    return ask_simulate({"id": 1, "calendar": calendar, "clock": clock, "events": parsed})


def rungs(answer: Json) -> dict[str, tuple[str, str | None]]:
    return {rung["key"]: (rung["status"], rung["fire_at"]) for rung in answer["rungs"]}
