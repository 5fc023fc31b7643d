"""Policies and calendars over HTTP: everybody reads, administrators draft, publish and discard."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import Response

from services.escalation.domain.rules import (
    RULES,
    DiscardDraft,
    Publish,
    RuleCommand,
    SaveDraft,
    next_version,
    rule_id,
)
from services.escalation.rule_bodies import DOCUMENT_BODY, Publication, RequiredDocument, as_version, draft_from
from services.escalation.rule_queries import draft_of, rule_json, rule_of, rule_place, rules_of, value_of
from shared.kernel.aggregate import Actor, Cause, Snapshot
from shared.kernel.clock import to_milliseconds
from shared.kernel.history import document_version
from shared.runtime.context import Context
from shared.runtime.http.answers import answer, page_within, respond, show
from shared.runtime.http.auth import Caller, require_role
from shared.runtime.http.bodies import OptionalJsonBody
from shared.runtime.http.openapi import also, body_of
from shared.runtime.http.problems import parse
from shared.runtime.http.requests import Conditions, Cursor, Limit, Precondition, RequestCause

Name = Annotated[str, Path(alias="rule_id", pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
COLLECTIONS = {"policies": "policy", "calendars": "calendar"}


def routes(context: Context) -> APIRouter:
    router = APIRouter()
    for collection, kind in COLLECTIONS.items():
        router.include_router(_reading(context, kind), prefix=f"/v1/{collection}")
        router.include_router(_writing(context, kind), prefix=f"/v1/{collection}")
    return router


def _reading(context: Context, kind: str) -> APIRouter:
    router = APIRouter()

    @router.get("")
    async def list_rules(_: Caller, limit: Limit, cursor: Cursor) -> Response:
        return respond(page_within(await rules_of(context, kind), limit, cursor, rule_place))

    @router.get("/{rule_id:segment}")
    async def show_rule(name: Name, _: Caller) -> Response:
        return show(await rule_of(context, kind, name), renderer(context))

    return router


def _writing(context: Context, kind: str) -> APIRouter:
    router = APIRouter()

    @router.put("/{rule_id:segment}", responses=also(201), openapi_extra=DOCUMENT_BODY)
    async def save_draft(
        name: Name, body: RequiredDocument, caller: Caller, cause: RequestCause, conditions: Conditions
    ) -> Response:
        require_role(caller, "admin")
        found = await context.get(RULES[kind], rule_id(kind, name))
        check(found, cause, conditions)
        written = draft_from(body, kind, name, None if found is None else found.state, context.clock.now())
        command = SaveDraft(
            actor=caller,
            kind=kind,
            id=name,
            document=written.text,
            expected_version=conditions.expected if found else 0,  # of two that create, one has to be told
        )
        return await _done(context, name, command, cause, 200 if found else 201)

    @router.delete("/{rule_id:segment}/draft")
    async def discard_draft(name: Name, caller: Caller, cause: RequestCause, conditions: Conditions) -> Response:
        found = await rule_of(context, kind, name)
        require_role(caller, "admin")
        check(found, cause, conditions)
        command = DiscardDraft(actor=caller, expected_version=conditions.expected)
        return await _done(context, name, command, cause)

    @router.post("/{rule_id:segment}:publish", openapi_extra=body_of(Publication, required=False))
    async def publish(
        name: Name, body: OptionalJsonBody, caller: Caller, cause: RequestCause, conditions: Conditions
    ) -> Response:
        found = await rule_of(context, kind, name)
        require_role(caller, "admin")
        check(found, cause, conditions)
        command = _publication(found, parse(Publication, body), caller, conditions.expected)
        return await _done(context, name, command, cause)

    async def _done(context: Context, name: str, command: RuleCommand, cause: Cause, status: int = 200) -> Response:
        result = await context.execute(RULES[kind], rule_id(kind, name), command, cause)
        return answer(result, renderer(context), status)

    return router


def check(found: Snapshot[Any] | None, cause: Cause, conditions: Precondition) -> None:
    """A replay is not stale."""
    if found is None or document_version(found, cause) is None:
        conditions.check(None if found is None else found.version, required=True)


def _publication(found: Snapshot[Any], wanted: Publication, caller: Actor, expected: int | None) -> RuleCommand:
    rule: Any = found.state
    if rule.draft is None:  # refused, unless it is a replay
        return DiscardDraft(actor=caller, expected_version=expected)
    return Publish(
        actor=caller,
        document=as_version(json.loads(rule.draft.document), next_version(rule)),
        value=value_of(draft_of(rule)),
        effective_at=None if wanted.effective_at is None else to_milliseconds(wanted.effective_at),
        expected_version=found.version if expected is None else expected,
    )


def renderer(context: Context) -> Any:
    facts = context.facts()
    return lambda snapshot: rule_json(snapshot, facts.reference, facts.now)
