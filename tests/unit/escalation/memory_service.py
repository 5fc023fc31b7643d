"""Escalation without Kafka and MongoDB: the clock set of a story, and the rules as stored documents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx

from services.escalation.main import SERVICE
from services.escalation.settings import EscalationSettings, Settings
from shared.kernel.aggregate import AggregateType, Cause, Command, Decision, Facts, Snapshot
from shared.kernel.clock import Clock
from shared.kernel.refusal import Refusal
from shared.persistence.driver import Database
from shared.runtime.context import Executed, Unavailable
from shared.runtime.devkeys import ensure_keys, sign
from shared.runtime.http.app import build_app
from shared.runtime.settings import Settings as CommonSettings
from tests.unit.escalation.story import Story


class MemoryCollection:
    """As much of the driver's collection as the rules need."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}

    def find(self, where: Mapping[str, Any], projection: Any, **_: Any) -> "MemoryCollection":
        return self

    async def to_list(self, _: None) -> list[dict[str, Any]]:
        return [self.documents[name] for name in sorted(self.documents)]

    async def update_one(self, where: Mapping[str, Any], update: Any, **_: Any) -> Any:
        fresh = where["_id"] not in self.documents
        self.documents.setdefault(where["_id"], {**where, **update["$setOnInsert"]})
        return SimpleNamespace(
            matched_count=int(not fresh), modified_count=0, upserted_id=where["_id"] if fresh else None
        )


class MemoryDatabase(dict[str, MemoryCollection]):
    name = "memory"

    def __missing__(self, name: str) -> MemoryCollection:
        return self.setdefault(name, MemoryCollection())


def a_database() -> Database:
    return Database(MemoryDatabase())


@dataclass
class MemoryContext:
    """Serves what a story has come to."""

    story: Story
    state_dir: Path
    name: str = "escalation"
    database: Database = field(default_factory=a_database)

    def __post_init__(self) -> None:
        self.clock = Clock(origin=self.story.now, anchor=0.0, rate=0.0)
        self.settings: CommonSettings = Settings(
            kafka_bootstrap="nowhere:1",
            mongo_uri="mongodb://nowhere",
            state_dir=self.state_dir,
            mode="embedded",
            auth={"jwks": str(ensure_keys(self.state_dir))},  # type: ignore[arg-type]  # pydantic makes it
            escalation=EscalationSettings(),
        )

    def facts(self) -> Facts:
        return Facts(self.clock.now(), self.story.rules)

    async def execute(
        self, kind: AggregateType[Any], aggregate_id: str, command: Command, cause: Cause
    ) -> Executed | Refusal:
        raise Unavailable("nothing here takes commands")

    async def get(self, kind: AggregateType[Any], aggregate_id: str) -> Snapshot[Any] | None:
        return self.story.snapshot if aggregate_id == self.story.snapshot.id else None

    async def find(
        self, kind: AggregateType[Any], where: Mapping[str, Any], sort: Sequence[tuple[str, int]], limit: int
    ) -> list[Snapshot[Any]]:
        fields = kind.index(self.story.snapshot)
        return [self.story.snapshot] if all(fields.get(name) == value for name, value in where.items()) else []

    async def history(self, kind: AggregateType[Any], aggregate_id: str) -> list[Decision]:
        return []

    def client(
        self, *roles: str, teams: Sequence[str] = ("*",), regions: Sequence[str] = ("*",)
    ) -> httpx.AsyncClient:
        token = sign(self.state_dir, "somebody", roles or ("handler",), teams, regions, 60)
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(build_app(SERVICE, self, checks={})),
            base_url="http://escalation",
            headers={"Authorization": f"Bearer {token}"},
        )
