"""The directory (组织与规则) as decisions see it: teams, people, routes and sources, each in the version in force."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.events.directory import DirectoryChanged


@dataclass(frozen=True, slots=True)
class Directory:
    """What is in force at one instant."""

    entries: Mapping[str, DirectoryChanged] = field(default_factory=dict)
    routes: tuple[DirectoryChanged, ...] = ()

    def team(self, team_id: str) -> DirectoryChanged | None:
        return self._entry("team", team_id)

    def source(self, source_id: str) -> DirectoryChanged | None:
        return self._entry("source", source_id)

    def of_kind(self, kind: str) -> list[DirectoryChanged]:
        return [entry for entry in self.entries.values() if entry.kind == kind]

    def _entry(self, kind: str, entry_id: str) -> DirectoryChanged | None:
        found = self.entries.get(entry_id)
        return found if found is not None and found.kind == kind else None


class Reference:
    """Every known version of every entry. A version counts from its `effective_at`, so that all processes change over
    together; between two such instants the directory is the same and is made once."""

    def __init__(self, versions: Iterable[DirectoryChanged] = ()) -> None:
        self._versions = sorted(versions, key=lambda entry: (entry.id, entry.version))
        self._changes = sorted({entry.effective_at for entry in self._versions})
        self._made: dict[int, Directory] = {}

    def at(self, now: datetime) -> Directory:
        epoch = bisect_right(self._changes, now)
        if epoch not in self._made:
            self._made[epoch] = self._directory(now)
        return self._made[epoch]

    def _directory(self, now: datetime) -> Directory:
        newest = {entry.id: entry for entry in self._versions if entry.effective_at <= now}
        present = {entry_id: entry for entry_id, entry in newest.items() if not entry.removed}
        return Directory(present, tuple(entry for entry in present.values() if entry.kind == "route"))
