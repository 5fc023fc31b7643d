"""Customer profiles over HTTP: agents and source systems keep them, whoever works in the region reads them."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from services.intake import customers
from services.intake.domain.scope import PROFILE_CHANGED, may_read_customer, may_send, serves
from services.intake.queries import masked
from services.intake.schemas import ProfileIn, ProfileRecord
from shared.runtime.context import Context
from shared.runtime.http.answers import respond
from shared.runtime.http.auth import Caller
from shared.runtime.http.bodies import JsonBody
from shared.runtime.http.openapi import also, body_of
from shared.runtime.http.problems import ProblemError, invalid, parse


def routes(context: Context) -> APIRouter:
    router = APIRouter()

    @router.get("/v1/customers/{customer_id}")
    async def show_customer(customer_id: str, caller: Caller) -> Response:
        found = await customers.find(context.database, customer_id)
        if found is None or not may_read_customer(found["region"], caller, context.facts()):
            raise ProblemError("not_found")
        return respond(masked(found, caller))

    @router.put("/v1/customers/{customer_id}", responses=also(201), openapi_extra=body_of(ProfileIn))
    async def put_customer(customer_id: str, body: JsonBody, caller: Caller) -> Response:
        found = await customers.find(context.database, customer_id)
        facts = context.facts()
        if found is not None and not may_read_customer(found["region"], caller, facts):
            raise ProblemError("not_found")
        if not may_send(caller, PROFILE_CHANGED, facts):
            raise ProblemError("forbidden")
        profile = _profile(customer_id, body)
        if not serves(caller.regions, profile.region):
            raise ProblemError("forbidden", "the customer's region is outside the caller's")
        await customers.put(context.database, profile)
        return respond(masked(customers.shown(profile), caller), 201 if found is None else 200)

    return router


def _profile(customer_id: str, body: Any) -> ProfileRecord:
    """The id in the path is the customer's; one in the body may only repeat it."""
    told = isinstance(body, dict) and body.get("id") is None
    said = {**body, "id": customer_id} if told else body
    profile = parse(ProfileRecord, said)
    if profile.id != customer_id:
        raise invalid("/id", "is not the id in the path")
    return profile
