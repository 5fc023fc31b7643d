"""Everything a test of the mechanism does with real servers: run services, send records, read topics, look inside."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import ConsumerRecord

from shared.events.topics import TOPICS
from shared.messaging.records import InRecord
from shared.runtime.context import ServiceDefinition
from shared.runtime.service import RunningService
from tests.integration.mechanism.polling import VOTE

T = TypeVar("T")
Sending = tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]
"""Key, value and headers, as any client may send them."""


def vote(cause: str, ballot: str = "bal_1", kind: str = VOTE, source: str = "/test", **data: Any) -> Sending:
    """A record as another system would write it."""
    attributes = {"id": cause, "source": source, "type": kind}
    headers: list[tuple[str, bytes | None]] = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
    return ballot.encode(), json.dumps({"ballot": ballot, **data}).encode(), headers


@dataclass(frozen=True, slots=True)
class Servers:
    """The real servers with a prefix of the test's own for topics, groups and databases."""

    kafka: str
    mongo: str
    topic_prefix: str
    database_prefix: str
    state_dir: Path
    client: Any  # pymongo, for looking at databases from outside

    def service(self, definition: ServiceDefinition, **settings: Any) -> RunningService:
        given = {
            "kafka_bootstrap": self.kafka,
            "mongo_uri": self.mongo,
            "topic_prefix": self.topic_prefix,
            "database_prefix": self.database_prefix,
            "state_dir": self.state_dir,
        }
        return RunningService(definition, definition.settings.load(**given, **settings))

    @asynccontextmanager
    async def running(self, definition: ServiceDefinition, **settings: Any) -> AsyncIterator[RunningService]:
        service = self.service(definition, **settings)
        try:
            async with service.running():
                yield service
        finally:
            await service.close()

    async def send(self, topic: str, *records: Sending) -> list[int]:
        """Publishes to partition 0 with a client that is not ours; returns the offsets."""
        async with AIOKafkaProducer(bootstrap_servers=self.kafka, max_request_size=3 * 1024 * 1024) as producer:
            sent = [
                await producer.send(self.topic_prefix + topic, value, key, partition=0, headers=headers)
                for key, value, headers in records
            ]
            return [(await future).offset for future in sent]

    async def on_topic(self, topic: str) -> list[ConsumerRecord]:
        """Every record of the topic up to its end, in order."""
        name = self.topic_prefix + topic
        async with AIOKafkaConsumer(bootstrap_servers=self.kafka, auto_offset_reset="earliest") as consumer:
            places = [TopicPartition(name, number) for number in range(TOPICS[topic].partitions or 1)]
            consumer.assign(places)
            found: list[ConsumerRecord] = []
            for place, end in (await consumer.end_offsets(places)).items():
                while await consumer.position(place) < end:
                    found += (await consumer.getmany(place, timeout_ms=200)).get(place, [])
            return found

    async def received(self, topic: str) -> list[InRecord]:
        """What a consumer of ours would hand to the pipeline."""
        return [
            InRecord(topic, r.partition, r.offset, r.key, r.value, r.headers, _instant(r.timestamp))
            for r in await self.on_topic(topic)
        ]

    async def events_of(self, topic: str, subject: str) -> list[int]:
        """The sequences that the topic holds of one aggregate, in order, copies included."""
        found = [dict(record.headers) for record in await self.on_topic(topic)]
        return [int(headers["ce_sequence"]) for headers in found if headers.get("ce_subject") == subject.encode()]

    async def dead_letters(self, service: str = "workflow") -> list[Mapping[str, str]]:
        """The `dl_` headers of every dead letter, without that prefix."""
        return [
            {name[3:]: value.decode() for name, value in record.headers if name.startswith("dl_")}
            for record in await self.on_topic(f"{service}.dead-letters")
        ]

    async def committed(self, service: str, topic: str) -> int:
        """How far the service's group has come in the topic."""
        place = TopicPartition(self.topic_prefix + topic, 0)
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        try:
            found = await admin.list_consumer_group_offsets(self.topic_prefix + service, partitions=[place])
        finally:
            await admin.close()
        return max(0, int(found[place].offset))

    async def until_committed(self, service: str, topic: str, offset: int) -> None:
        """Waits until everything up to and with `offset` was processed."""
        await until(lambda: self.committed(service, topic), lambda found: found > offset)

    def documents(self, collection: str, service: str = "workflow") -> list[dict[str, Any]]:
        found = self.client[self.database_prefix + service][collection].find().sort("_id", 1)
        return list(found)

    def ballot(self, ballot: str = "bal_1") -> Mapping[str, Any]:
        """The projected ballot; empty if there is none."""
        found = self.client[f"{self.database_prefix}workflow"]["ballot_1"].find_one({"_id": ballot})
        return {**found, "s": json.loads(found["s"])} if found else {}


async def until(look: Callable[[], Awaitable[T]], holds: Callable[[T], bool], seconds: float = 20.0) -> T:
    """What `look` sees once it `holds`; fails with what was seen instead."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not holds(seen := await look()):
        if asyncio.get_running_loop().time() > deadline:
            pytest.fail(f"never came to it: {seen}")
        await asyncio.sleep(0.05)
    return seen


async def until_seen(look: Callable[[], T], holds: Callable[[T], bool], seconds: float = 20.0) -> T:
    """The same for what can be looked at without waiting."""

    async def looked() -> T:
        return look()

    return await until(looked, holds, seconds)


def decisions(documents: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[int]]]:
    """(document id, versions in it) of log documents."""
    return [(document["_id"], [decision["v"] for decision in document["d"]]) for document in documents]


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
