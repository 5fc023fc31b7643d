"""Policies and calendars as aggregates: every version for ever, the draft of the next, and who wrote what."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from services.escalation.domain.completeness import Hole, holes
from services.escalation.domain.policies import CalendarVersion, Policy, Rulebook
from shared.events.rules import RuleDiscarded, RuleDrafted, RulePublished
from shared.kernel.aggregate import Actor, AggregateType, Command, Event, Facts, Outcome, Stamp
from shared.kernel.ids import CALENDAR, POLICY
from shared.kernel.refusal import UNCHANGED, Refusal

NOTICE = timedelta(minutes=1)
"""A new version takes effect that long after it was published, when every process has it."""

WRITERS = frozenset({"admin", "system"})


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """`effective_at` is never before it was published, but for a first installation."""

    version: int
    document: str
    effective_at: datetime
    published_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Draft:
    document: str
    saved_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Rule:
    """`kind`: policy or calendar. Versions in their order."""

    kind: str
    id: str
    versions: tuple[RuleVersion, ...] = ()
    draft: Draft | None = None

    def version(self, number: int) -> RuleVersion | None:
        return next((one for one in self.versions if one.version == number), None)

    @property
    def newest(self) -> RuleVersion | None:
        return self.versions[-1] if self.versions else None


def next_version(rule: Rule | None) -> int:
    return 1 if rule is None or rule.newest is None else rule.newest.version + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveDraft(Command):
    """`document`: checked JSON text."""

    kind: str
    id: str
    document: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscardDraft(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish(Command):
    """`document` is the draft as the next version, `value` what it means.

    `effective_at` None: as soon as it may be, but not before the value's own date.
    """

    document: str
    value: Policy | CalendarVersion
    effective_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed(Command):
    """A version that a file of the installation holds. `at_once`: of the first installation only."""

    kind: str
    id: str
    version: int
    document: str
    effective_at: datetime
    at_once: bool = False


RuleCommand = SaveDraft | DiscardDraft | Publish | Seed


def decide(rule: Rule | None, command: RuleCommand, facts: Facts) -> Outcome:
    if not command.actor.roles & WRITERS:
        return Refusal("forbidden", "policies and calendars are the administrator's")
    match command:
        case SaveDraft():
            return _save(rule, command)
        case Seed():
            return _seed(rule, command, facts.now)
        case DiscardDraft() | Publish() if rule is None or rule.draft is None:
            return Refusal("no_draft")
        case DiscardDraft():
            return [RuleDiscarded(kind=rule.kind, id=rule.id, by=_name(command.actor))]
        case Publish():
            return _publish(rule, command, facts)


def _save(rule: Rule | None, command: SaveDraft) -> Outcome:
    if rule is not None and rule.draft is not None and rule.draft.document == command.document:
        return UNCHANGED
    return [RuleDrafted(kind=command.kind, id=command.id, document=command.document, by=_name(command.actor))]


def _publish(rule: Rule, command: Publish, facts: Facts) -> Outcome:
    earliest = facts.now + NOTICE
    wanted = command.effective_at
    if wanted is not None and wanted < earliest:
        return Refusal("effective_too_early", "at the earliest a minute from now", pointer="/effective_at")
    effective_at = wanted or max(earliest, command.value.effective_from)
    if rule.newest is not None and effective_at < rule.newest.effective_at:
        detail = f"version {rule.newest.version} takes effect at {rule.newest.effective_at.isoformat()}"
        return Refusal("effective_too_early", detail, pointer="/effective_at")
    rules = rulebook_with(facts.reference, replace(command.value, effective_from=effective_at))
    for hole in _holes_from(rules, effective_at):
        ours = hole.of == f"{rule.kind}/{rule.id}/{command.value.ref.version}"
        pointer = "".join(f"/{step}" for step in hole.path) if ours else ""
        return Refusal("rules_incomplete", _told(hole), pointer=pointer)
    return [
        RulePublished(
            kind=rule.kind,
            id=rule.id,
            version=next_version(rule),
            effective_at=effective_at,
            document=command.document,
            by=_name(command.actor),
        )
    ]


def _seed(rule: Rule | None, command: Seed, now: datetime) -> Outcome:
    newest = None if rule is None else rule.newest
    if rule is not None and newest is not None and command.version <= newest.version:
        stored = rule.version(command.version)
        if stored is not None and stored.document == command.document:
            return UNCHANGED
        return Refusal("version_differs", final=True)
    effective_at = command.effective_at if command.at_once else max(command.effective_at, now + NOTICE)
    if newest is not None and effective_at < newest.effective_at:
        return Refusal("effective_too_early", "it would take effect before the version before it")
    return [
        RulePublished(
            kind=command.kind,
            id=command.id,
            version=command.version,
            effective_at=effective_at,
            document=command.document,
            by=_name(command.actor),
        )
    ]


def _holes_from(rules: Rulebook, since: datetime) -> Iterator[Hole]:
    """What is wrong when the version takes effect, or at any change that is announced for later."""
    changes = {since, *(policy.effective_from for policy in rules.policies.values() if policy.effective_from > since)}
    return (hole for at in sorted(changes) for hole in holes(rules, at))


def _told(hole: Hole) -> str:
    return ": ".join((*([] if hole.of is None else [hole.of]), ".".join(hole.path), hole.what))


def rulebook_with(rules: Rulebook, value: Policy | CalendarVersion) -> Rulebook:
    """The rulebook as it would be with one version more, or with another in its place."""
    if isinstance(value, Policy):
        return replace(rules, policies={**rules.policies, value.ref: value})
    return replace(rules, calendars={**rules.calendars, value.ref: value})


def evolve(rule: Rule | None, event: Event, stamp: Stamp) -> Rule:
    match event:
        case RuleDrafted():
            draft = Draft(event.document, stamp.at, event.by)
            return replace(rule or Rule(event.kind, event.id), draft=draft)
        case RuleDiscarded():
            return replace(rule or Rule(event.kind, event.id), draft=None)
        case RulePublished():
            return _published(rule or Rule(event.kind, event.id), event, stamp.at)
    raise ValueError(f"no event of a policy or calendar: {event.TYPE}")


def _published(rule: Rule, event: RulePublished, at: datetime) -> Rule:
    version = RuleVersion(event.version, event.document, event.effective_at, at, event.by)
    # A file that is published leaves the draft somebody writes alone.
    draft = rule.draft if rule.draft is not None and event.by == _SEEDER else None
    return replace(rule, versions=(*rule.versions, version), draft=draft)


def _name(actor: Actor) -> str:
    return f"{actor.kind}:{actor.id}"


_SEEDER = "system:system"


def _kind(name: str, prefix: str) -> AggregateType[Rule]:
    return AggregateType(
        name=name,
        prefix=prefix,
        topic="rules",
        state=Rule,
        events=(RuleDrafted, RuleDiscarded, RulePublished),
        decide=decide,
        evolve=evolve,
    )


RULES: dict[str, AggregateType[Any]] = {"policy": _kind("policy", POLICY), "calendar": _kind("calendar", CALENDAR)}


def rule_id(kind: str, name: str) -> str:
    """The aggregate's id."""
    return RULES[kind].prefix + name
