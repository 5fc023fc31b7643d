"""In-memory log and projection that fail like the real ones: partial inserts, collisions, lost answers."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from shared.kernel.aggregate import Cause, Snapshot
from shared.kernel.ports import LogDocument, OutcomeUnknown


@dataclass(slots=True)
class Weather:
    """Decides, from a seed, what goes wrong. `losses` is the share of calls whose answer never arrives."""

    seed: int
    losses: float = 0.0
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)  # noqa: S311 - reproducible on purpose

    async def pass_time(self) -> None:
        for _ in range(self.dice.randrange(4)):
            await asyncio.sleep(0)

    def answer_lost(self) -> bool:
        return self.dice.random() < self.losses


@dataclass(slots=True)
class MemoryLog:
    """The unique id is the only lock, as in MongoDB; documents of one insert go in one by one."""

    weather: Weather
    documents: dict[tuple[str, int], LogDocument[Any]] = field(default_factory=dict)

    def prepare(self, document: LogDocument[Any]) -> LogDocument[Any] | None:
        return replace(document, prepared=b"")

    async def append(self, documents: Sequence[LogDocument[Any]]) -> set[str]:
        taken: set[str] = set()
        for document in documents:
            await self.weather.pass_time()
            if self.weather.answer_lost():
                raise OutcomeUnknown("between two inserts")
            place = (document.aggregate_id, document.first)
            if place in self.documents:
                taken.add(document.aggregate_id)
            else:
                self.documents[place] = document
        if self.weather.answer_lost():
            raise OutcomeUnknown("after the last insert")
        return taken

    async def tail(self, after: Mapping[str, int]) -> dict[str, list[LogDocument[Any]]]:
        await self.weather.pass_time()
        found = {
            aggregate_id: [d for d in self.of(aggregate_id) if d.first > version]
            for aggregate_id, version in after.items()
        }
        return {aggregate_id: tail for aggregate_id, tail in found.items() if tail}

    async def older_causes(self, wanted: Sequence[tuple[str, Cause]]) -> dict[tuple[str, str, str], int]:
        await self.weather.pass_time()
        return {
            (aggregate_id, cause.source, cause.id): document.first
            for aggregate_id, cause in wanted
            for document in self.of(aggregate_id)
            for decision in document.decisions
            if (decision.cause.source, decision.cause.id) == (cause.source, cause.id)
        }

    def of(self, aggregate_id: str) -> list[LogDocument[Any]]:
        return [self.documents[place] for place in sorted(self.documents) if place[0] == aggregate_id]


@dataclass(slots=True)
class MemoryProjection:
    """Loses or delays nothing by itself; tests make it stale by not saving."""

    weather: Weather
    snapshots: dict[str, Snapshot[Any]] = field(default_factory=dict)

    async def load(self, ids: Sequence[str]) -> dict[str, Snapshot[Any]]:
        await self.weather.pass_time()
        if self.weather.answer_lost():
            raise OutcomeUnknown("load")
        return {i: self.snapshots[i] for i in ids if i in self.snapshots}

    async def save(self, changed: Mapping[str, tuple[int, Snapshot[Any]]]) -> None:
        await self.weather.pass_time()
        for aggregate_id, (_, snapshot) in changed.items():
            known = self.snapshots.get(aggregate_id)
            if known is None or known.version < snapshot.version:
                self.snapshots[aggregate_id] = snapshot
