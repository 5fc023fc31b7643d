"""The directory over HTTP: administrators write entries, everybody reads teams and routing."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import Response

from services.workflow.directory_schemas import ENTRIES, ID, Entry
from services.workflow.domain import DIRECTORY_ENTRIES
from services.workflow.domain.directory import PutEntry, entry_id
from shared.kernel.aggregate import Snapshot
from shared.kernel.history import document_version
from shared.runtime.context import Context
from shared.runtime.http.answers import Place, answer, page_within, respond, show
from shared.runtime.http.auth import Caller, require_role
from shared.runtime.http.bodies import JsonBody
from shared.runtime.http.openapi import also, body_of
from shared.runtime.http.problems import ProblemError, parse
from shared.runtime.http.requests import Conditions, Cursor, Limit, RequestCause

TEAM = ("id", "name", "regions", "parent_team", "leader_id", "members")
ROUTE = ("id", "version", "name", "rank", "category", "region", "tier", "team")
Name = Annotated[str, Path(max_length=128, pattern=ID)]


def routes(context: Context) -> APIRouter:
    router = APIRouter()
    for collection, (kind, model) in ENTRIES.items():
        router.include_router(_entries(context, kind, model), prefix=f"/v1/admin/{collection}")

    @router.get("/v1/teams")
    async def teams(_caller: Caller, limit: Limit, cursor: Cursor) -> Response:
        found = sorted(_in_force(context, "team", TEAM), key=_team_place)
        return respond(page_within(found, limit, cursor, _team_place))

    @router.get("/v1/routing")
    async def routing(_caller: Caller, limit: Limit, cursor: Cursor) -> Response:
        found = sorted(_in_force(context, "route", ROUTE), key=_route_place)
        return respond(page_within(found, limit, cursor, _route_place))

    return router


def _entries(context: Context, kind: str, model: type[Entry]) -> APIRouter:
    """Names may hold slashes: a source is called what its events call it."""
    router = APIRouter()

    @router.get("/{name:path}")
    async def show_entry(name: Name, caller: Caller) -> Response:
        require_role(caller, "admin", "auditor")
        found = await context.get(DIRECTORY_ENTRIES, entry_id(name))
        if found is None or found.state is None or found.state.kind != kind:
            raise ProblemError("not_found")
        return show(found, entry_json)

    @router.put("/{name:path}", responses=also(201), openapi_extra=body_of(model))
    async def put_entry(
        name: Name, body: JsonBody, caller: Caller, cause: RequestCause, conditions: Conditions
    ) -> Response:
        require_role(caller, "admin")
        found = await context.get(DIRECTORY_ENTRIES, entry_id(name))
        if found is None or document_version(found, cause) is None:  # a replay is not stale
            conditions.check(None if found is None else found.version, required=True)
        command = PutEntry(
            actor=caller,
            kind=kind,
            id=name,
            content=parse(model, body).content(),
            expected_version=conditions.expected if found else 0,  # of two that create, one has to be told
        )
        result = await context.execute(DIRECTORY_ENTRIES, entry_id(name), command, cause)
        return answer(result, entry_json, 200 if found else 201)

    return router


def entry_json(snapshot: Snapshot[Any]) -> Mapping[str, Any]:
    entry: Any = snapshot.state
    model = next(model for kind, model in ENTRIES.values() if kind == entry.kind)
    return {
        "kind": entry.kind,
        "id": entry.id,
        "version": entry.version,
        "effective_at": entry.effective_at,
        **{name: getattr(entry, name) for name in model.model_fields},
    }


def _team_place(team: Mapping[str, Any]) -> Place:
    return (team["id"],)


def _route_place(route: Mapping[str, Any]) -> Place:
    """The one that is tried first comes first."""
    return -route["rank"], route["id"]


def _in_force(context: Context, kind: str, shown: tuple[str, ...]) -> list[dict[str, Any]]:
    facts = context.facts()
    entries = facts.reference.at(facts.now).of_kind(kind)
    return [{name: getattr(entry, name) for name in shown} for entry in entries]
