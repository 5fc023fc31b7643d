"""`:preview` of a policy or calendar: what a draft, or a document sent along, would change if in force now."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from services.escalation.domain.policies import Rulebook
from services.escalation.domain.rules import RULES, Rule, rule_id, rulebook_with
from services.escalation.policy_files import Written
from services.escalation.rule_bodies import DOCUMENT_BODY, OptionalDocument, draft_from
from services.escalation.rule_queries import draft_of, problems_of, value_of
from services.escalation.rules_api import COLLECTIONS, Name
from services.escalation.yaml_lines import Document
from shared.kernel.clock import to_milliseconds
from shared.runtime.context import Context
from shared.runtime.http.answers import respond
from shared.runtime.http.auth import Caller, require_role
from shared.runtime.http.problems import ProblemError

Preview = Callable[[Context, Rulebook], Awaitable[Mapping[str, Any]]]
"""What becomes of the open orders under another rulebook."""


def routes(context: Context, preview: Preview) -> APIRouter:
    router = APIRouter()
    for collection, kind in COLLECTIONS.items():
        router.include_router(_of_kind(context, kind, preview), prefix=f"/v1/{collection}")
    return router


def _of_kind(context: Context, kind: str, preview: Preview) -> APIRouter:
    router = APIRouter()
    optional = {"requestBody": {**DOCUMENT_BODY["requestBody"], "required": False}}

    @router.post("/{rule_id:segment}:preview", openapi_extra=optional)
    async def preview_rule(name: Name, body: OptionalDocument, caller: Caller) -> Response:
        found = await context.get(RULES[kind], rule_id(kind, name))
        if found is None and body is None:
            raise ProblemError("not_found")
        require_role(caller, "admin", "auditor")
        facts = context.facts()
        written = _asked(body, kind, name, None if found is None else found.state)
        value = replace(value_of(written), effective_from=to_milliseconds(facts.now))
        problems = problems_of(written, facts.reference, facts.now)
        answer = {"kind": kind, "id": name, "version": written.content.version, **problems}
        if problems["problems"]:  # what cannot be in force changes nothing
            return respond({**answer, "preview": None})
        return respond({**answer, "preview": await preview(context, rulebook_with(facts.reference, value))})

    def _asked(body: Document | None, kind: str, name: str, rule: Rule | None) -> Written:
        if body is not None:
            return draft_from(body, kind, name, rule, context.clock.now())
        if rule is None or rule.draft is None:
            raise ProblemError("no_draft")
        return draft_of(rule)

    return router
