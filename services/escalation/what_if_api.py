"""Simulations and migrations over HTTP: each is a job, answered with 202 and where to ask for it."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.escalation import migration, simulation
from services.escalation.domain.table import KINDS
from services.escalation.rule_queries import rule_of
from services.escalation.rules_api import COLLECTIONS, Name
from services.escalation.tried_rules import tried_rules
from shared.kernel.clock import to_milliseconds
from shared.runtime.context import Context
from shared.runtime.http.auth import Caller, require_role
from shared.runtime.http.bodies import JsonBody
from shared.runtime.http.jobs import accept
from shared.runtime.http.openapi import body_of
from shared.runtime.http.problems import ProblemError, invalid, parse
from shared.runtime.http.requests import RequestCause
from shared.runtime.http.values import Instant

Text = Annotated[str, Field(min_length=1, max_length=200)]

Kind = Annotated[str, Field(json_schema_extra={"enum": [*KINDS]})]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Filters(_Body):
    """Of which orders; region and category include what is below them."""

    region: Text | None = None
    team: Text | None = None
    category: Text | None = None


class Simulation(_Body):
    """What is tried: a document, `{id, draft: true}` or `{id, version}`; on orders received in the range."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": [name], "properties": {name: {"type": "object"}}} for name in ("policy", "calendar")
            ]
        }
    )

    policy: dict[str, Any] | None = None
    calendar: dict[str, Any] | None = None
    since: Instant = Field(alias="from")
    to: Instant
    filters: Filters = Filters()


class Migration(_Body):
    """To which version, which is in force; of which kinds of clocks (left out: all); and why."""

    version: int = Field(ge=1)
    kinds: tuple[Kind, ...] | None = Field(default=None, min_length=1)
    reason: str = Field(min_length=1, max_length=500)


def routes(context: Context) -> APIRouter:
    router = APIRouter()

    @router.post("/v1/simulations", status_code=202, openapi_extra=body_of(Simulation))
    async def simulate(body: JsonBody, caller: Caller, cause: RequestCause) -> Response:
        require_role(caller, "admin", "auditor")  # a result names orders of every team
        wanted = parse(Simulation, body)
        if wanted.policy is None and wanted.calendar is None:
            raise invalid("/policy", "a policy or a calendar to try is required")
        if wanted.since >= wanted.to:
            raise invalid("/to", "must be later than from")
        tried = await tried_rules(context, wanted.policy, wanted.calendar)
        arguments = {
            "rules": [list(one) for one in tried.rules],
            "under": [list(one) for one in tried.under],
            "tried": tried.names,
            "from": to_milliseconds(wanted.since),
            "to": to_milliseconds(wanted.to),
            "now": context.clock.now(),
            "filters": wanted.filters.model_dump(exclude_none=True),
        }
        return await accept(context, simulation.KIND, arguments, caller, cause)

    for collection, kind in COLLECTIONS.items():
        router.include_router(_migrations(context, kind), prefix=f"/v1/{collection}")
    return router


def _migrations(context: Context, kind: str) -> APIRouter:
    router = APIRouter()

    @router.post("/{rule_id:segment}:migrate", status_code=202, openapi_extra=body_of(Migration))
    async def migrate(name: Name, body: JsonBody, caller: Caller, cause: RequestCause) -> Response:
        rule: Any = (await rule_of(context, kind, name)).state
        require_role(caller, "admin")
        wanted = parse(Migration, body)
        for place, one in enumerate(wanted.kinds or ()):
            if one not in KINDS:
                raise invalid(f"/kinds/{place}", "there is no such clock")
        in_force = [one.version for one in rule.versions if one.effective_at <= context.clock.now()]
        if wanted.version != max(in_force, default=None):
            raise ProblemError("version_not_in_force")
        arguments = {
            "rule": f"{kind}/{name}",
            "version": wanted.version,
            "kinds": None if wanted.kinds is None else list(wanted.kinds),
            "reason": wanted.reason,
        }
        return await accept(context, migration.KIND, arguments, caller, cause)

    return router
