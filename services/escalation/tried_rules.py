"""The rules of a simulation: those that were in force, and those with a draft or a version in their place."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.escalation.policy_files import Written
from services.escalation.rule_bodies import draft_from
from services.escalation.rule_queries import draft_of, problems_of
from services.escalation.rulebook import Published, content_of, published, rules
from services.escalation.yaml_lines import Document
from shared.runtime.context import Context
from shared.runtime.http.problems import ProblemError, invalid

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""What is tried counts as if it had always been in force, in place of every version of it."""


class Tried(NamedTuple):
    """`under`: everything published. `rules`: the same with what is tried; `names` says what that is."""

    rules: Sequence[Published]
    under: Sequence[Published]
    names: Sequence[Mapping[str, Any]]


async def tried_rules(context: Context, policy: Any, calendar: Any) -> Tried:
    """Each is a document, `{id, draft: true}`, `{id, version}` or None. Raises ProblemError."""
    found = await rules(context)
    under = published(found)
    chosen: list[Written] = []
    for kind, wanted in (("calendar", calendar), ("policy", policy)):
        if wanted is not None:
            rule = next((one for one in found if (one.kind, one.id) == (kind, wanted.get("id"))), None)
            chosen.append(_chosen(kind, wanted, rule, context))
    replaced = {(one.content.kind, one.content.id) for one in chosen}
    kept = [one for one in under if tuple(one.id.split("/")[:2]) not in replaced]
    tried = [Published(one.id, one.text, ALWAYS) for one in chosen]
    _check(chosen, context)
    names = [{"kind": w.content.kind, "id": w.content.id, "version": w.content.version} for w in chosen]
    return Tried([*kept, *tried], under, names)


def _chosen(kind: str, wanted: Mapping[str, Any], rule: Any, context: Context) -> Written:
    match dict(wanted):
        case {"id": _, "draft": True, **rest} if not rest:
            if rule is None or rule.draft is None:
                raise ProblemError("no_draft", f"{kind} {wanted['id']} has no draft"[:100])
            return draft_of(rule)
        case {"id": _, "version": int(number), **rest} if not rest:
            version = None if rule is None else rule.version(number)
            if version is None:
                raise invalid(f"/{kind}/version", "there is no such version")
            return Written(content_of(version.document), version.document)
    name = wanted.get("id", "tried")
    if not isinstance(name, str):
        raise invalid(f"/{kind}/id", "must be a string")
    try:
        return draft_from(Document(dict(wanted), {}), kind, name, rule, context.clock.now())
    except ProblemError as error:
        errors = [{**fault, "pointer": f"/{kind}{fault['pointer']}"} for fault in error.errors]
        raise ProblemError(error.code, error.detail, errors=errors) from None


def _check(chosen: Sequence[Written], context: Context) -> None:
    facts = context.facts()
    if len(chosen) == 1:  # of two at once one may need the other
        for problem in problems_of(chosen[0], facts.reference, facts.now)["problems"]:
            raise ProblemError("rules_incomplete", problem)
