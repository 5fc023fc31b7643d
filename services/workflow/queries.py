"""The read side of work orders: one order, lists, its history, what a caller may do with it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.workflow.clocks import Clock, clock_json, clocks_of, is_breached, is_due_before
from services.workflow.domain import WORK_ORDERS
from services.workflow.domain.policies import objection
from services.workflow.domain.scope import READS_ALL, ROLES, in_scope
from services.workflow.domain.state import WorkOrder
from services.workflow.domain.states import OPEN
from services.workflow.domain.transitions import NOT_YET_SUPPORTED, TRANSITIONS
from services.workflow.schemas import ARGUMENTS
from shared.events.catalogue import wire_type
from shared.kernel.aggregate import Actor, Decision, Snapshot
from shared.kernel.history import states_after
from shared.runtime.context import Context
from shared.runtime.http.problems import ProblemError

Where = Mapping[str, Any]
SORTS = ("created_at", "updated_at", "received_at", "priority")
SCANNED_AT_ONCE = 200
SCANS = 25  # at most, for one page; a page may come out short then, but its cursor goes on


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which orders a list shows. `place` is (sort value, id) of the last one seen."""

    where: Sequence[Where]
    due_before: datetime | None = None
    breached: bool | None = None
    sort: str = "-created_at"
    place: tuple[Any, ...] | None = None
    limit: int = 50

    @property
    def looks_at_clocks(self) -> bool:
        return self.due_before is not None or self.breached is not None


async def readable(context: Context, order_id: str, caller: Actor) -> Snapshot[WorkOrder]:
    """Raises ProblemError not_found, also for an order out of the caller's scope."""
    found = await context.get(WORK_ORDERS, order_id)
    if found is None or found.state is None or not in_scope(found.state, caller):
        raise ProblemError("not_found")
    return found


def visible(caller: Actor) -> list[Where]:
    """The caller's scope as conditions, the same as `in_scope`."""
    if caller.roles & READS_ALL:
        return []
    conditions: list[Where] = []
    if "*" not in caller.regions:
        conditions.append({"$or": [below("region", region) for region in sorted(caller.regions)] or [{"_id": None}]})
    if "*" not in caller.teams:
        teams = sorted(caller.teams)
        conditions.append({"$or": [{"team": {"$in": [None, *teams]}}, {"involved": {"$in": teams}}]})
    return conditions


def below(name: str, subtree: str) -> Where:
    return {name: {"$regex": f"^{re.escape(subtree)}(/|$)"}}


async def page_of(
    context: Context, wanted: Wanted, now: datetime
) -> tuple[list[dict[str, Any]], tuple[Any, ...] | None]:
    """Orders, and the place after the last one looked at if there may be more.

    Clocks are a replica beside the orders, so a filter on them looks through the orders page by page.
    """
    size = SCANNED_AT_ONCE if wanted.looks_at_clocks else wanted.limit + 1
    items: list[dict[str, Any]] = []
    place = wanted.place
    for _ in range(SCANS):
        found = await context.find(WORK_ORDERS, _where(wanted, place), _order(wanted.sort), size)
        clocks = await clocks_of(context, [snapshot.id for snapshot in found])
        for number, snapshot in enumerate(found, start=1):
            place = _place(wanted.sort, snapshot)
            if _has_clock(wanted, clocks.get(snapshot.id, []), now):
                items.append(order_json(snapshot, clocks.get(snapshot.id, []), now))
            if len(items) == wanted.limit:
                return items, place if number < len(found) or len(found) == size else None
        if len(found) < size:
            return items, None
    return items, place


def _where(wanted: Wanted, place: tuple[Any, ...] | None) -> Where:
    conditions = list(wanted.where)
    if wanted.due_before is not None:
        conditions.append({"status": {"$in": sorted(OPEN)}})  # no clock runs in a terminal status
    if place is not None:
        name, direction = wanted.sort.lstrip("-"), "$lt" if wanted.sort.startswith("-") else "$gt"
        value, order_id = place
        conditions.append({"$or": [{name: {direction: value}}, {name: value, "_id": {"$gt": order_id}}]})
    return {"$and": conditions} if conditions else {}


def _order(sort: str) -> list[tuple[str, int]]:
    return [(sort.lstrip("-"), -1 if sort.startswith("-") else 1), ("_id", 1)]


def _place(sort: str, snapshot: Snapshot[WorkOrder]) -> tuple[Any, ...]:
    return getattr(snapshot.state, sort.lstrip("-")), snapshot.id


def _has_clock(wanted: Wanted, clocks: Sequence[Clock], now: datetime) -> bool:
    due_before, breached = wanted.due_before, wanted.breached
    if due_before is not None and not any(is_due_before(clock, due_before) for clock in clocks):
        return False
    return breached is None or breached == any(is_breached(clock, now) for clock in clocks)


def order_json(snapshot: Snapshot[Any], clocks: Sequence[Clock], now: datetime) -> dict[str, Any]:
    order: Any = snapshot.state
    return {
        "id": snapshot.id,
        "version": snapshot.version,
        **{name: getattr(order, name) for name in SHOWN},
        "clocks": [clock_json(clock, now) for clock in clocks],
        **{name: value for name in IF_ANY if (value := getattr(order, name)) is not None},
        **({"satisfaction": said} if (said := order.rating or order.satisfaction) else {}),
    }


SHOWN = (
    *("complaint_id", "number", "status", "cycle", "subject", "category", "priority", "tier", "region", "team"),
    *("assignee", "channel", "customer_id", "received_at", "created_at", "updated_at", "escalation_level", "flags"),
    *("counts", "severity_flags", "remedy_sought", "language", "demands", "suborders"),
)
IF_ANY = (
    *("object", "regulator_case", "repeat_of", "promised_reply_at", "route", "resolution", "rating", "liability"),
    *("last_callback", "closed_as", "closed_at", "suspension", "extension"),
)


async def timeline(context: Context, order_id: str) -> list[dict[str, Any]]:
    """Every decision on the order, oldest first, refused commands included."""
    items: list[dict[str, Any]] = []
    state: WorkOrder | None = None
    for decision in await context.history(WORK_ORDERS, order_id):
        state = [state, *states_after(WORK_ORDERS, state, decision)][-1]
        items.append(_entry(decision, state))
    return items


def _entry(decision: Decision, after: WorkOrder | None) -> dict[str, Any]:
    actor, refusal = decision.actor, decision.refusal
    return {
        "version": decision.version,
        "at": decision.at,
        "occurred_at": decision.occurred_at,
        "actor": {"kind": actor.kind, "id": actor.id, "org": actor.org},
        "cause": {"source": decision.cause.source, "id": decision.cause.id},
        "status": after.status if after else None,
        "events": [
            {"sequence": number, "type": wire_type(type(event)), "change": event}
            for number, event in enumerate(decision.events, start=decision.sequence + 1)
        ],
        **({"refusal": {"code": refusal.code, "detail": refusal.detail}} if refusal else {}),
    }


def actions_of(context: Context, snapshot: Snapshot[WorkOrder], caller: Actor) -> list[dict[str, Any]]:
    """Every action, whether it is allowed to this caller now, and what it needs or why not."""
    order, facts = snapshot.state, context.facts()
    if order is None:
        return []
    listed: list[dict[str, Any]] = []
    for action in (*TRANSITIONS, *sorted(NOT_YET_SUPPORTED)):
        refusal = objection(action, order, caller, facts)
        item: dict[str, Any] = {"action": action, "allowed": refusal is None}
        if refusal is not None:
            item |= {"code": refusal.code, "detail": refusal.detail}
        if action in ARGUMENTS:
            item |= {"roles": sorted(ROLES[action]), "arguments": ARGUMENTS[action].model_json_schema()}
        listed.append(item)
    return listed
