"""The publisher on a real broker: order, refusals that poison nobody, outages that lose nothing."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import ConsumerRecord

from deploy.local.ports import choose
from deploy.local.stack import LocalStack
from shared.messaging.admin import until_led
from shared.messaging.publisher import Publisher, PublishRefused
from shared.messaging.records import OutRecord
from shared.runtime.context import Unavailable

SMALLEST_LIMIT = 20_000
MakeTopic = Callable[..., Awaitable[str]]


@pytest.fixture
async def make_topic(kafka_bootstrap: str, topic_prefix: str) -> AsyncIterator[MakeTopic]:
    """Makes a topic of the test's own and answers its short name."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()

    async def make(name: str, partitions: int = 1, **settings: str) -> str:
        configs = {key.replace("_", "."): value for key, value in settings.items()}
        await admin.create_topics([NewTopic(topic_prefix + name, partitions, 1, topic_configs=configs)])
        await until_led(admin, [topic_prefix + name])
        return name

    yield make
    await admin.close()


@asynccontextmanager
async def a_publisher(bootstrap: str, prefix: str, retry_for: float = 20.0) -> AsyncIterator[Publisher]:
    publisher = Publisher(bootstrap, prefix, retry_for=retry_for)
    yield publisher
    await publisher.stop()


async def everything_on(bootstrap: str, topic: str) -> list[ConsumerRecord]:
    """Every record of the topic, partition by partition."""
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        places = [TopicPartition(topic, number) for number in await _partitions(consumer, topic)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        found = []
        for place in places:
            while await consumer.position(place) < ends[place]:
                found.extend((await consumer.getmany(place, timeout_ms=500)).get(place, []))
        return sorted(found, key=lambda record: (record.partition, record.offset))


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> Sequence[int]:
    await consumer._client._wait_on_metadata(topic)
    return sorted(consumer.partitions_for_topic(topic))


def records_of(topic: str, key: bytes | None, *values: bytes) -> list[OutRecord]:
    return [OutRecord(topic, key, value, []) for value in values]


def first_appearances(records: Sequence[ConsumerRecord], key: bytes) -> list[bytes]:
    return list(dict.fromkeys(record.value for record in records if record.key == key))


def numbered(count: int) -> list[bytes]:
    return [b"%05d" % number for number in range(count)]


async def test_records_arrive_once_each_in_the_order_of_their_key(
    kafka_bootstrap: str, topic_prefix: str, make_topic: MakeTopic
) -> None:
    topic = await make_topic("t", partitions=3)
    keys = [b"key-%d" % number for number in range(10)]
    records = [OutRecord(topic, key, value, [("a", b"1"), ("b", None)]) for value in numbered(100) for key in keys]
    async with a_publisher(kafka_bootstrap, topic_prefix) as publisher:
        await publisher.publish(records)
    found = await everything_on(kafka_bootstrap, topic_prefix + topic)
    assert len(found) == len(records)
    assert all([record.value for record in found if record.key == key] == numbered(100) for key in keys)
    assert len({record.partition for record in found}) == 3
    assert {tuple(record.headers) for record in found} == {(("a", b"1"), ("b", None))}


async def test_a_key_lands_where_other_clients_would_put_it(
    kafka_bootstrap: str, topic_prefix: str, make_topic: MakeTopic
) -> None:
    from aiokafka import AIOKafkaProducer

    topic = await make_topic("t", partitions=7)
    keys = [b"key-%d" % number for number in range(20)]
    async with a_publisher(kafka_bootstrap, topic_prefix) as publisher:
        await publisher.publish([OutRecord(topic, key, b"", []) for key in keys])
    async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap) as other:
        theirs = [(await other.send_and_wait(topic_prefix + topic, b"", key)).partition for key in keys]
    ours = {record.key: record.partition for record in await everything_on(kafka_bootstrap, topic_prefix + topic)}
    assert [ours[key] for key in keys] == theirs


async def test_a_record_over_the_topics_limit_poisons_nobody(
    kafka_bootstrap: str, topic_prefix: str, make_topic: MakeTopic
) -> None:
    """One partition, one batch: the broker refuses the whole of it and, from then on, the producer."""
    topic = await make_topic("t", max_message_bytes=str(SMALLEST_LIMIT))
    giant = incompressible(10 * SMALLEST_LIMIT)
    values = numbered(60)
    records = records_of(topic, b"k", *values[:30], giant, *values[30:])
    async with a_publisher(kafka_bootstrap, topic_prefix, retry_for=5.0) as publisher:
        await publisher.publish(records_of(topic, b"k", b"earlier"))
        with pytest.raises(PublishRefused) as refused:
            await publisher.publish(records)
        await publisher.publish(records_of(topic, b"k", b"later"))
    assert refused.value.reasons == {30: "MessageSizeTooLargeError"}
    found = await everything_on(kafka_bootstrap, topic_prefix + topic)
    assert first_appearances(found, b"k") == [b"earlier", *values, b"later"]


async def test_callers_beside_a_refused_record_lose_nothing_and_keep_their_order(
    kafka_bootstrap: str, topic_prefix: str, make_topic: MakeTopic
) -> None:
    topic = await make_topic("t", max_message_bytes=str(SMALLEST_LIMIT))
    giant = incompressible(10 * SMALLEST_LIMIT)
    values = numbered(200)
    async with a_publisher(kafka_bootstrap, topic_prefix, retry_for=5.0) as publisher:
        await publisher.publish(records_of(topic, b"k", b"earlier"))

        async def innocent(key: bytes) -> None:
            for start in range(0, len(values), 20):
                await publisher.publish(records_of(topic, key, *values[start : start + 20]))

        async def guilty() -> PublishRefused:
            with pytest.raises(PublishRefused) as refused:
                await publisher.publish(records_of(topic, b"guilty", b"before", giant, b"between", giant, b"after"))
            return refused.value

        _, _, first, second = await asyncio.gather(innocent(b"a"), innocent(b"b"), guilty(), guilty())
    assert set(first.reasons) == set(second.reasons) == {1, 3}
    found = await everything_on(kafka_bootstrap, topic_prefix + topic)
    assert first_appearances(found, b"a") == first_appearances(found, b"b") == values
    assert first_appearances(found, b"guilty") == [b"before", b"between", b"after"]


async def test_a_record_over_two_mebibytes_or_without_its_key_is_refused_by_itself(
    kafka_bootstrap: str, topic_prefix: str, make_topic: MakeTopic
) -> None:
    topic = await make_topic("t")
    compacted = await make_topic("directory", cleanup_policy="compact")
    records = [
        *records_of(topic, None, b"1", b"x" * (2 * 1024 * 1024 + 1), b"2"),
        *records_of(compacted, None, b"3"),
        OutRecord(topic, None, None, []),
    ]
    async with a_publisher(kafka_bootstrap, topic_prefix) as publisher:
        with pytest.raises(PublishRefused) as refused:
            await publisher.publish(records)
    assert refused.value.reasons == {1: "MessageSizeTooLargeError", 3: "KeyMissing", 4: "KeyMissing"}
    assert {r.value for r in await everything_on(kafka_bootstrap, topic_prefix + topic)} == {b"1", b"2"}


async def test_a_broker_that_hangs_makes_publishing_unavailable_and_nothing_is_lost(
    stack: LocalStack, kafka_bootstrap: str, topic_prefix: str, make_topic: MakeTopic
) -> None:
    topic = await make_topic("t")
    values = numbered(50)
    async with a_publisher(kafka_bootstrap, topic_prefix, retry_for=0.5) as hasty:
        await hasty.start()
        with hanging(stack):
            for start in range(0, len(values), 10):
                with pytest.raises(Unavailable):
                    await hasty.publish(records_of(topic, b"k", *values[start : start + 10]))
    async with a_publisher(kafka_bootstrap, topic_prefix) as publisher:
        await publisher.publish(records_of(topic, b"k", *values))
    found = await everything_on(kafka_bootstrap, topic_prefix + topic)
    assert [record.value for record in found][-len(values) :] == values
    assert len(found) <= 2 * len(values), "what a caller gave up must not be sent again and again"


async def test_callers_waiting_through_an_outage_are_served_after_it(
    stack: LocalStack, kafka_bootstrap: str, topic_prefix: str, make_topic: MakeTopic
) -> None:
    topic = await make_topic("t")
    values = numbered(500)
    async with a_publisher(kafka_bootstrap, topic_prefix) as publisher:
        await publisher.start()
        with hanging(stack):
            waiting = [
                asyncio.create_task(publisher.publish(records_of(topic, key, *values))) for key in (b"a", b"b")
            ]
            done, _ = await asyncio.wait(waiting, timeout=0.5)
            assert not done
        await asyncio.gather(*waiting)
    found = await everything_on(kafka_bootstrap, topic_prefix + topic)
    assert first_appearances(found, b"a") == first_appearances(found, b"b") == values


async def test_without_a_broker_publishing_is_unavailable_in_time_and_stopping_works() -> None:
    async with a_publisher(f"127.0.0.1:{choose()}", "t.", retry_for=0.5) as publisher:
        with pytest.raises(Unavailable):
            await publisher.publish(records_of("t", b"k", b"v"))
        assert not publisher.connected
    with pytest.raises(Unavailable):
        await publisher.publish(records_of("t", b"k", b"v"))


@contextmanager
def hanging(stack: LocalStack) -> Iterator[None]:
    """The broker keeps its connections but answers nobody."""
    process = stack.brokers[0].process
    process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.signal(signal.SIGCONT)


def incompressible(size: int) -> bytes:
    import random

    return random.Random(1).randbytes(size)
