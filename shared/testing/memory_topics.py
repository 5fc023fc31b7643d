"""Kafka in memory: topics, consumer groups that rebalance eagerly, and both ends as the services use them."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from shared.kernel.ids import murmur2
from shared.messaging.consumer import Consumer, Membership, Process
from shared.messaging.publisher import RETRY_FOR, Publisher
from shared.messaging.records import OutRecord
from shared.runtime.context import Unavailable
from shared.testing.memory import instant
from shared.testing.wire import AnswerLost, Wire


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as the client library hands it out."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    timestamp: int  # milliseconds


@dataclass(slots=True)
class Group:
    """A consumer group. Who misses a generation keeps what it had, and finds out when it commits or polls."""

    subscribed: tuple[str, ...]
    committed: dict[TopicPartition, int] = field(default_factory=dict)
    members: list["MemoryClient"] = field(default_factory=list)
    generation: int = 0


class MemoryBroker:
    """What the servers keep. `deal` says who of some members gets a partition (default: one after the other)."""

    def __init__(self, partitions: int = 1, deal: Callable[[Sequence[Any], int], Any] | None = None) -> None:
        self._partitions = partitions
        self._deal = deal or (lambda members, number: members[number % len(members)])
        self.topics: dict[str, list[list[Kept]]] = {}
        self.groups: dict[str, Group] = {}

    def partitions(self, topic: str) -> list[list[Kept]]:
        if topic not in self.topics:
            self.topics[topic] = [[] for _ in range(self._partitions)]
        return self.topics[topic]

    def append(self, record: OutRecord, at: datetime) -> Kept:
        partitions = self.partitions(record.topic)
        number = (murmur2(record.key or b"") & 0x7FFFFFFF) % len(partitions)
        milliseconds = int(at.timestamp() * 1000)
        place = (record.topic, number, len(partitions[number]))
        kept = Kept(*place, record.key, record.value, record.headers, milliseconds)
        partitions[number].append(kept)
        for group in self.groups.values():
            if record.topic in group.subscribed:
                for member in group.members:
                    member.look()
        return kept

    def records(self, topic: str) -> list[Kept]:
        return [kept for partition in self.partitions(topic) for kept in partition]

    def join(self, member: "MemoryClient") -> None:
        group = self.groups.setdefault(member.group, Group(member.topics))
        group.members.append(member)
        self.rebalance(member.group)

    def leave(self, member: "MemoryClient") -> None:
        """Also by silence; the member itself is not told."""
        group = self.groups.get(member.group)
        if group is not None and member in group.members:
            group.members.remove(member)
            self.rebalance(member.group)
            member.look()  # once it does anything again, it finds out and comes back

    def rebalance(self, name: str) -> None:
        """Eager: everybody in the group gives everything back, also in the middle of a batch."""
        group = self.groups[name]
        group.generation += 1
        for member in group.members:
            member.generation = group.generation
            member.positions = {}
        if group.members:
            places = (TopicPartition(topic, n) for topic in group.subscribed for n in range(self._partitions))
            for number, place in enumerate(places):
                self._deal(group.members, number).positions[place] = group.committed.get(place, 0)
        for member in group.members:
            member.assigned()

    def commit(self, name: str, generation: int, ends: Mapping[TopicPartition, int]) -> bool:
        """False for a member of an earlier generation."""
        if generation != self.groups[name].generation:
            return False
        self.groups[name].committed.update(ends)
        return True

    def lag(self) -> int:
        """Records that some group has not committed."""
        return sum(
            len(partition) - group.committed.get(TopicPartition(topic, number), 0)
            for group in self.groups.values()
            for topic in group.subscribed
            for number, partition in enumerate(self.partitions(topic))
        )


class MemoryClient:
    """One member of a group, as far as Consumer uses the client library's."""

    def __init__(
        self, broker: MemoryBroker, group: str, topics: Sequence[str], wire: Wire, most: int = 1_000
    ) -> None:
        """`most`: records in one batch."""
        self._broker, self.group, self.topics, self._wire, self._most = broker, group, tuple(topics), wire, most
        self.generation = 0
        self.positions: dict[TopicPartition, int] = {}
        self.assigned: Callable[[], None] = lambda: None
        self._idle: asyncio.Future[None] | None = None

    def assignment(self) -> set[TopicPartition]:
        return set(self.positions)

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.positions[place] = offset

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(len(self._broker.partitions(topic))))

    async def position(self, place: TopicPartition) -> int:
        return self.positions[place]

    async def end_offsets(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return {place: len(self._broker.partitions(place.topic)[place.partition]) for place in places}

    async def batch(self) -> tuple[Kept, ...]:
        """What is next, of any partitions; waits for it."""
        while True:
            if not self._waiting():
                self._idle = asyncio.get_running_loop().create_future()
                await self._idle
            try:
                ((generation, found),) = await self._wire.call("poll", self.group, [self._next])
            except AnswerLost:
                continue  # the library asks again
            if self._expelled():
                self._broker.join(self)
            elif generation == self.generation and found:
                for one in found:
                    self.positions[TopicPartition(one.topic, one.partition)] = one.offset + 1
                return found

    async def commit(self, ends: Mapping[TopicPartition, int]) -> None:
        if not self.positions.keys() >= ends.keys():
            raise IllegalStateError("not assigned")
        done: list[bool] = []
        while not done:
            effect = partial(self._broker.commit, self.group, self.generation, ends)
            with suppress(AnswerLost):  # the library repeats it, under whatever generation it has by then
                done = await self._wire.call("commit", ends, [effect])
        if done != [True]:
            raise CommitFailedError

    def look(self) -> None:
        """Goes on if it was waiting for records and there are some."""
        if self._idle is not None and self._waiting():
            idle, self._idle = self._idle, None
            if not idle.done():
                idle.set_result(None)

    def _waiting(self) -> bool:
        """Whether there may be something to fetch; whoever is no member any more has to ask to find out."""
        return self._expelled() or any(
            len(self._broker.partitions(topic)[number]) > position
            for (topic, number), position in self.positions.items()
        )

    def _expelled(self) -> bool:
        return self.generation != self._broker.groups[self.group].generation

    def _next(self) -> tuple[int, tuple[Kept, ...]]:
        found: list[Kept] = []
        for (topic, number), position in self.positions.items():
            found += self._broker.partitions(topic)[number][position : position + self._most - len(found)]
        return self.generation, tuple(found)


class MemoryConsumer(Consumer):
    """The real consumer's batches and commits, over a client in memory."""

    def __init__(self, client: MemoryClient, broker: MemoryBroker, process: Process) -> None:
        self._member, self._kept = client, broker
        super().__init__("", Membership(client.group), "", client.topics, process)

    def _subscribed(self, bootstrap: str, member: Membership, topics: Sequence[str]) -> tuple[Any, Any]:
        self._member.assigned = self._assigned
        return self, self

    @property
    def consumer(self) -> MemoryClient:
        return self._member

    def _assigned(self) -> None:
        self.revoked()
        self._member.look()

    async def start(self) -> None:
        self._kept.join(self._member)
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """At once, whatever is under way; what was not committed comes again."""
        self._running.cancel()
        self._kept.leave(self._member)

    async def _run(self) -> None:
        while True:
            await self._handle(await self._member.batch())


class MemoryPublisher(Publisher):
    """Appends one record after the other; what was not answered is sent again, and may come twice or late."""

    def __init__(self, broker: MemoryBroker, wire: Wire) -> None:
        self._broker, self._wire = broker, wire

    async def start(self) -> None:
        """Nothing to connect to."""

    async def stop(self) -> None:
        """Nothing to end."""

    async def publish(self, records: Sequence[OutRecord]) -> None:
        if not records:
            return
        deadline = self._wire.time() + RETRY_FOR
        while True:
            at = instant(self._wire.time())
            try:
                await self._wire.call("publish", records, [partial(self._broker.append, one, at) for one in records])
            except AnswerLost as error:
                if self._wire.time() > deadline:
                    raise Unavailable("publish") from error
            else:
                return
