"""Moving the time of an installation in test mode, and keeping it where a service that starts again looks for it."""

import json
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

ORDER = ("intake", "workflow", "notifier", "escalation")
"""Escalation last: what its timers do then meets services that are there already."""
LONGEST_ANSWER_SECONDS = 40.0  # escalation answers when its due timers have fired
CLOCK_FILE = "clock.json"


def move(urls: Mapping[str, str], state_dir: Path, payload: Mapping[str, Any]) -> list[str]:
    """Moves all services by one of `advance_seconds`, `set` (RFC 3339) and `rate`.

    Returns the orders whose timers may not fire yet. Repeating a `set` or `rate` that failed halfway is safe. Raises
    httpx.HTTPError when a service cannot be reached or is not in test mode.
    """
    waiting: list[str] = []
    with httpx.Client(trust_env=False, timeout=LONGEST_ANSWER_SECONDS) as client:
        shown = _asked(client.get(f"{urls[ORDER[0]]}/test/clock"))
        wanted = _absolute(payload, datetime.fromisoformat(shown["now"]))
        # Kept first, so that a service that starts in the middle of the move comes up on the same side as the others.
        keep(state_dir, wanted.get("set", shown["now"]), wanted.get("rate", shown["rate"]))
        for service in ORDER:
            waiting = _asked(client.post(f"{urls[service]}/test/clock", json=wanted))["waiting"]
    return waiting


def keep(state_dir: Path, now: str, rate: float) -> None:
    """Writes down that it is `now` at this moment of the machine, and how fast it goes on."""
    draft = state_dir / f"{CLOCK_FILE}.new"
    draft.write_text(json.dumps({"now": now, "rate": rate, "machine": time.time()}))
    draft.replace(state_dir / CLOCK_FILE)


def _absolute(payload: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    if "advance_seconds" in payload:
        return {"set": (now + timedelta(seconds=payload["advance_seconds"])).isoformat()}
    return dict(payload)


def _asked(response: httpx.Response) -> dict[str, Any]:
    response.raise_for_status()
    found: dict[str, Any] = response.json()
    return found
