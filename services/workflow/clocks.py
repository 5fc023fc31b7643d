"""The order's clocks as far as workflow knows them: escalation's last word, carried on to now where that is exact."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from services.workflow.projection import CLOCKS
from shared.runtime.context import Context

Clock = Mapping[str, Any]
BUSINESS = frozenset({"business", "work_days"})


async def clocks_of(context: Context, order_ids: Iterable[str]) -> Mapping[str, list[Clock]]:
    """By order, oldest first; of several clocks of one kind, all."""
    found = await context.database.collection(CLOCKS).find({"work_order": {"$in": list(order_ids)}})
    clocks: dict[str, list[Clock]] = defaultdict(list)
    for clock in sorted(found, key=lambda clock: (clock["started_at"], clock["clock"])):
        clocks[clock["work_order"]].append(clock)
    return clocks


def is_breached(clock: Clock, now: datetime) -> bool:
    """A fact once it happened; at due it has not happened yet."""
    return clock["breached_at"] is not None or (
        _runs(clock) and clock["due_at"] is not None and now > clock["due_at"]
    )


def is_due_before(clock: Clock, instant: datetime) -> bool:
    return _runs(clock) and clock["due_at"] is not None and clock["due_at"] < instant


def clock_json(clock: Clock, now: datetime) -> dict[str, Any]:
    """Seconds as of `as_of`: now, but for working time the moment of escalation's last word, since a calendar is
    needed to carry it on. Remaining seconds are negative once overdue."""
    elapsed, as_of = clock["elapsed_seconds"], clock["as_of"]
    if _runs(clock) and elapsed is not None and clock["unit"] not in BUSINESS:
        elapsed, as_of = elapsed + max(0, int((now - as_of).total_seconds())), max(now, as_of)
    return {
        "id": clock["clock"],
        "kind": clock["kind"],
        "state": clock["state"],
        "started_at": clock["started_at"],
        "due_at": clock["due_at"],
        "budget_seconds": clock["budget_seconds"],
        "unit": clock["unit"],
        "elapsed_seconds": elapsed,
        "remaining_seconds": None if elapsed is None else clock["budget_seconds"] - elapsed,
        "as_of": as_of,
        "breached": is_breached(clock, now),
    }


def _runs(clock: Clock) -> bool:
    return bool(clock["state"] == "running")
