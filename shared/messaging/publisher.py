"""Publishes in order and acknowledged; replaces its Kafka producer whenever a send fails.

An idempotent producer whose batch was refused may fail every later send to that partition, so none is used again
after an error. Copies may then repeat on the topic; consumers go by `sequence`.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerClosed,
    RecordListTooLargeError,
)
from aiokafka.partitioner import murmur2

from shared.events.topics import MAX_MESSAGE_BYTES, TOPICS
from shared.messaging.records import OutRecord
from shared.runtime.context import Unavailable

log = structlog.get_logger()
RETRY_FOR = 20.0  # seconds; less than a consumer may spend on a batch
REQUEST_TIMEOUT_MS = 5_000  # of one request; a hung broker delays the replacement of the producer by as much
BATCH_BYTES = 256 * 1024  # per partition
YIELD_EVERY = 256  # records handed over without letting the loop do other work: about 4 ms
LONGEST_PAUSE = 2.0

REFUSALS = (InvalidTopicError, MessageSizeTooLargeError, RecordListTooLargeError)
"""What the broker, or the client for it, will say to the same record for ever."""

Numbered = dict[int, OutRecord]
"""Records by their place in the caller's sequence, in its order."""
Sent = list[tuple[int, asyncio.Future[Any]]]


class PublishRefused(Exception):
    """Some records can never be published; every other record of the call has been. `reasons` is by index."""

    def __init__(self, reasons: Mapping[int, str]) -> None:
        super().__init__(f"{len(reasons)} records refused: {', '.join(sorted(set(reasons.values())))}")
        self.reasons = dict(reasons)


class Publisher:
    """One per process; calls may overlap. It connects by itself and reconnects until it is stopped.

    `compression` is a codec of Kafka or `none`. Topics are given by their short names, `prefix` is put before them.
    """

    def __init__(self, bootstrap: str, prefix: str, compression: str = "lz4", retry_for: float = RETRY_FOR) -> None:
        self._prefix, self._retry_for = prefix, retry_for
        self._options: dict[str, Any] = {
            "bootstrap_servers": [server.strip() for server in bootstrap.split(",")],
            "compression_type": None if compression == "none" else compression,
            "acks": "all",
            "enable_idempotence": True,
            "max_request_size": MAX_MESSAGE_BYTES,
            "max_batch_size": BATCH_BYTES,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
            "partitioner": _partition,
            "linger_ms": 0,  # records pile up while a request is under way, which batches enough
        }
        self._producer: AIOKafkaProducer | None = None
        self._opening: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._stopped = False

    @property
    def connected(self) -> bool:
        return self._producer is not None

    async def start(self) -> None:
        """Connects, also after a stop; waits for a broker as long as it takes."""
        self._stopped = False
        await self._current()

    async def stop(self) -> None:
        """Ends the connection. What nobody waits for any more may be lost."""
        self._stopped = True
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        if self._producer is not None:
            self._retire(self._producer)
            self._producer = None
        if self._ending:
            await asyncio.wait(self._ending)

    async def publish(self, records: Sequence[OutRecord]) -> None:
        """Returns when every record is acknowledged by all in-sync replicas; keeps the order of equal keys.

        Raises PublishRefused when that is so for all but records that can never be published, and Unavailable
        when it cannot be had in time: then any part may be on the topics, and all is safe to publish again.
        """
        left: Numbered = dict(enumerate(records))
        refused: dict[int, str] = {}
        pause = 0.05
        try:
            async with asyncio.timeout(self._retry_for):
                while left:
                    left, suspects = await self._send(left, refused)
                    if suspects:
                        left = await self._send_singly(left, suspects, refused)
                    elif left:
                        await asyncio.sleep(pause)
                        pause = min(pause * 2, LONGEST_PAUSE)
        except TimeoutError:
            # nothing may stay behind in the producer: it would pile up with every attempt
            self._replace(self._producer)
            raise Unavailable(f"{len(left)} of {len(records)} records are not acknowledged") from None
        if refused:
            raise PublishRefused(refused)

    async def _send(self, records: Numbered, refused: dict[int, str]) -> tuple[Numbered, set[int]]:
        """Sends all, pipelined; returns what to send again, and what of it may have been refused for good."""
        producer = await self._current()
        sent: Sent = []
        try:
            await self._hand_over(producer, records, sent, refused)
            failed = records.keys() - refused.keys() - {index for index, _ in sent}
            suspects = set()
            for index, acknowledgement in sent:
                try:
                    await acknowledgement
                except KafkaError as error:
                    failed.add(index)
                    if isinstance(error, REFUSALS):
                        suspects.add(index)
        except asyncio.CancelledError:
            for _, acknowledgement in sent:
                if not acknowledgement.cancel() and not acknowledgement.cancelled():
                    acknowledgement.exception()  # seen: else the loop reports it as never retrieved
            raise
        if failed:
            log.warning("publishing_again", failed=len(failed), of=len(records))
            self._replace(producer)
        return _from_first_of_each_key(records, failed), suspects

    async def _hand_over(
        self, producer: AIOKafkaProducer, records: Numbered, sent: Sent, refused: dict[int, str]
    ) -> None:
        send, prefix = producer.send, self._prefix
        for index, record in records.items():
            if record.key is None and _needs_key(record):
                refused[index] = "KeyMissing"
                continue
            try:
                future = await send(prefix + record.topic, record.value, record.key, headers=record.headers)
            except REFUSALS as error:  # the client's own verdict, on this record alone
                refused[index] = type(error).__name__
                continue
            except KafkaError:
                return
            sent.append((index, future))
            if len(sent) % YIELD_EVERY == 0:
                await asyncio.sleep(0)

    async def _send_singly(self, records: Numbered, suspects: Collection[int], refused: dict[int, str]) -> Numbered:
        """Finds out which suspects are refused for themselves: batches, and so failures, are shared with others.

        Each record goes alone, through a producer that nobody else uses. Returns what is still to be sent.
        """
        left, last = dict(records), max(suspects)
        try:
            while (reason := await self._send_until_refused(left, last)) is not None:
                index = next(iter(left))
                log.error("record_refused", topic=left.pop(index).topic, reason=reason)
                refused[index] = reason
        except KafkaError as error:
            log.warning("publishing_again", failed=len(left), error=type(error).__name__)
        return left

    async def _send_until_refused(self, left: Numbered, last: int) -> str | None:
        """Takes records up to index `last` off `left` as they are acknowledged; stops at the first refused one."""
        async with self._own_producer() as producer:
            for index in [index for index in left if index <= last]:
                record = left[index]
                try:
                    await producer.send_and_wait(
                        self._prefix + record.topic, record.value, record.key, headers=record.headers
                    )
                except REFUSALS as error:
                    return type(error).__name__
                del left[index]
        return None

    @asynccontextmanager
    async def _own_producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(**self._options)
        try:
            await producer.start()
            yield producer
        finally:
            self._retire(producer)

    async def _current(self) -> AIOKafkaProducer:
        while self._producer is None:
            if self._stopped:
                raise Unavailable("the publisher is stopped")
            if self._opening is None:
                self._opening = asyncio.create_task(self._open(None))
            opening = self._opening
            await asyncio.wait([opening])  # a caller that gives up does not undo what others wait for
            if not opening.cancelled():
                opening.result()
        return self._producer

    def _replace(self, broken: AIOKafkaProducer | None) -> None:
        """Begins the replacement of `broken`, unless another caller did."""
        if broken is None or broken is not self._producer or self._stopped:
            return
        self._producer = None
        self._opening = asyncio.create_task(self._open(broken))

    async def _open(self, broken: AIOKafkaProducer | None) -> None:
        """Makes a new producer once the broken one has ended: records of one key must not overtake each other."""
        if broken is not None:
            await asyncio.wait([self._retire(broken)])
        pause = 0.1
        while (producer := await self._connected()) is None:
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        self._producer, self._opening = producer, None

    async def _connected(self) -> AIOKafkaProducer | None:
        producer = AIOKafkaProducer(**self._options)
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_MS / 1000):
                await producer.start()
        except (KafkaError, TimeoutError, OSError) as error:
            log.warning("kafka_does_not_answer", error=type(error).__name__)
            self._retire(producer)
            return None
        except asyncio.CancelledError:
            self._retire(producer)
            raise
        return producer

    def _retire(self, producer: AIOKafkaProducer) -> asyncio.Task[None]:
        """Ends `producer` in a task of its own: cancelled halfway it would leave connections behind."""
        task = asyncio.create_task(_end(producer))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task


async def _end(producer: AIOKafkaProducer) -> None:
    """Ends a producer without its own flush, which would wait for a broken partition for ever.

    Requests under way are answered first; every record still queued fails and is sent again by its caller.
    """
    await producer._sender.close()
    accumulator = producer._message_accumulator
    queued = [batch for batches in accumulator._batches.values() for batch in batches]
    accumulator._pending_batches.update(queued)  # where the library looks for one that it queued again
    accumulator.fail_all(ProducerClosed())
    for batch in queued:
        batch._drain_waiter.exception()  # seen: else the loop reports it as never retrieved
    await producer.stop()


_hash_of_key = lru_cache(maxsize=16_384)(murmur2)  # in pure Python; without a memory, half the cost of a record


def _partition(key: bytes | None, partitions: list[int], available: list[int]) -> int:
    """Kafka's own choice, which other producers and the timers' slots count on."""
    if key is None:
        return random.choice(available or partitions)  # noqa: S311 - spreads load, hides nothing
    return (int(_hash_of_key(key)) & 0x7FFFFFFF) % len(partitions)


def _needs_key(record: OutRecord) -> bool:
    topic = TOPICS.get(record.topic)
    return record.value is None or (topic is not None and topic.compacted)


def _from_first_of_each_key(records: Numbered, failed: Collection[int]) -> Numbered:
    """The failed records, and what follows each under its key: an acknowledged one would stand before it."""
    again: Numbered = {}
    opened: set[tuple[str, bytes]] = set()
    for index, record in records.items() if failed else ():
        order = None if record.key is None else (record.topic, record.key)
        if index in failed or order in opened:
            again[index] = record
            if order is not None:
                opened.add(order)
    return again
