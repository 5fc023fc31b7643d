"""The routes of workflow: translate, one command or query, translate back."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.workflow import admin_api, reports, stream
from services.workflow.clocks import clocks_of
from services.workflow.domain import WORK_ORDERS
from services.workflow.domain.commands import Unsupported, WorkOrderCommand
from services.workflow.domain.scope import forbidden, has_verb
from services.workflow.domain.transitions import ACTIONS, NOT_YET_SUPPORTED
from services.workflow.filters import Filters
from services.workflow.queries import actions_of, order_json, page_of, readable, timeline
from services.workflow.schemas import ARGUMENTS
from shared.kernel.aggregate import Actor
from shared.runtime.context import Context
from shared.runtime.http.answers import answer, page, respond, show
from shared.runtime.http.auth import Caller
from shared.runtime.http.bodies import OptionalJsonBody
from shared.runtime.http.openapi import body_of_any
from shared.runtime.http.problems import ProblemError, invalid, parse
from shared.runtime.http.requests import Cursor, ExpectedVersion, Limit, RequestCause, encode_cursor, refuse_stale

NO_STORE = {"Cache-Control": "no-store"}


def routes(context: Context) -> APIRouter:
    router = APIRouter()
    router.include_router(_lists(context))
    router.include_router(_orders(context))
    router.include_router(admin_api.routes(context))
    router.include_router(reports.routes(context))
    router.include_router(stream.routes(context))
    return router


def _lists(context: Context) -> APIRouter:
    router = APIRouter()

    @router.get("/v1/work-orders")
    async def list_orders(
        caller: Caller, limit: Limit, cursor: Cursor, filters: Annotated[Filters, Query()]
    ) -> Response:
        items, place = await page_of(context, filters.wanted(caller, limit, cursor), context.clock.now())
        return respond(page(items, filters.cursor(place)), headers=NO_STORE)

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

    @router.post("/actions/{action}", openapi_extra=body_of_any(ARGUMENTS.values()))
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


def _version(cursor: tuple[Any, ...] | None) -> int:
    if cursor is None:
        return 0
    if len(cursor) != 1 or not isinstance(cursor[0], int):
        raise invalid("/cursor", "belongs to another list")
    return cursor[0]
