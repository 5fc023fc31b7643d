"""The rulebook of this service: every version that was ever published, so that running clocks keep theirs."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from services.escalation.domain.completeness import holes
from services.escalation.domain.policies import CalendarVersion, Policy, Rulebook
from services.escalation.domain.rules import NOTICE, RULES, Rule, Seed, rule_id
from services.escalation.policy_files import Fault, InvalidPolicies, Written
from services.escalation.schemas import CalendarDocument, PolicyDocument, rule_document
from services.escalation.settings import escalation_settings
from shared.kernel.aggregate import Cause
from shared.kernel.clock import to_milliseconds
from shared.kernel.refusal import Refusal
from shared.runtime.context import Context


class Published(NamedTuple):
    """A version as stored: `policy/<id>/<version>`, its JSON text, and from when on it counts."""

    id: str
    text: str
    effective_at: datetime


async def load(context: Context) -> Rulebook:
    """Everything that is published."""
    return rulebook_of(tuple(published(await rules(context))))


async def rules(context: Context, *kinds: str) -> list[Rule]:
    """Every policy and calendar, or those of one kind, by id."""
    asked = kinds or tuple(RULES)
    found = [one for kind in asked for one in await context.find(RULES[kind], {}, [("_id", 1)], 0)]
    return [snapshot.state for snapshot in found if snapshot.state is not None]


def published(found: Iterable[Rule]) -> list[Published]:
    return [
        Published(f"{rule.kind}/{rule.id}/{one.version}", one.document, one.effective_at)
        for rule in found
        for one in rule.versions
    ]


@lru_cache(maxsize=8)
def rulebook_of(documents: tuple[Published, ...]) -> Rulebook:
    values = [value_of(document) for document in documents]
    return Rulebook(
        policies={value.ref: value for value in values if isinstance(value, Policy)},
        calendars={value.ref: value for value in values if isinstance(value, CalendarVersion)},
    )


@lru_cache(maxsize=4096)
def value_of(document: Published) -> Policy | CalendarVersion:
    """Made once: a calendar keeps what it has laid out."""
    content = content_of(document.text)
    value = content.policy() if isinstance(content, PolicyDocument) else content.calendar()
    return replace(value, effective_from=document.effective_at)


def content_of(text: str) -> PolicyDocument | CalendarDocument:
    return rule_document.validate_json(text)


async def seed(context: Context) -> None:
    """Publishes what the folder holds and nobody has published; safe to repeat and beside another process.

    Raises InvalidPolicies when a file differs from the version that was published under its name, and when what is
    in force then is not whole.
    """
    written = escalation_settings(context).written()
    known = [version for rule in await rules(context) for version in rule.versions]
    fresh = all(version.published_at > context.clock.now() - NOTICE for version in known)
    for document in sorted(written, key=lambda one: (one.content.kind, one.content.id, one.content.version)):
        await publish(context, document, at_once=fresh)
    in_force = await load(context)
    for hole in holes(in_force, context.clock.now() + 2 * NOTICE):  # with what was published just now
        raise InvalidPolicies(Fault(hole.what, hole.path, of=hole.of))


async def publish(context: Context, document: Written, *, at_once: bool = False) -> None:
    """Raises InvalidPolicies."""
    content = document.content
    kind, aggregate_id = RULES[content.kind], rule_id(content.kind, content.id)
    snapshot = await context.get(kind, aggregate_id)
    stored = None if snapshot is None or snapshot.state is None else snapshot.state.version(content.version)
    if stored is None:
        command = Seed(
            kind=content.kind,
            id=content.id,
            version=content.version,
            document=document.text,
            effective_at=to_milliseconds(content.effective_from),
            at_once=at_once,
        )
        result = await context.execute(kind, aggregate_id, command, Cause("seed", document.id))
        if isinstance(result, Refusal) and result.code != "version_differs":
            raise InvalidPolicies(Fault(result.detail or result.code, of=document.id))
        state: Rule | None = None if isinstance(result, Refusal) else result.snapshot.state
        stored = None if state is None else state.version(content.version)
    if stored is None or stored.document != document.text:
        raise InvalidPolicies(Fault("differs from what was published; give it the next version", of=document.id))
