"""Escalation without Kafka and MongoDB: the clock set of a story, and the rules that are published there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx

from services.escalation.main import SERVICE
from services.escalation.rulebook import load, seed
from services.escalation.settings import EscalationSettings, Settings
from shared.kernel.aggregate import AggregateType, Cause, Command, Decision, Facts, Snapshot
from shared.kernel.clock import Clock
from shared.kernel.ports import Decided, Declined, Held, Item, Known
from shared.kernel.refusal import Refusal
from shared.kernel.runner import Runner
from shared.persistence.driver import Database
from shared.runtime.context import Executed, Unavailable
from shared.runtime.devkeys import ensure_keys, sign
from shared.runtime.http.app import build_app
from shared.runtime.settings import Settings as CommonSettings
from shared.testing.memory import MemoryLog, MemoryProjection
from tests.unit.escalation.story import Story


@dataclass
class MemoryContext:
    """Serves what a story has come to."""

    story: Story
    state_dir: Path
    name: str = "escalation"
    database: Database = field(default_factory=lambda: Database(SimpleNamespace(name="memory")))
    log: MemoryLog = field(default_factory=MemoryLog)
    projection: MemoryProjection = field(default_factory=MemoryProjection)

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
        if kind.topic != "rules":
            raise Unavailable("nothing here takes commands")
        runner: Runner[Any] = Runner(kind, self.log, self.projection)
        [result], _, changed = await runner.run(
            [Item(aggregate_id, command, cause, records_refusals=False)], self.facts()
        )
        await self.projection.save(changed)
        match result:
            case Decided():
                return Executed(result.snapshot, result.decision.events)
            case Held():
                return Executed(result.snapshot)
            case Declined():
                return result.refusal
            case Known():
                return Executed(self.projection.snapshots[aggregate_id], replayed=True)
        raise AssertionError(result)

    async def seeded(self) -> "MemoryContext":
        """With the rules of the installation's folder published."""
        await seed(self)
        await self.refresh()
        return self

    async def refresh(self) -> None:
        """As the service does every second."""
        self.story.rules = await load(self)

    async def get(self, kind: AggregateType[Any], aggregate_id: str) -> Snapshot[Any] | None:
        if aggregate_id == self.story.snapshot.id:
            return self.story.snapshot
        return self.projection.snapshots.get(aggregate_id)

    async def find(
        self, kind: AggregateType[Any], where: Mapping[str, Any], sort: Sequence[tuple[str, int]], limit: int
    ) -> list[Snapshot[Any]]:
        if kind.topic == "rules":
            snapshots = self.projection.snapshots
            return [snapshots[name] for name in sorted(snapshots) if name.startswith(kind.prefix)]
        fields = kind.index(self.story.snapshot)
        return [self.story.snapshot] if all(fields.get(name) == value for name, value in where.items()) else []

    async def history(self, kind: AggregateType[Any], aggregate_id: str) -> list[Decision]:
        return self.story.decisions if aggregate_id == self.story.snapshot.id else []

    def client(
        self, *roles: str, teams: Sequence[str] = ("*",), regions: Sequence[str] = ("*",)
    ) -> httpx.AsyncClient:
        token = sign(self.state_dir, "somebody", roles or ("handler",), teams, regions, 60)
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(build_app(SERVICE, self, checks={})),
            base_url="http://escalation",
            headers={"Authorization": f"Bearer {token}"},
        )
