"""The topics as they stand: where they begin and end, how far each service came, and their records."""

import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from shared.events.topics import TOPICS
from shared.kernel.aggregate import Cause
from shared.kernel.ids import murmur2
from shared.messaging.records import InRecord
from shared.runtime.context import Unavailable

PATIENCE = 30.0  # seconds without a record although some must come
Offsets = Mapping[TopicPartition, int]


@dataclass(slots=True)
class Places:
    """Offsets at one moment. Topics by their short names."""

    begins: dict[tuple[str, int], int] = field(default_factory=dict)
    ends: dict[tuple[str, int], int] = field(default_factory=dict)
    committed: dict[tuple[str, str, int], int] = field(default_factory=dict)  # (service, topic, partition)
    partitions: dict[str, int] = field(default_factory=dict)

    def consumed(self, service: str, topic: str, partition: int, offset: int) -> bool:
        return offset < self.committed.get((service, topic, partition), 0)

    def position(self, service: str, topic: str, partition: int) -> int:
        """What `service` consumes next."""
        return self.committed.get((service, topic, partition), self.begins.get((topic, partition), 0))

    def committed_past(self, service: str, cause: Cause) -> bool:
        """Whether the record that caused something is done with; a cause that is no record always is."""
        if cause.topic is None or cause.partition is None or cause.offset is None:
            return True
        return self.consumed(service, cause.topic, cause.partition, cause.offset)

    def behind(self, service: str, topic: str, key: str) -> bool:
        """Whether `service` has yet to consume something of the partition that `key` belongs to."""
        partition = self.partition_of(topic, key)
        end = self.ends.get((topic, partition), 0)
        begun = end > self.begins.get((topic, partition), 0)
        return begun and self.committed.get((service, topic, partition), 0) < end

    def shortened(self, topic: str, key: str) -> bool:
        """Whether records of that partition have expired."""
        return self.begins.get((topic, self.partition_of(topic, key)), 0) > 0

    def partition_of(self, topic: str, key: str) -> int:
        return (murmur2(key.encode()) & 0x7FFFFFFF) % max(1, self.partitions.get(topic, 1))


class Topics:
    """Reads as nobody in particular: no group, nothing is committed."""

    def __init__(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient, prefix: str) -> None:
        self._consumer, self._admin, self._prefix = consumer, admin, prefix

    @classmethod
    @asynccontextmanager
    async def opened(cls, bootstrap: list[str], prefix: str) -> AsyncIterator["Topics"]:
        """Raises KafkaError when no broker answers."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            group_id=None,
            enable_auto_commit=False,
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        try:
            await consumer.start()
            await admin.start()
            yield cls(consumer, admin, prefix)
        finally:
            await consumer.stop()
            await admin.close()

    async def places(self, services: Iterable[str]) -> Places:
        """How far each service came is read first, so that whatever is behind that was done before now."""
        places = Places()
        for service in services:
            found = await self._admin.list_consumer_group_offsets(f"{self._prefix}{service}")
            for tp, known in found.items():
                places.committed[service, self._short(tp.topic), tp.partition] = known.offset
        names = set(await self._admin.list_topics()) & {self._prefix + name for name in TOPICS}
        described = await self._admin.describe_topics(sorted(names)) if names else []
        for topic in described:
            places.partitions[self._short(topic["topic"])] = len(topic["partitions"])
        everything = [self._full(name, n) for name, count in places.partitions.items() for n in range(count)]
        begins = await self._consumer.beginning_offsets(everything)
        ends = await self._consumer.end_offsets(everything)
        places.begins = {(self._short(tp.topic), tp.partition): offset for tp, offset in begins.items()}
        places.ends = {(self._short(tp.topic), tp.partition): offset for tp, offset in ends.items()}
        return places

    async def records(self, topics: Iterable[str], places: Places) -> AsyncIterator[list[InRecord]]:
        """Everything in `topics` up to the ends of `places`. Raises Unavailable when the broker falls silent."""
        wanted = {
            self._full(topic, partition): end
            for (topic, partition), end in places.ends.items()
            if topic in topics and end > places.begins[topic, partition]
        }
        self._consumer.assign(list(wanted))
        for tp in wanted:
            self._consumer.seek(tp, places.begins[self._short(tp.topic), tp.partition])
        heard = time.monotonic()
        while open_ones := [tp for tp, end in wanted.items() if await self._consumer.position(tp) < end]:
            batches = await self._consumer.getmany(*open_ones, timeout_ms=1_000, max_records=5_000)
            if batches:
                heard = time.monotonic()
            elif time.monotonic() - heard > PATIENCE:
                raise Unavailable(f"{len(open_ones)} partitions fell silent")
            for tp, raw in batches.items():
                yield [InRecord.received(one, self._prefix) for one in raw if one.offset < wanted[tp]]

    def _full(self, topic: str, partition: int) -> TopicPartition:
        return TopicPartition(self._prefix + topic, partition)

    def _short(self, topic: str) -> str:
        return topic.removeprefix(self._prefix)
