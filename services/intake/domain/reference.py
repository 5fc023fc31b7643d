"""The reference data that intake decides with: registered sources (来源登记) and what is filled in for the unsaid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.events.directory import DirectoryChanged

DEFAULT_CATEGORY = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """`sources` holds every known version of each source; one counts from its `effective_at`.

    `open_sources` lets every source submit complaints and take back its own.
    """

    open_sources: bool = False
    default_category: str = DEFAULT_CATEGORY
    sources: Mapping[str, Sequence[DirectoryChanged]] = field(default_factory=dict)

    def source(self, source_id: str, now: datetime) -> DirectoryChanged | None:
        """The source as registered at `now`; None if it is not."""
        effective = [entry for entry in self.sources.get(source_id, ()) if entry.effective_at <= now]
        newest = max(effective, key=lambda entry: entry.version, default=None)
        return None if newest is None or newest.removed else newest

    def registered_for(self, source_id: str, kind: str, now: datetime) -> bool:
        """Whether `source_id` is registered with the type `kind`, named without namespace and version."""
        source = self.source(source_id, now)
        return source is not None and (kind in source.types or "*" in source.types)
