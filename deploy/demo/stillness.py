"""Seeing that a system has nothing left to do: nothing unread, unpublished, parked, unsent or due.

The demo lets time go on only then; so each run has the same history, whatever was killed in the middle of it.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from deploy.demo.eventually import eventually
from services.escalation.bindings import BINDINGS as ESCALATION
from services.escalation.domain import CLOCK_SETS
from services.intake.bindings import BINDINGS as INTAKE
from services.notifier.bindings import BINDINGS as NOTIFIER
from services.notifier.projection import NOTICES
from services.workflow.bindings import BINDINGS as WORKFLOW
from shared.events.topics import SERVICES, TOPICS
from shared.persistence.driver import Driver, DriverError
from shared.persistence.event_log import COLLECTION as LOG
from shared.persistence.parking import UNTIL_MENDED, UNTIL_RESTART
from shared.persistence.projection import collection_name

BINDINGS = {"intake": INTAKE, "workflow": WORKFLOW, "escalation": ESCALATION, "notifier": NOTIFIER}
READ_BY = {service: sorted({binding.topic for binding in bindings}) for service, bindings in BINDINGS.items()}
Offsets = dict[TopicPartition, int]
FAST_SECONDS = 5.0  # a look that takes longer has met a server that is away


@dataclass(frozen=True)
class System:
    """Where to look."""

    kafka: str
    mongo: str
    topic_prefix: str = "closedloop."
    database_prefix: str = "closedloop_"


class Stillness:
    """Looks at one system; a context, because it keeps connections."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._kafka: _Kafka | None = None
        self._driver = Driver(system.mongo, "motor")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._leave_kafka()
        await self._driver.close()

    async def reached(self, now: datetime) -> None:
        """Waits until nothing is left to do at `now` of the services' clock. Raises NotSeen."""
        await eventually("a system that has done all its work", lambda: self._left_to_do(now), lambda left: not left)

    async def _left_to_do(self, now: datetime) -> list[str]:
        try:
            async with asyncio.timeout(FAST_SECONDS):
                return await self._look(now)
        except (KafkaError, DriverError, TimeoutError) as error:
            await self._leave_kafka()
            return [f"a server is away: {type(error).__name__}"]

    async def _look(self, now: datetime) -> list[str]:
        """The topics before and after the rest: what holds between two equal looks at them held at one moment."""
        if self._kafka is None:
            self._kafka = await _Kafka.connected(self._system)
        before = await self._kafka.ends()
        left = [*await self._kafka.unread(before), *await self._undone(now)]
        return left if left or before == await self._kafka.ends() else ["records are being published"]

    async def _undone(self, now: datetime) -> list[str]:
        by_themselves = {"$nin": sorted(UNTIL_RESTART | UNTIL_MENDED)}  # others wait for a person
        looks: dict[str, tuple[str, str, Mapping[str, Any]]] = {
            "a delivery that has not ended": ("notifier", NOTICES, {"next_attempt": {"$exists": True}}),
            "a timer that is due": ("escalation", collection_name(CLOCK_SETS), {"next_fire": {"$lte": now}}),
        }
        for service in SERVICES:
            looks[f"an unpublished decision of {service}"] = (service, LOG, {"unpublished": {"$exists": True}})
            looks[f"a parked record of {service}"] = (service, "parked", {"reason": by_themselves})
        found = await asyncio.gather(*(self._any(*look) for look in looks.values()))
        return [what for what, there in zip(looks, found, strict=True) if there]

    async def _any(self, service: str, collection: str, where: Mapping[str, Any]) -> bool:
        database = self._driver.database(self._system.database_prefix + service)
        return await database.collection(collection).find_one(where, {"_id": 1}) is not None

    async def _leave_kafka(self) -> None:
        if self._kafka is not None:
            await self._kafka.close()
            self._kafka = None


class _Kafka:
    """How far the topics and their readers are."""

    def __init__(self, system: System) -> None:
        self._prefix = system.topic_prefix
        self._admin = AIOKafkaAdminClient(bootstrap_servers=system.kafka)
        self._reader = AIOKafkaConsumer(bootstrap_servers=system.kafka, enable_auto_commit=False)
        self._partitions: list[TopicPartition] = []
        self._open = AsyncExitStack()

    @classmethod
    async def connected(cls, system: System) -> "_Kafka":
        kafka = cls(system)
        try:
            for client, end in ((kafka._admin, kafka._admin.close), (kafka._reader, kafka._reader.stop)):
                kafka._open.push_async_callback(end)
                await client.start()
            kafka._partitions = await kafka._described()
        except BaseException:
            await kafka.close()
            raise
        return kafka

    async def close(self) -> None:
        await self._open.aclose()

    async def _described(self) -> list[TopicPartition]:
        described = await self._admin.describe_topics([self._prefix + topic for topic in TOPICS])
        found = {topic["topic"]: topic["partitions"] for topic in described}
        if not all(found.get(self._prefix + topic) for topic in TOPICS):
            raise UnknownTopicOrPartitionError  # a broker that has just come back: nothing can be told yet
        return [TopicPartition(topic, one["partition"]) for topic, partitions in found.items() for one in partitions]

    async def ends(self) -> Offsets:
        ends: Offsets = await self._reader.end_offsets(self._partitions)
        return ends

    async def unread(self, ends: Offsets) -> list[str]:
        """What each service reads and has not committed."""
        found = await asyncio.gather(*(self._unread_by(service, ends) for service in READ_BY))
        return [what for of_one in found for what in of_one]

    async def _unread_by(self, service: str, ends: Offsets) -> list[str]:
        done = await self._admin.list_consumer_group_offsets(self._prefix + service)
        behind = {tp.topic for tp, end in ends.items() if (done[tp].offset if tp in done else 0) < end}
        return [
            f"{service} has not read all of {topic}" for topic in READ_BY[service] if self._prefix + topic in behind
        ]
