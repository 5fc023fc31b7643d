"""The directory's entries (组织与规则) as aggregates: each change is a whole new version, in effect a little later.

One id names one entry for ever, whatever its kind, since consumers keep the newest record of each id.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from services.workflow.domain.limits import EFFECTIVE_AFTER
from shared.events.directory import DirectoryChanged
from shared.kernel.aggregate import Command, Facts, Outcome, Stamp
from shared.kernel.ids import DIRECTORY
from shared.kernel.refusal import UNCHANGED, Refusal

KINDS = ("team", "person", "route", "source")


def entry_id(name: str) -> str:
    return DIRECTORY + name


@dataclass(frozen=True, slots=True, kw_only=True)
class PutEntry(Command):
    """`content`: the fields of `DirectoryChanged` that its kind has. `at_once`: of the first seeding only."""

    kind: str
    id: str
    content: Mapping[str, Any]
    at_once: bool = False


def decide(entry: DirectoryChanged | None, command: PutEntry, facts: Facts) -> Outcome:
    if not command.actor.roles & {"admin", "system"}:
        return Refusal("forbidden", "the directory is the administrator's")
    if entry is not None and entry.kind != command.kind:
        return Refusal("id_taken", f"{command.id} is a {entry.kind}", final=True)
    if command.content.get("parent_team") == command.id:
        return Refusal("request_invalid", "a team is not its own parent", pointer="/parent_team", final=True)
    changed = DirectoryChanged(
        kind=command.kind,
        id=command.id,
        version=1 if entry is None else entry.version + 1,
        effective_at=facts.now if command.at_once else facts.now + EFFECTIVE_AFTER,
        **command.content,
    )
    if entry is not None and replace(changed, version=entry.version, effective_at=entry.effective_at) == entry:
        return UNCHANGED
    return [changed]


def evolve(_entry: DirectoryChanged | None, event: DirectoryChanged, _stamp: Stamp) -> DirectoryChanged:
    return event
