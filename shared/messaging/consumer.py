"""The batch consumer of one service: raw records in, explicit commits, nothing acknowledged by the library."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import FAKE_CONSUMER, KafkaMessage

from shared.messaging import tolerant_records
from shared.messaging.records import InRecord
from shared.runtime.context import Unavailable
from shared.runtime.telemetry import ALERTS, BATCH

log = structlog.get_logger()
MAX_BATCH = 1_000
POLL_MS = 15
PAUSE_WHEN_UNAVAILABLE = 1.0
METADATA_MAX_AGE_MS = 10_000  # partitions that are new, or a topic that was made anew, are noticed so late at most
SHORTEST_STALL = 60.0  # seconds of lag without progress, outside an outage, before the process gives itself up

Process = Callable[[Sequence[InRecord]], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Membership:
    """Of a consumer group. With `instance`, a name that survives restarts, a process that was killed gets its
    partitions back as soon as it is up again; without it the group waits until the dead member's session ends."""

    group: str
    instance: str | None = None


class Consumer:
    """Feeds batches to `process` and commits them after it returned; on Unavailable the batch comes again."""

    def __init__(
        self, bootstrap: str, member: Membership, prefix: str, topics: Iterable[str], process: Process
    ) -> None:
        tolerant_records.install()
        self._prefix, self._process = prefix, process
        self._broker, self._subscriber = self._subscribed(bootstrap, member, [prefix + topic for topic in topics])
        self.waiting = False  # for a dependency; no progress is then expected
        self._busy = False
        self._done: dict[TopicPartition, int] = {}
        self._progressed = asyncio.get_running_loop().time()

    def _subscribed(self, bootstrap: str, member: Membership, topics: Sequence[str]) -> tuple[Any, Any]:
        """What starts and stops, and what has the client; a double of Kafka takes the place of both."""
        broker = KafkaBroker(
            bootstrap.split(","),
            apply_types=False,
            logger=None,
            consumer_only=True,
            allow_auto_create_topics=False,
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            graceful_timeout=20.0,
        )
        subscriber = broker.subscriber(
            *topics,
            batch=True,
            group_id=member.group,
            group_instance_id=member.instance,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            max_records=MAX_BATCH,
            batch_timeout_ms=POLL_MS,
            fetch_max_wait_ms=250,
            max_partition_fetch_bytes=4 * 1024 * 1024,
            parser=_raw,
            decoder=_undecoded,
            listener=_Listener(self),
        )
        subscriber(self._handle)
        return broker, subscriber

    async def start(self) -> None:
        """Raises KafkaError when no broker can be reached."""
        await self._broker.start()

    async def stop(self) -> None:
        """Waits for the batch in work, then leaves the group."""
        await self._broker.stop()

    @property
    def _consumer(self) -> AIOKafkaConsumer:
        return self._subscriber.consumer

    def assigned(self, topic: str) -> dict[int, int]:
        """The partitions of `topic` that this process owns now, each with the topic's number of partitions."""
        if self._consumer is None:
            return {}
        name = self._prefix + topic
        total = len(self._consumer.partitions_for_topic(name) or ())
        return {tp.partition: total for tp in self._consumer.assignment() if tp.topic == name}

    async def caught_up(self, topic: str) -> set[int]:
        """The owned partitions of `topic` whose every record up to the end, as seen just now, was processed."""
        name = self._prefix + topic
        owned = [tp for tp in self._consumer.assignment() if tp.topic == name]
        if not owned:
            return set()
        try:
            ends = await asyncio.wait_for(self._consumer.end_offsets(owned), timeout=1.0)
            return {tp.partition for tp in owned if await self._position(tp) >= ends[tp]}
        except (KafkaError, IllegalStateError, TimeoutError):
            return set()

    async def _position(self, tp: TopicPartition) -> int:
        done = self._done.get(tp)
        if done is not None:
            return done
        return -1 if self._busy else int(await asyncio.wait_for(self._consumer.position(tp), timeout=1.0))

    async def trouble(self) -> str | None:
        """What keeps this consumer from its work, in words; None when nothing does."""
        if self._consumer is None:
            return "not connected"
        if self.waiting:
            return "waiting for a dependency"
        try:
            async with asyncio.timeout(2.0):
                await self._consumer.topics()
        except (KafkaError, TimeoutError) as error:
            return type(error).__name__
        return None if self._consumer.assignment() else "no partitions assigned"

    async def watch(self) -> None:
        """Returns when the consumer has stopped making progress although records wait and nothing is down."""
        loop = asyncio.get_running_loop()
        while True:
            looked = loop.time()
            await asyncio.sleep(SHORTEST_STALL / 6)
            # A process that was stopped as a whole has had no chance to make progress.
            slept = loop.time() - looked > SHORTEST_STALL / 2
            if slept or self.waiting or self._consumer is None:
                self._progressed = loop.time()
            if not await self._lags():
                self._progressed = loop.time()
            if loop.time() - self._progressed > SHORTEST_STALL:
                return

    async def _lags(self) -> bool:
        owned = list(self._consumer.assignment()) if self._consumer else []
        try:
            ends = await self._consumer.end_offsets(owned) if owned else {}
            return any([await self._position(tp) < end for tp, end in ends.items()])
        except (KafkaError, IllegalStateError, TimeoutError):
            return False

    async def _handle(self, raw: tuple[Any, ...]) -> None:
        self._busy = True
        BATCH.observe(len(raw))
        try:
            await self._process([InRecord.received(one, self._prefix) for one in raw])
        except Unavailable as error:
            log.warning("waiting_for_dependency", records=len(raw), error=str(error)[:200])
            self.waiting = True
            await self._again(raw)
        except Exception as error:  # the library would swallow it, and the next commit lose these records
            ALERTS.labels("batch_failed").inc()
            log.critical("batch_failed", records=len(raw), exc_info=error)
            await self._again(raw)
        else:
            await self._commit(raw)
        finally:
            self._busy = False

    async def _commit(self, raw: tuple[Any, ...]) -> None:
        ends: dict[TopicPartition, int] = {}
        for one in raw:
            ends[TopicPartition(one.topic, one.partition)] = one.offset + 1
        self.waiting = False
        self._progressed = asyncio.get_running_loop().time()
        self._done.update(ends)
        try:
            await self._consumer.commit(ends)
        except (CommitFailedError, IllegalStateError, KafkaError) as error:
            # The partitions went to somebody else, or the broker is away: the records come again, and are known.
            log.warning("commit_failed", error=type(error).__name__)

    async def _again(self, raw: tuple[Any, ...]) -> None:
        first: dict[TopicPartition, int] = {}
        for one in raw:
            first.setdefault(TopicPartition(one.topic, one.partition), one.offset)
        for tp, offset in first.items():
            if tp in self._consumer.assignment():
                self._consumer.seek(tp, offset)
        await asyncio.sleep(PAUSE_WHEN_UNAVAILABLE)

    def revoked(self) -> None:
        """What was processed under an old assignment proves nothing about the next one."""
        self._done.clear()


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka publishes no types
    def __init__(self, consumer: Consumer) -> None:
        self._owner = consumer

    async def on_partitions_revoked(self, revoked: Any) -> None:
        self._owner.revoked()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        self._owner.revoked()


async def _raw(message: tuple[Any, ...]) -> KafkaMessage:
    """In place of the library's parser, which dies on a header that is None or not UTF-8."""
    return KafkaMessage(body=b"", raw_message=message, headers={}, message_id="", consumer=FAKE_CONSUMER)


async def _undecoded(message: KafkaMessage) -> Any:
    return message.raw_message
