"""One suite for both ends of the topics: the publisher and consumer on Kafka, and their doubles in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared.messaging.admin import until_led
from shared.messaging.consumer import Consumer, Membership
from shared.messaging.publisher import Publisher
from shared.messaging.records import InRecord, OutRecord
from shared.runtime.context import Unavailable
from shared.testing.memory_topics import MemoryBroker, MemoryClient, MemoryConsumer, MemoryPublisher
from shared.testing.wire import Quiet
from tests.integration.mechanism.servers import until, until_seen

TOPIC, GROUP, PARTITIONS = "workorders", "readers", 2
KEYS = (b"a", b"d", b"e")  # of both partitions
Process = Callable[[Sequence[InRecord]], Awaitable[object]]


class KafkaTopics:
    """A topic of the test's own on the real broker."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._bootstrap, self._prefix = bootstrap, prefix

    def publisher(self) -> Publisher:
        return Publisher(self._bootstrap, self._prefix)

    def consumer(self, process: Process) -> Consumer:
        return Consumer(self._bootstrap, Membership(self._prefix + GROUP), self._prefix, [TOPIC], process)

    async def values(self) -> list[bytes]:
        """What anybody can read now, partition by partition."""
        async with AIOKafkaConsumer(bootstrap_servers=self._bootstrap, auto_offset_reset="earliest") as reader:
            places = [TopicPartition(self._prefix + TOPIC, number) for number in range(PARTITIONS)]
            reader.assign(places)
            found: list[bytes] = []
            for place, end in (await reader.end_offsets(places)).items():
                while await reader.position(place) < end:
                    found += [one.value for one in (await reader.getmany(place, timeout_ms=200)).get(place, [])]
            return found


class MemoryTopics:
    """The same in memory."""

    def __init__(self) -> None:
        self._broker = MemoryBroker(PARTITIONS)

    def publisher(self) -> Publisher:
        return MemoryPublisher(self._broker, Quiet())

    def consumer(self, process: Process) -> Consumer:
        return MemoryConsumer(MemoryClient(self._broker, GROUP, [TOPIC], Quiet()), self._broker, process)

    async def values(self) -> list[bytes]:
        return [kept.value or b"" for kept in self._broker.records(TOPIC)]


Topics = KafkaTopics | MemoryTopics


@pytest.fixture
async def kafka_topics(kafka_bootstrap: str, topic_prefix: str) -> KafkaTopics:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic_prefix + TOPIC, PARTITIONS, 1)])
    await until_led(admin, [topic_prefix + TOPIC])
    await admin.close()
    return KafkaTopics(kafka_bootstrap, topic_prefix)


@pytest.fixture(params=["kafka", "memory"])
def topics(request: pytest.FixtureRequest) -> Topics:
    if request.param == "memory":
        return MemoryTopics()
    found: KafkaTopics = request.getfixturevalue("kafka_topics")
    return found


@pytest.fixture
async def publisher(topics: Topics) -> AsyncIterator[Publisher]:
    found = topics.publisher()
    await found.start()
    yield found
    await found.stop()


@asynccontextmanager
async def reading(topics: Topics, *processes: Process) -> AsyncIterator[list[Consumer]]:
    """Members of one group, one for each process."""
    async with AsyncExitStack() as stack:
        consumers = []
        for process in processes:
            consumers.append(topics.consumer(process))
            await consumers[-1].start()
            stack.push_async_callback(consumers[-1].stop)
        yield consumers


@dataclass
class Reading:
    """What a consumer was given; it fails so often, or goes on only when it may."""

    seen: list[InRecord] = field(default_factory=list)
    fails: int = 0
    may: asyncio.Event | None = None

    async def process(self, records: Sequence[InRecord]) -> None:
        self.seen += records
        if self.may:
            await self.may.wait()
        if self.fails:
            self.fails -= 1
            raise Unavailable("as told")

    def values(self, key: bytes | None = None) -> list[bytes]:
        return [one.value or b"" for one in self.seen if key in (None, one.key)]


def records(*values: bytes, key: bytes = b"a") -> list[OutRecord]:
    return [OutRecord(TOPIC, key, value, [("ce_id", value)]) for value in values]


def numbered(count: int) -> list[bytes]:
    return [b"%03d" % number for number in range(count)]


async def test_records_arrive_whole_and_in_the_order_of_their_key(topics: Topics, publisher: Publisher) -> None:
    values, reading_one = numbered(60), Reading()
    mixed = [one for value in values for key in KEYS for one in records(value, key=key)]
    async with reading(topics, reading_one.process):
        await publisher.publish(mixed)
        await until_seen(lambda: len(reading_one.seen), lambda count: count >= len(mixed))
    for key in KEYS:
        assert reading_one.values(key) == values
        assert len({one.partition for one in reading_one.seen if one.key == key}) == 1
    first = reading_one.seen[0]
    assert (first.topic, first.headers[0], first.key) in {(TOPIC, ("ce_id", b"000"), key) for key in KEYS}


async def test_what_is_acknowledged_can_be_read(topics: Topics, publisher: Publisher) -> None:
    for value in numbered(5):
        await publisher.publish(records(value))
        assert (await topics.values())[-1:] == [value]


async def test_a_record_published_again_stands_there_again(topics: Topics, publisher: Publisher) -> None:
    await publisher.publish(records(b"1", b"2"))
    await publisher.publish(records(b"1"))
    assert await topics.values() == [b"1", b"2", b"1"]


async def test_a_batch_that_failed_comes_again_from_its_beginning(topics: Topics, publisher: Publisher) -> None:
    reading_one = Reading(fails=1)
    await publisher.publish(records(*numbered(3)))
    async with reading(topics, reading_one.process):
        await until_seen(reading_one.values, lambda seen: len(seen) >= 6)
    assert reading_one.values() == numbered(3) * 2


async def test_what_was_committed_does_not_come_again(topics: Topics, publisher: Publisher) -> None:
    first, second = Reading(), Reading()
    await publisher.publish(records(b"1"))
    async with reading(topics, first.process) as (consumer,):
        await until(lambda: consumer.caught_up(TOPIC), lambda caught_up: len(caught_up) == PARTITIONS)
    await publisher.publish(records(b"2"))
    async with reading(topics, second.process):
        await until_seen(second.values, bool)
    assert (first.values(), second.values()) == ([b"1"], [b"2"])


async def test_who_joins_is_given_what_another_has_not_committed(topics: Topics, publisher: Publisher) -> None:
    """The first member is in the middle of its batch when the group deals again; its commit then does no harm."""
    sleeper, other = Reading(may=asyncio.Event()), Reading()
    async with reading(topics, sleeper.process) as (first,):
        await until_seen(lambda: len(first.assigned(TOPIC)), PARTITIONS.__eq__)
        await publisher.publish([one for key in KEYS for one in records(b"1", key=key)])
        await until_seen(lambda: len(sleeper.seen), bool)
        async with reading(topics, other.process):
            await until_seen(other.values, bool)
            assert sleeper.may is not None
            sleeper.may.set()
            await until_seen(
                lambda: {one.key for one in [*sleeper.seen, *other.seen]}, lambda keys: keys == set(KEYS)
            )
    assert {one.offset for one in other.seen} >= {0}, "nothing had been committed"


async def test_who_is_left_gets_everything(topics: Topics, publisher: Publisher) -> None:
    first, second = Reading(), Reading()
    async with reading(topics, first.process):
        async with reading(topics, second.process) as (consumer,):
            await until_seen(lambda: len(consumer.assigned(TOPIC)), (1).__eq__)
        await publisher.publish([one for key in KEYS for one in records(b"1", key=key)])
        await until_seen(first.values, lambda seen: len(seen) >= len(KEYS))
    assert second.values() == []
