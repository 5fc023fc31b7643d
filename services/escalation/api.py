"""Escalation's routes: translate, one query, translate back."""

from fastapi import APIRouter
from starlette.responses import Response

from services.escalation.queries import clocks_of, rules_of
from shared.runtime.context import Context
from shared.runtime.http.answers import page, respond
from shared.runtime.http.auth import Caller

NO_STORE = {"Cache-Control": "no-store"}


def routes(context: Context) -> APIRouter:
    router = APIRouter()

    @router.get("/v1/work-orders/{order_id}/clocks")
    async def list_clocks(order_id: str, caller: Caller) -> Response:
        return respond(page(await clocks_of(context, order_id, caller), None), headers=NO_STORE)

    @router.get("/v1/policies")
    async def list_policies(_: Caller) -> Response:
        return respond(page(await rules_of(context, "policy"), None))

    @router.get("/v1/calendars")
    async def list_calendars(_: Caller) -> Response:
        return respond(page(await rules_of(context, "calendar"), None))

    return router
