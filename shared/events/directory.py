"""What workflow says on the topic directory: reference data that every service copies (组织与规则)."""

from dataclasses import dataclass
from datetime import datetime

from shared.events.catalogue import event
from shared.kernel.aggregate import Event
from shared.kernel.personal import Personal


@event("directory.changed")
@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryChanged(Event):
    """A team, a person, a route or a source, whole, as of `effective_at`; `removed` ends it.

    `kind`: team, person, route (which orders go to which team) or source (a system and what it may send).
    """

    kind: str
    id: str
    version: int
    effective_at: datetime
    removed: bool = False
    name: Personal = ""
    language: str = "zh"
    # team
    regions: tuple[str, ...] = ()
    parent_team: str | None = None
    leader_id: str | None = None
    members: tuple[str, ...] = ()
    # person
    email: Personal | None = None
    # route: all given conditions must hold; the highest rank wins, then the most specific
    rank: int = 0
    category: str | None = None
    region: str | None = None
    tier: str | None = None
    team: str | None = None
    # source
    types: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
