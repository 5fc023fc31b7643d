"""The bodies of the administrator's routes: one model per kind of entry in the directory."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from shared.runtime.http.values import WHOLE

# Control characters are named one by one: whether \\s means all of them depends on who reads the pattern.
ID = r"^[^\s\x00-\x1f\x7f-\x9f]+$"
Id = Annotated[str, Field(min_length=1, max_length=128, pattern=ID)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Path = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^/\s\x7f-\x9f]+(/[^/\s\x7f-\x9f]+)*$")]
Regions = Annotated[tuple[Path, ...], Field(max_length=500)]


class Entry(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    removed: StrictBool = Field(default=False, description="The entry ends when this version takes effect.")

    def content(self) -> dict[str, Any]:
        return self.model_dump()


class Team(Entry):
    name: Name
    regions: Regions = ("*",)
    parent_team: Id | None = None
    leader_id: Id | None = None
    members: Annotated[tuple[Id, ...], Field(max_length=5_000)] = ()


class Person(Entry):
    name: Name
    email: Annotated[str, Field(max_length=254, pattern=r"^[^@\s\x7f-\x9f]+@[^@\s\x7f-\x9f]+$")] | None = None
    language: Annotated[str, Field(pattern=r"^(zh|en)$")] = "zh"
    regions: Regions = ()


class Route(Entry):
    """Conditions that are left out always hold."""

    team: Id
    name: Annotated[str, Field(max_length=200)] = ""
    rank: Annotated[StrictInt, Field(ge=-1_000_000, le=1_000_000), WHOLE] = 0
    category: Path | None = None
    region: Path | None = None
    tier: Annotated[str, Field(pattern=r"^(platinum|gold|silver|standard)$")] | None = None


class Source(Entry):
    """A system that may send: the types of events, and the actions of its commands (`*`: any)."""

    name: Annotated[str, Field(max_length=200)] = ""
    types: Annotated[tuple[Name, ...], Field(max_length=50)] = ()
    actions: Annotated[tuple[Name, ...], Field(max_length=100)] = ()


ENTRIES: dict[str, tuple[str, type[Entry]]] = {
    "teams": ("team", Team),
    "people": ("person", Person),
    "routes": ("route", Route),
    "sources": ("source", Source),
}
"""Name in the path, kind in the directory, body."""
