"""Escalation's routes: translate, one query, translate back."""

from fastapi import APIRouter
from starlette.responses import Response

from services.escalation import calendars_api, explain_api, preview_api, rules_api, what_if_api
from services.escalation.preview import preview
from services.escalation.queries import clocks_of, uncovered_of
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

    router.include_router(explain_api.routes(context))

    @router.get("/v1/clocks/uncovered")
    async def list_uncovered(caller: Caller, limit: Limit, cursor: Cursor) -> Response:
        found = await uncovered_of(context, caller)
        return respond(page_within(found, limit, cursor, lambda one: (one["work_order_id"],)), headers=NO_STORE)

    router.include_router(rules_api.routes(context))
    router.include_router(calendars_api.routes(context))
    router.include_router(preview_api.routes(context, preview))
    router.include_router(what_if_api.routes(context))
    return router
