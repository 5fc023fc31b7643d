"""Reads topics and publishes to them for a command; without a consumer group, so that nobody misses a record."""

import logging
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.cli.endpoints import Endpoints
from shared.cli.failure import DependencyDown, NotFound
from shared.messaging import tolerant_records
from shared.messaging.publisher import Publisher
from shared.messaging.records import InRecord, OutRecord
from shared.runtime.context import Unavailable
from shared.runtime.logging import configure

POLL_MS = 250
PATIENCE_SECONDS = 10.0  # with brokers that do not answer
FETCH_BYTES = 4 * 1024 * 1024


async def publish(endpoints: Endpoints, records: Sequence[OutRecord]) -> None:
    """Returns when all are acknowledged. Raises DependencyDown, and PublishRefused for what Kafka never takes."""
    compression = os.environ.get("CLOSEDLOOP_KAFKA_COMPRESSION", "lz4")
    with _reaching(endpoints.kafka):
        publisher = Publisher(endpoints.kafka, endpoints.topic_prefix, compression, PATIENCE_SECONDS)
        try:
            await publisher.publish(records)
        finally:
            await publisher.stop()


async def read(
    endpoints: Endpoints, topics: Sequence[str], *, from_beginning: bool = True, follow: bool = False
) -> AsyncIterator[InRecord]:
    """The records of topics (short names), by time as far as they come together.

    Up to the ends as they are now, or with `follow` for ever. Raises NotFound for a topic that is not there, and
    DependencyDown.
    """
    with _reaching(endpoints.kafka):
        async with _consumer(endpoints, topics) as consumer:
            ends = await _ends(consumer, endpoints, topics)
            if not from_beginning:
                for partition, end in ends.items():
                    consumer.seek(partition, end)
            while follow or await _left(consumer, ends):
                batches = await consumer.getmany(timeout_ms=POLL_MS)
                found = [raw for records in batches.values() for raw in records]
                for raw in sorted(found, key=lambda raw: raw.timestamp):
                    if follow or raw.offset < ends[TopicPartition(raw.topic, raw.partition)]:
                        yield InRecord.received(raw, endpoints.topic_prefix)


@asynccontextmanager
async def _consumer(endpoints: Endpoints, topics: Sequence[str]) -> AsyncIterator[AIOKafkaConsumer]:
    tolerant_records.install()
    consumer = AIOKafkaConsumer(
        *(endpoints.topic_prefix + topic for topic in topics),
        bootstrap_servers=[server.strip() for server in endpoints.kafka.split(",")],
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def _ends(consumer: AIOKafkaConsumer, endpoints: Endpoints, topics: Sequence[str]) -> dict[TopicPartition, int]:
    there = {partition.topic for partition in consumer.assignment()}
    if missing := [topic for topic in topics if endpoints.topic_prefix + topic not in there]:
        raise NotFound(f"there is no topic {', '.join(missing)}", "`./closedloop topics ensure` makes those of ours.")
    ends: dict[TopicPartition, int] = await consumer.end_offsets(list(consumer.assignment()))
    return ends


async def _left(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
    for partition, end in ends.items():
        if await consumer.position(partition) < end:
            return True
    return False


@contextmanager
def _reaching(servers: str) -> Iterator[None]:
    """Says in one sentence what the client library would tell in many."""
    configure("cli", level=logging.CRITICAL)
    try:
        yield
    except (KafkaError, OSError, TimeoutError, Unavailable) as error:
        advice = "`./closedloop status` tells how it is."
        raise DependencyDown(f"Kafka at {servers} does not answer: {type(error).__name__}", advice) from error
