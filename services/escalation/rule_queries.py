"""The read side of policies and calendars: every version, the draft of the next, and which one is in force."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.escalation.domain.completeness import ambiguities, holes
from services.escalation.domain.policies import CalendarVersion, Policy, Rulebook
from services.escalation.domain.rules import RULES, Rule, RuleVersion, next_version, rule_id, rulebook_with
from services.escalation.policy_files import Written
from services.escalation.rulebook import content_of, rules
from shared.kernel.aggregate import Snapshot
from shared.runtime.context import Context
from shared.runtime.http.answers import Place
from shared.runtime.http.problems import ProblemError


async def rules_of(context: Context, kind: str) -> list[Mapping[str, Any]]:
    """Every version of the policies or of the calendars, and their drafts."""
    shown: list[Mapping[str, Any]] = []
    for rule in await rules(context, kind):
        shown += [version_json(version) for version in rule.versions]
        if rule.draft is not None:
            shown.append(draft_json(rule))
    return sorted(shown, key=rule_place)


def rule_place(rule: Mapping[str, Any]) -> Place:
    return rule["id"], rule["version"]


async def rule_of(context: Context, kind: str, name: str) -> Snapshot[Any]:
    """Raises ProblemError not_found."""
    found = await context.get(RULES[kind], rule_id(kind, name))
    if found is None or found.state is None:
        raise ProblemError("not_found")
    return found


def rule_json(snapshot: Snapshot[Any], rulebook: Rulebook, now: datetime) -> Mapping[str, Any]:
    """One policy or calendar whole."""
    rule: Any = snapshot.state
    in_force = [one.version for one in rule.versions if one.effective_at <= now]
    draft = None
    if rule.draft is not None:
        draft = {**draft_json(rule), **problems_of(draft_of(rule), rulebook, now)}
    return {
        "kind": rule.kind,
        "id": rule.id,
        "revision": snapshot.version,
        "in_force": in_force[-1] if in_force else None,
        "versions": [version_json(one) for one in rule.versions],
        "draft": draft,
    }


def draft_of(rule: Rule) -> Written:
    """The draft as it would be the next version. The rule has one."""
    assert rule.draft is not None  # noqa: S101 - for the type checker; every caller asked before
    content = content_of(rule.draft.document).model_copy(update={"version": next_version(rule)})
    return Written(content, rule.draft.document)


def value_of(written: Written) -> Policy | CalendarVersion:
    content = written.content
    return content.policy() if content.kind == "policy" else content.calendar()


def version_json(version: RuleVersion) -> dict[str, Any]:
    """A version as people read it."""
    return {
        **_fields(version.document),
        "version": version.version,
        "effective_at": version.effective_at,
        "state": "published",
        "published_at": version.published_at,
        "published_by": version.by,
    }


def draft_json(rule: Rule) -> dict[str, Any]:
    assert rule.draft is not None  # noqa: S101 - for the type checker; every caller asked before
    return {
        **_fields(rule.draft.document),
        "version": next_version(rule),
        "effective_at": None,
        "state": "draft",
        "saved_at": rule.draft.saved_at,
        "saved_by": rule.draft.by,
    }


def _fields(document: str) -> dict[str, Any]:
    hidden = {"kind", "effective_from"}
    return content_of(document).model_dump(mode="json", by_alias=True, exclude_none=True, exclude=hidden)


def problems_of(draft: Written, rulebook: Rulebook, now: datetime) -> Mapping[str, Any]:
    """What stands against publishing it, and what would be decided by nothing but an id."""
    value = value_of(draft)
    at = max(now, value.effective_from)
    together = rulebook_with(rulebook, value)
    found = (": ".join((*([hole.of] if hole.of else []), hole.what)) for hole in holes(together, at))
    return {"problems": list(found), "ambiguities": list(ambiguities(together, at))}
