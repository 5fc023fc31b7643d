"""Escalation's routes: translate, one query, translate back."""

from fastapi import APIRouter
from starlette.responses import Response

from services.escalation.queries import clocks_of, rule_place, rules_of
from shared.runtime.context import Context
from shared.runtime.http.answers import page_within, respond
from shared.runtime.http.auth import Caller
from shared.runtime.http.requests import Cursor, Limit

NO_STORE = {"Cache-Control": "no-store"}


def routes(context: Context) -> APIRouter:
    router = APIRouter()

    @router.get("/v1/work-orders/{order_id}/clocks")
    async def list_clocks(order_id: str, caller: Caller, limit: Limit, cursor: Cursor) -> Response:
        clocks = await clocks_of(context, order_id, caller)
        return respond(page_within(clocks, limit, cursor, lambda clock: (clock["number"],)), headers=NO_STORE)

    @router.get("/v1/policies")
    async def list_policies(_: Caller, limit: Limit, cursor: Cursor) -> Response:
        return respond(page_within(await rules_of(context, "policy"), limit, cursor, rule_place))

    @router.get("/v1/calendars")
    async def list_calendars(_: Caller, limit: Limit, cursor: Cursor) -> Response:
        return respond(page_within(await rules_of(context, "calendar"), limit, cursor, rule_place))

    return router
