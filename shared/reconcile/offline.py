"""A service seen from outside while it runs, or after it stopped: its log, projections and facts, read only."""

from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from shared.kernel.aggregate import AggregateType, Cause, Command, Decision, Facts, S, Snapshot
from shared.kernel.clock import Clock
from shared.kernel.refusal import Refusal
from shared.persistence.driver import Database, Document, Driver
from shared.persistence.event_log import BEYOND_ALL_VERSIONS, COLLECTION, RANGES_PER_QUERY, MongoLog, aggregate_of
from shared.persistence.projection import MongoProjection
from shared.runtime.context import Executed, ServiceDefinition
from shared.runtime.settings import Settings

PAGE = 2_000
Log = tuple[str, list[Document]]
"""An aggregate's id and its raw log documents, oldest first."""


class OfflineService:
    """Implements Context for whatever only reads."""

    def __init__(self, definition: ServiceDefinition, settings: Settings) -> None:
        self.definition, self.settings, self.name = definition, settings, definition.name
        self.clock = Clock.real()
        self._driver = Driver(settings.mongo_uri, settings.mongo_driver)
        self.database: Database = self._driver.database(settings.database_prefix + definition.name)
        self.logs = {kind.name: MongoLog(kind, self.database) for kind in definition.aggregates}
        self.projections = {kind.name: MongoProjection(kind, self.database) for kind in definition.aggregates}
        self._reference: Any = None

    async def close(self) -> None:
        await self._driver.close()

    async def load_reference(self) -> Any:
        """The reference data in force now, as the service itself would load them."""
        if self._reference is None and self.definition.reference is not None:
            self._reference = await self.definition.reference(self)
        return self._reference

    async def aggregates(self, kind: AggregateType[Any]) -> AsyncIterator[list[Log]]:
        """All logs of a kind, in pages and in the order of their ids. Raises DriverError."""
        log = self.database.collection(COLLECTION)
        beyond = kind.prefix + BEYOND_ALL_VERSIONS
        after, rest = kind.prefix, list[Document]()
        while page := await log.find({"_id": {"$gt": after, "$lt": beyond}}, sort=[("_id", 1)], limit=PAGE):
            after = page[-1]["_id"]
            found = _by_aggregate([*rest, *page])
            rest = found.pop()[1]  # the next page may go on with it
            yield found
        if rest:
            yield _by_aggregate(rest)

    async def aggregates_of(self, ids: Sequence[str]) -> list[Log]:
        """The logs of these aggregates, as far as there are any. Raises DriverError."""
        ranges = [{"_id": {"$gt": f"{one}:", "$lt": f"{one}:{BEYOND_ALL_VERSIONS}"}} for one in ids]
        log = self.database.collection(COLLECTION)
        found: list[Document] = []
        for start in range(0, len(ranges), RANGES_PER_QUERY):
            some = ranges[start : start + RANGES_PER_QUERY]
            found += await log.find({"$or": some} if len(some) > 1 else some[0], sort=[("_id", 1)])
        return _by_aggregate(found)

    def facts(self) -> Facts:
        return Facts(self.clock.now(), self._reference)

    async def execute(
        self, kind: AggregateType[Any], aggregate_id: str, command: Command, cause: Cause
    ) -> Executed | Refusal:
        raise NotImplementedError("whoever looks from outside changes nothing")

    async def get(self, kind: AggregateType[S], aggregate_id: str) -> Snapshot[S] | None:
        return (await self.projections[kind.name].load([aggregate_id])).get(aggregate_id)

    async def find(
        self, kind: AggregateType[S], where: Mapping[str, Any], sort: Sequence[tuple[str, int]], limit: int
    ) -> list[Snapshot[S]]:
        return await self.projections[kind.name].find(where, sort, limit)

    async def history(self, kind: AggregateType[Any], aggregate_id: str) -> list[Decision]:
        restored = self.logs[kind.name].restored
        return [
            d for _, raw in await self.aggregates_of([aggregate_id]) for one in raw for d in restored(one).decisions
        ]


def _by_aggregate(documents: Sequence[Document]) -> list[Log]:
    return [(aggregate_id, list(raw)) for aggregate_id, raw in groupby(documents, key=aggregate_of)]
