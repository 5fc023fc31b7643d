"""The read side: the clocks of one work order as they stand now."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.escalation.domain import CLOCK_SETS
from services.escalation.domain.clockwork import DECIDED, elapsed_at, restored
from services.escalation.domain.instants import to_seconds
from services.escalation.domain.ladder import rung_key
from services.escalation.domain.policies import Rulebook
from services.escalation.domain.state import ClockSet
from shared.events.parts import ClockChange
from shared.kernel.aggregate import Actor
from shared.kernel.ids import CLOCK_SET, WORK_ORDER, sibling
from shared.runtime.context import Context
from shared.runtime.http.problems import ProblemError

READS_ALL = frozenset({"admin", "auditor"})
EVERYTHING = "*"
MOST_UNCOVERED = 2_000


async def clocks_of(context: Context, order_id: str, caller: Actor) -> list[Mapping[str, Any]]:
    """Newest last. Raises ProblemError not_found, also for an order out of the caller's scope."""
    known = order_id.startswith(WORK_ORDER)
    snapshot = await context.get(CLOCK_SETS, sibling(order_id, CLOCK_SET)) if known else None
    if snapshot is None or snapshot.state is None or not visible(snapshot.state, caller):
        raise ProblemError("not_found")
    facts = context.facts()
    return [clock_json(clock, facts.reference, facts.now) for clock in snapshot.state.clocks]


async def uncovered_of(context: Context, caller: Actor) -> list[Mapping[str, Any]]:
    """Orders of the caller's scope with a running clock whose calendar does not reach so far; the first of them."""
    found = await context.find(CLOCK_SETS, {"not_covered": True}, [("_id", 1)], MOST_UNCOVERED)
    return [
        {
            "work_order_id": snapshot.state.work_order_id,
            "region": snapshot.state.region,
            "team": snapshot.state.team,
            "clocks": [
                {"id": clock.id, "kind": clock.kind, "calendar": clock.calendar, "started_at": clock.started_at}
                for clock in snapshot.state.running
                if clock.not_covered
            ],
        }
        for snapshot in found
        if snapshot.state is not None and visible(snapshot.state, caller)
    ]


def visible(clocks: ClockSet, caller: Actor) -> bool:
    """Region and team must be the caller's; an order that no team has belongs to everybody of its region."""
    if caller.roles & READS_ALL:
        return True
    of_team = clocks.team is None or EVERYTHING in caller.teams or clocks.team in caller.teams
    return of_team and any(_within(clocks.region, region) for region in caller.regions)


def _within(region: str, served: str) -> bool:
    return served in (EVERYTHING, region) or region.startswith(f"{served}/")


def clock_json(clock: ClockChange, rules: Rulebook, now: datetime) -> Mapping[str, Any]:
    """A clock as of `now`: a running one goes on counting between two events."""
    elapsed = elapsed_now(clock, rules, now)
    return {
        "id": clock.id,
        "number": clock.number,
        "cycle": clock.cycle,
        "kind": clock.kind,
        "state": clock.state,
        "unit": clock.unit,
        "budget_seconds": clock.budget_seconds,
        "started_at": clock.started_at,
        "due_at": clock.due_at,
        "elapsed_seconds": elapsed,
        "remaining_seconds": None if elapsed is None else clock.budget_seconds - elapsed,
        "as_of": now,
        "breached": clock.breached_at is not None,
        "breached_at": clock.breached_at,
        "corrected": clock.change == "corrected",
        "provisional": clock.provisional,
        "not_covered": clock.not_covered,
        "policy": clock.policy,
        "calendar": clock.calendar,
        "matched": clock.matched,
        "rungs": [
            {
                "key": rung_key(clock, rung.name, rung.occurrence, rung.target if rung.status in DECIDED else None),
                "name": rung.name,
                "occurrence": rung.occurrence,
                "status": rung.status,
                "fire_at": rung.fire_at,
            }
            for rung in clock.rungs
        ],
    }


def elapsed_now(clock: ClockChange, rules: Rulebook, now: datetime) -> int | None:
    """None where the calendar cannot tell."""
    if clock.state != "running" or clock.not_covered:
        return clock.elapsed_seconds
    return elapsed_at(*restored(clock, rules), to_seconds(now))
