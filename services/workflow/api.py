"""The routes of workflow: translate, one command or query, translate back."""

import re
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime
from starlette.responses import Response

from services.workflow import admin_api, stream
from services.workflow.clocks import clocks_of
from services.workflow.domain import WORK_ORDERS
from services.workflow.domain.commands import Unsupported, WorkOrderCommand
from services.workflow.domain.scope import forbidden, has_verb
from services.workflow.domain.states import Status
from services.workflow.domain.transitions import ACTIONS, NOT_YET_SUPPORTED
from services.workflow.queries import (
    SORTS,
    Wanted,
    Where,
    actions_of,
    below,
    order_json,
    page_of,
    readable,
    timeline,
    visible,
)
from services.workflow.schemas import ARGUMENTS
from shared.kernel.aggregate import Actor
from shared.runtime.context import Context
from shared.runtime.http.answers import answer, page, respond, show
from shared.runtime.http.auth import Caller
from shared.runtime.http.bodies import OptionalJsonBody
from shared.runtime.http.problems import ProblemError, parse
from shared.runtime.http.requests import Cursor, ExpectedVersion, Limit, RequestCause, encode_cursor, refuse_stale

PLAIN = r"^[^\x00]*$"  # the database refuses to look for anything else
NO_STORE = {"Cache-Control": "no-store"}
Choice = Annotated[str | None, Query(max_length=500, description="One value, or several with commas between.")]
Subtree = Annotated[
    str | None,
    Query(max_length=200, pattern=PLAIN, description="A path; what lies below it belongs to it."),
]


def routes(context: Context) -> APIRouter:
    router = APIRouter()
    router.include_router(_lists(context))
    router.include_router(_orders(context))
    router.include_router(admin_api.routes(context))
    router.include_router(stream.routes(context))
    return router


def _lists(context: Context) -> APIRouter:
    router = APIRouter()

    @router.get("/v1/work-orders")
    async def list_orders(  # the filters are the parameters of the route
        caller: Caller,
        limit: Limit,
        cursor: Cursor,
        status: Choice = None,
        team: Choice = None,
        assignee: Choice = None,
        priority: Choice = None,
        tier: Choice = None,
        category: Subtree = None,
        region: Subtree = None,
        due_before: AwareDatetime | None = None,
        breached: bool | None = None,
        q: Annotated[
            str | None, Query(max_length=200, pattern=PLAIN, description="Part of number, customer or subject.")
        ] = None,
        sort: Annotated[
            str, Query(description=f"One of {', '.join(SORTS)}; with - before it: descending.")
        ] = "-created_at",
    ) -> Response:
        choices = {"status": status, "team": team, "assignee": assignee, "priority": priority, "tier": tier}
        wanted = Wanted(
            where=[
                *visible(caller),
                *_chosen(choices),
                *_below({"category": category, "region": region}),
                *_search(q),
            ],
            due_before=due_before,
            breached=breached,
            sort=_sort(sort),
            place=_place(cursor, sort),
            limit=limit,
        )
        items, place = await page_of(context, wanted, context.clock.now())
        return respond(page(items, None if place is None else encode_cursor((sort, *place))), headers=NO_STORE)

    return router


def _orders(context: Context) -> APIRouter:
    router = APIRouter(prefix="/v1/work-orders/{order_id}")

    @router.get("")
    async def show_order(order_id: str, caller: Caller) -> Response:
        snapshot = await readable(context, order_id, caller)
        clocks = await clocks_of(context, [order_id])
        return _uncached(show(snapshot, lambda s: order_json(s, clocks.get(order_id, []), context.clock.now())))

    @router.get("/timeline")
    async def show_timeline(order_id: str, caller: Caller, limit: Limit, cursor: Cursor) -> Response:
        await readable(context, order_id, caller)
        after = _version(cursor)
        items = [item for item in await timeline(context, order_id) if item["version"] > after]
        rest = len(items) > limit
        return respond(page(items[:limit], encode_cursor((items[limit - 1]["version"],)) if rest else None))

    @router.get("/actions")
    async def list_actions(order_id: str, caller: Caller) -> Response:
        snapshot = await readable(context, order_id, caller)
        return respond(page(actions_of(context, snapshot, caller), None), headers=NO_STORE)

    @router.post("/actions/{action}")
    async def act(
        order_id: str,
        action: str,
        body: OptionalJsonBody,
        caller: Caller,
        cause: RequestCause,
        expected: ExpectedVersion,
    ) -> Response:
        snapshot = await readable(context, order_id, caller)
        _check_verb(context, action, caller)
        refuse_stale(snapshot, cause, expected)
        command = replace(_command(action, body, caller), expected_version=expected)
        result = await context.execute(WORK_ORDERS, order_id, command, cause)
        clocks = await clocks_of(context, [order_id])
        return _uncached(answer(result, lambda s: order_json(s, clocks.get(order_id, []), context.clock.now())))

    return router


def _check_verb(context: Context, action: str, caller: Actor) -> None:
    if action not in ACTIONS:
        raise ProblemError("not_found", f"there is no action {action[:50]}")
    facts = context.facts()
    if action not in NOT_YET_SUPPORTED and not has_verb(caller, action, facts.reference.at(facts.now)):
        raise ProblemError.of(forbidden(action))


def _command(action: str, body: Any, caller: Actor) -> WorkOrderCommand:
    if action in NOT_YET_SUPPORTED:
        return Unsupported(actor=caller, wanted=action)
    return parse(ARGUMENTS[action], body).command(caller)


def _uncached(response: Response) -> Response:
    response.headers.update(NO_STORE)
    return response


def _chosen(choices: dict[str, str | None]) -> list[Where]:
    wanted = {name: text.split(",") for name, text in choices.items() if text is not None}
    if any(status not in set(Status) for status in wanted.get("status", [])):
        raise _invalid("/status", f"must be among {', '.join(Status)}")
    return [{name: {"$in": values}} for name, values in wanted.items()]


def _below(subtrees: dict[str, str | None]) -> list[Where]:
    return [below(name, subtree.strip("/")) for name, subtree in subtrees.items() if subtree is not None]


def _search(text: str | None) -> list[Where]:
    return [] if text is None else [{"text": {"$regex": re.escape(text.lower())}}]


def _sort(sort: str) -> str:
    if sort.removeprefix("-") not in SORTS:
        raise _invalid("/sort", f"must be among {', '.join(SORTS)}, with - before it for descending")
    return sort


def _place(cursor: tuple[Any, ...] | None, sort: str) -> tuple[Any, ...] | None:
    """What came as a cursor may have been made up: only what a database can compare goes on to it."""
    if cursor is None:
        return None
    if len(cursor) != 3 or cursor[0] != sort:
        raise _invalid("/cursor", "belongs to a list in another order")
    _, value, order_id = cursor
    is_place = isinstance(value, str) if sort.endswith("priority") else isinstance(value, datetime)
    if not is_place or not isinstance(order_id, str) or (isinstance(value, datetime) and not 1 < value.year < 9999):
        raise _invalid("/cursor", "is no place in this list")
    return value, order_id


def _version(cursor: tuple[Any, ...] | None) -> int:
    if cursor is None:
        return 0
    if len(cursor) != 1 or not isinstance(cursor[0], int):
        raise _invalid("/cursor", "belongs to another list")
    return cursor[0]


def _invalid(pointer: str, detail: str) -> ProblemError:
    return ProblemError("request_invalid", errors=[{"pointer": pointer, "detail": detail}])
