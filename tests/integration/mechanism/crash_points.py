"""Steps of a batch that are reached and never passed: where the test then abandons the service, it has crashed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from shared.kernel.aggregate import AggregateType, Snapshot
from shared.messaging.publisher import Publisher
from shared.messaging.records import OutRecord
from shared.persistence.driver import Database
from shared.persistence.projection import MongoProjection
from shared.runtime.service import RunningService
from tests.ballot import BALLOT
from tests.integration.mechanism.servers import until_seen


class Wall:
    """Nobody gets past it; `reached` counts who came."""

    def __init__(self) -> None:
        self.reached = 0

    async def stop_here(self) -> None:
        self.reached += 1
        await asyncio.Event().wait()


class WalledPublisher(Publisher):
    def __init__(self, service: RunningService, wall: Wall) -> None:
        super().__init__(service.settings.kafka_bootstrap, service.settings.topic_prefix)
        self._wall = wall

    async def publish(self, records: Sequence[OutRecord]) -> None:
        await self._wall.stop_here()


class WalledProjection(MongoProjection[Any]):
    def __init__(self, kind: AggregateType[Any], database: Database, wall: Wall) -> None:
        super().__init__(kind, database)
        self._wall = wall

    async def save(self, changed: Mapping[str, tuple[int, Snapshot[Any]]]) -> None:
        await self._wall.stop_here()


@asynccontextmanager
async def a_service_that_stops(
    service: RunningService, kind: AggregateType[Any] = BALLOT, *, publishes: bool, projects: bool
) -> AsyncIterator[Wall]:
    """`service` without its loops and consumer, its batches walled up before publishing, projecting, or both."""
    wall = Wall()
    if not publishes:
        service.engine.publisher = WalledPublisher(service, wall)
    if not projects:
        service.engine.projections[kind.name] = WalledProjection(kind, service.database, wall)
    try:
        yield wall
    finally:
        await service.publisher.stop()
        await service.close()


async def crash_at(
    wall: Wall,
    work: Coroutine[Any, Any, object],
    walls: int,
    done: Callable[[], Awaitable[object]] | None = None,
) -> None:
    """Lets `work` run until it stands before all `walls` and its other steps are `done`; then drops it."""
    task = asyncio.create_task(work)
    await until_seen(lambda: (wall.reached, task.done()), lambda seen: seen[0] >= walls or seen[1])
    if done is not None:
        await done()
    assert not task.done(), task
    task.cancel()
    await asyncio.wait([task])


class failing:  # noqa: N801 - reads as a statement
    """The real server fails the commands that `fault` names, a few times."""

    def __init__(self, client: Any, fault: Mapping[str, Any], times: int = 1) -> None:
        self._client, self._fault, self._times = client, fault, times

    def __enter__(self) -> None:
        self._configure({"mode": {"times": self._times}, "data": dict(self._fault)})

    def __exit__(self, *_: object) -> None:
        self._configure({"mode": "off"})

    def _configure(self, what: Mapping[str, Any]) -> None:
        self._client.admin.command({"configureFailPoint": "failCommand", **what})
