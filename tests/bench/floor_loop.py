"""The best loop that we could write by hand for the same durable facts: raw clients, and nothing of ours.

One process for each service reads its topics in batches as large as they come, loads the documents that it decides
on, appends to a log, projects, publishes, and commits what is acknowledged. What it decides is a recorded complaint
(`floor_script`, `floor_play`): the same records, log entries and documents with other ids. It has no timers, no HTTP,
no parking, no retries, no validation; only a repeated record is known and left out.
"""

import asyncio
import gc
import hashlib
import signal
import struct
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.partitioner import murmur2
from pymongo import AsyncMongoClient, ReplaceOne
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from tests.bench.floor_play import Document, Effect, Program, copied_facts, hex_of, key_of

CAUSE = struct.Struct(">qI")
DUPLICATE_KEY = 11000
NEWER = {"$cond": [{"$gt": ["$$new.v", "$v"]}, "$$new", "$$ROOT"]}
decode = msgspec.json.Decoder().decode
encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Task:
    """`script`: the file with the recorded complaint; `name` stands before the names of databases and topics."""

    service: str
    kafka: str
    mongo: str
    name: str
    script: str


@dataclass(slots=True)
class Aggregate:
    """An aggregate in work: as it was loaded, and what this batch adds."""

    id: str
    version: int = 0
    sequence: int = 0
    causes: bytes = b""
    loaded: bool = False
    entries: list[Document] = field(default_factory=list)
    state: Document = field(default_factory=dict)

    @property
    def document(self) -> Document:
        """What is projected."""
        return {**self.state, "s": text(self.state["s"])}

    def knows(self, cause: int) -> bool:
        return any(known == cause for known, _ in CAUSE.iter_unpack(self.causes))


@dataclass(frozen=True, slots=True)
class Asked:
    """An effect to bring about, and the record that asks for it."""

    effect: Effect
    topic: str
    hex: str
    record: Any
    headers: Mapping[str, bytes]


def text(data: Any) -> str:
    return encode(data).decode()


def decided(asked: Asked, aggregate: Aggregate, now: datetime, out: list[tuple[str, bytes, bytes, Any]]) -> None:
    """One more entry for the aggregate's log, its new state, and the records that tell of it."""
    effect, record, h = asked.effect, asked.record, asked.hex
    cause_id, source = asked.headers["ce_id"].decode(), asked.headers["ce_source"].decode()
    cause = int.from_bytes(
        hashlib.blake2b(f"{source}\n{cause_id}".encode(), digest_size=8).digest(), "big", signed=True
    )
    if aggregate.knows(cause):
        return
    aggregate.version += 1
    first = aggregate.version - len(aggregate.entries)
    place = {"s": source, "i": cause_id, "t": asked.topic, "p": record.partition, "o": record.offset}
    head = {"v": aggregate.version, "n": aggregate.sequence, "at": now}
    entry = effect.entry(h)
    if events := entry.pop("e"):
        entry["e"] = [[kind, text(data)] for kind, data in events]
    aggregate.entries.append({**head, **entry, "c": place})
    time = (now.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z").encode()
    for one in effect.records:
        headers = [(name, value(h).encode()) for name, value in one.headers]
        headers += [("ce_time", time), ("ce_causationid", asked.headers["ce_id"])]
        if one.numbered:
            aggregate.sequence += 1
            number = b"%010d" % aggregate.sequence
            headers += [("ce_id", aggregate.id.encode() + b":" + number), ("ce_sequence", number)]
        out.append((one.topic, one.key(h).encode(), encode(one.data(h)), headers))
    aggregate.causes += CAUSE.pack(cause, first)
    aggregate.state = {
        **effect.state(h),
        "v": aggregate.version,
        "n": aggregate.sequence,
        "at": now,
        "causes": aggregate.causes,
    }


def log_document(aggregate: Aggregate) -> Document:
    first = aggregate.version - len(aggregate.entries) + 1
    return {"_id": f"{aggregate.id}:{first:010d}", "to": aggregate.version, "d": aggregate.entries}


def replacements(copied: Sequence[tuple[str, Document, int]]) -> list[ReplaceOne[Any]]:
    """Writes of copied facts that never put an older one in the place of a newer."""
    return [
        ReplaceOne({"_id": _id, "order": {"$not": {"$gte": order}}}, {**document, "order": order}, upsert=True)
        for _id, document, order in copied
    ]


cached_hash = lru_cache(maxsize=16_384)(murmur2)


def partition(key: bytes, partitions: Sequence[int], _available: Sequence[int]) -> int:
    return (int(cached_hash(key)) & 0x7FFFFFFF) % len(partitions)


def clients(task: Task, topics: Sequence[str]) -> tuple[AIOKafkaConsumer, AIOKafkaProducer, Any]:
    consumer = AIOKafkaConsumer(
        *(f"{task.name}.{topic}" for topic in topics),
        bootstrap_servers=task.kafka,
        group_id=f"{task.name}.{task.service}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=250,
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=task.kafka,
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        max_batch_size=256 * 1024,
        partitioner=partition,
    )
    client: AsyncMongoClient[Document] = AsyncMongoClient(task.mongo, tz_aware=True, retryWrites=False)
    database = client.get_database(
        f"{task.name}_{task.service}",
        read_concern=ReadConcern("majority"),
        write_concern=WriteConcern(w="majority", j=True),
    )
    return consumer, producer, database


class Loop:
    """One service."""

    def __init__(self, task: Task) -> None:
        self._prefix = f"{task.name}."
        self._program = Program.read(task.script, task.service)
        self._wanted = {tuple(key.split(" ")[:2]) for key in (*self._program.effects, *self._program.copies)}
        self._consumer, self._producer, self._database = clients(task, self._program.topics)

    async def run(self) -> None:
        async with self._consumer, self._producer:
            while True:
                fetched = await self._consumer.getmany(timeout_ms=1_000, max_records=1_000)
                if fetched:
                    await self._work([record for batch in fetched.values() for record in batch])
                    ends = {TopicPartition(*tp): batch[-1].offset + 1 for tp, batch in fetched.items()}
                    await self._consumer.commit(ends)

    async def _work(self, records: Sequence[Any]) -> None:
        asked, copied = self._read(records)
        await asyncio.gather(*(self._copy(collection, facts) for collection, facts in copied.items()))
        aggregates, _ = await asyncio.gather(self._load(asked), self._look_up(asked))
        now, out = datetime.now(UTC), list[tuple[str, bytes, bytes, Any]]()
        for one in asked:
            decided(one, aggregates[one.effect.collection][one.effect.aggregate(one.hex)], now, out)
        changed = {name: [one for one in several.values() if one.entries] for name, several in aggregates.items()}
        if documents := [log_document(one) for several in changed.values() for one in several]:
            await self._database["log"].insert_many(documents, ordered=False)
        await asyncio.gather(*(self._project(name, several) for name, several in changed.items()), self._publish(out))

    def _read(self, records: Sequence[Any]) -> tuple[list[Asked], Mapping[str, list[tuple[str, Document, int]]]]:
        asked: list[Asked] = []
        copied: dict[str, list[tuple[str, Document, int]]] = defaultdict(list)
        for record in records:
            headers, topic = dict(record.headers), record.topic.removeprefix(self._prefix)
            kind = headers["ce_type"].decode()
            if (topic, kind) not in self._wanted:
                continue
            data, h = decode(record.value), hex_of(topic, record.key.decode(), headers)
            key = key_of(topic, kind, data)
            asked += [Asked(effect, topic, h, record, headers) for effect in self._program.effects.get(key, ())]
            facts = copied_facts(self._program, key, h, data, int(headers.get("ce_sequence", 0)))
            if facts is not None:
                copied[facts[0]] += facts[1]
        return asked, copied

    async def _copy(self, collection: str, facts: Sequence[tuple[str, Document, int]]) -> None:
        try:
            await self._database[collection].bulk_write(replacements(facts), ordered=False)
        except BulkWriteError as error:
            if any(one["code"] != DUPLICATE_KEY for one in (error.details or {})["writeErrors"]):
                raise  # a duplicate is something newer, which stays

    async def _load(self, asked: Sequence[Asked]) -> dict[str, dict[str, Aggregate]]:
        found: dict[str, dict[str, Aggregate]] = defaultdict(dict)
        for one in asked:
            aggregate_id = one.effect.aggregate(one.hex)
            found[one.effect.collection].setdefault(aggregate_id, Aggregate(aggregate_id))
        await asyncio.gather(*(self._load_all(name, several) for name, several in found.items()))
        return found

    async def _load_all(self, collection: str, wanted: Mapping[str, Aggregate]) -> None:
        for document in await self._database[collection].find({"_id": {"$in": list(wanted)}}).to_list(None):
            one = wanted[document["_id"]]
            one.version, one.sequence, one.causes = document["v"], document["n"], document["causes"]
            one.loaded = True

    async def _look_up(self, asked: Sequence[Asked]) -> None:
        """Facts that a decision needs beside the state; what they say is in the script."""
        wanted: dict[str, set[str]] = defaultdict(set)
        for one in asked:
            if one.effect.lookup is not None:
                wanted[one.effect.lookup].add(one.effect.looked_up(one.hex))
        for collection, ids in wanted.items():
            await self._database[collection].find({"_id": {"$in": list(ids)}}).to_list(None)

    async def _project(self, collection: str, changed: Sequence[Aggregate]) -> None:
        new = [one.document for one in changed if not one.loaded]
        known = [one.document for one in changed if one.loaded]
        if new:
            await self._database[collection].insert_many(new, ordered=False)
        if known:
            merge = {"into": collection, "on": "_id", "whenMatched": [{"$replaceWith": NEWER}]}
            await (await self._database.aggregate([{"$documents": {"$literal": known}}, {"$merge": merge}])).to_list()

    async def _publish(self, out: Sequence[tuple[str, bytes, bytes, Any]]) -> None:
        send, prefix = self._producer.send, self._prefix
        sent = [await send(prefix + topic, value, key, headers=headers) for topic, key, value, headers in out]
        for acknowledgement in sent:
            await acknowledgement


async def until_told(work: Callable[[], Any]) -> None:
    """Ends in order on SIGTERM, so that a profile is written."""
    task = asyncio.ensure_future(work())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


def begin(loop: Callable[[Task], Any]) -> None:
    task = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Task)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)

    async def main() -> None:
        await until_told(loop(task).run)

    uvloop.run(main())


if __name__ == "__main__":
    begin(Loop)
