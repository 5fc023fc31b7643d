"""What an installation holds, asked of the servers and of nobody else: records, commits, documents."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from pymongo import MongoClient
from pymongo.database import Database

from services.escalation.main import SERVICE as ESCALATION
from services.intake.main import SERVICE as INTAKE
from services.notifier.main import SERVICE as NOTIFIER
from services.workflow.main import SERVICE as WORKFLOW
from shared.events.topics import TOPICS
from shared.messaging.reading import Reader
from shared.runtime.context import ServiceDefinition
from tests.bench.gauges import cpu_seconds
from tests.bench.installation import Installation

SERVICES: Mapping[str, ServiceDefinition] = {one.name: one for one in (INTAKE, WORKFLOW, ESCALATION, NOTIFIER)}
ASIDE = frozenset({"directory", "rules", "customers.inbox", "republish.inbox"})  # no complaint leads to these
PROJECTED = ("complaint_1", "work_order_1", "clocks", "clock_set_2", "notice_1", "orders", "contacts")
LOOK_EVERY = 0.25
SETTLES_WITHIN = 120.0


@dataclass(frozen=True, slots=True)
class Record:
    """As it stands on its topic (short name)."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: Mapping[str, str]

    @property
    def type(self) -> str:
        return self.headers["ce_type"]

    @property
    def size(self) -> int:
        return len(self.value)


@dataclass(frozen=True, slots=True)
class Held:
    """Sums over an installation: `records` and `record_bytes` by topic, `consumed` by service (committed offsets),
    `entries`, `log_documents`, `log_bytes`, `documents` and `document_bytes` (projections and copies) by service."""

    records: Mapping[str, int]
    record_bytes: Mapping[str, int]
    consumed: Mapping[str, int]
    entries: Mapping[str, int]
    log_documents: Mapping[str, int]
    log_bytes: Mapping[str, int]
    documents: Mapping[str, int]
    document_bytes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Settled:
    """When all work was found done (monotonic seconds), and the CPU seconds of each process by then."""

    at: float
    cpu: Mapping[str, float]


def read_records(kafka: str, prefix: str) -> list[Record]:
    """Every record that a complaint led to. For few complaints: all are kept in memory."""

    async def read() -> list[Record]:
        return [_record(one, prefix) async for one in _records(kafka, prefix)]

    return asyncio.run(read())


def held(installation: Installation) -> Held:
    counts, sizes = asyncio.run(_sums(installation.kafka, installation.topic_prefix))
    consumed = asyncio.run(_consumed(installation.kafka, installation.topic_prefix))
    name = installation.topic_prefix.removesuffix(".")
    with MongoClient[dict[str, Any]](installation.mongo) as client:
        logs = {service: _log(client[f"{name}_{service}"]) for service in SERVICES}
        projections = {service: _projections(client[f"{name}_{service}"]) for service in SERVICES}
    return Held(
        counts,
        sizes,
        consumed,
        {service: found[0] for service, found in logs.items()},
        {service: found[1] for service, found in logs.items()},
        {service: found[2] for service, found in logs.items()},
        {service: found[0] for service, found in projections.items()},
        {service: found[1] for service, found in projections.items()},
    )


def settled(installation: Installation) -> Settled:
    """Waits until every service has committed all that there is. Raises TimeoutError."""
    return asyncio.run(_settled(installation))


def topics_of(definition: ServiceDefinition) -> list[str]:
    return [*Reader(definition.bindings).by_topic, "republish.inbox"]


async def _settled(installation: Installation) -> Settled:
    """CPU time after the first of two equal looks would be that of waiting and looking."""
    deadline, before = time.monotonic() + SETTLES_WITHIN, None
    async with looking(installation.kafka, installation.topic_prefix) as (consumer, admin):
        while time.monotonic() < deadline:
            cpu = {name: cpu_seconds(process) for name, process in installation.processes.items()}
            now = Settled(time.monotonic(), cpu)
            ends = await consumer.end_offsets(list(consumer.assignment()))
            behind = sum([await behind_of(admin, installation.topic_prefix, one, ends) for one in SERVICES])
            state = (behind, sum(ends.values()))
            if behind == 0 and before is not None and before[0] == state:
                return before[1]
            before = (state, now)
            await asyncio.sleep(LOOK_EVERY)
    raise TimeoutError(f"{before and before[0][0]} records are still to be worked off")


async def behind_of(admin: AIOKafkaAdminClient, prefix: str, service: str, ends: Mapping[TopicPartition, int]) -> int:
    """Records that the service has not committed, of all before `ends`."""
    committed = await _committed(admin, prefix, service)
    topics = {prefix + topic for topic in topics_of(SERVICES[service])}
    return sum(max(0, end - committed.get(tp, 0)) for tp, end in ends.items() if tp.topic in topics)


async def _committed(admin: AIOKafkaAdminClient, prefix: str, service: str) -> dict[TopicPartition, int]:
    found = await admin.list_consumer_group_offsets(prefix + service)
    return {tp: told.offset for tp, told in found.items() if told.offset > 0}


async def _consumed(kafka: str, prefix: str) -> dict[str, int]:
    async with looking(kafka, prefix) as (_, admin):
        return {
            service: sum(
                offset
                for tp, offset in (await _committed(admin, prefix, service)).items()
                if tp.topic.removeprefix(prefix) not in ASIDE
            )
            for service in SERVICES
        }


@asynccontextmanager
async def looking(kafka: str, prefix: str) -> AsyncIterator[tuple[AIOKafkaConsumer, AIOKafkaAdminClient]]:
    consumer = AIOKafkaConsumer(
        *(prefix + topic for topic in TOPICS), bootstrap_servers=kafka, auto_offset_reset="earliest"
    )
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    async with consumer:
        await admin.start()
        try:
            yield consumer, admin
        finally:
            await admin.close()


async def _records(kafka: str, prefix: str) -> AsyncIterator[Any]:
    topics = [prefix + topic for topic in TOPICS if topic not in ASIDE]
    async with AIOKafkaConsumer(*topics, bootstrap_servers=kafka, auto_offset_reset="earliest") as consumer:
        left = {tp: end for tp, end in (await consumer.end_offsets(list(consumer.assignment()))).items() if end}
        while left:
            for tp, batch in (await consumer.getmany(timeout_ms=500)).items():
                for one in batch:
                    yield one
                if tp in left and batch[-1].offset + 1 >= left[tp]:
                    del left[tp]


async def _sums(kafka: str, prefix: str) -> tuple[dict[str, int], dict[str, int]]:
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    async for one in _records(kafka, prefix):
        topic = one.topic.removeprefix(prefix)
        counts[topic] += 1
        headers = sum(len(name) + len(value or b"") for name, value in one.headers)
        sizes[topic] += len(one.value or b"") + len(one.key or b"") + headers
    return dict(counts), dict(sizes)


def _record(raw: Any, prefix: str) -> Record:
    headers = {name: value.decode() for name, value in raw.headers}
    return Record(raw.topic.removeprefix(prefix), raw.partition, raw.offset, raw.key.decode(), raw.value, headers)


def _log(database: Database[Any]) -> tuple[int, int, int]:
    """Entries, documents, bytes; reference data and rules are no complaint's."""
    kinds = {"$match": {"_id": {"$regex": "^(cmp|wo|clk|nt.)_"}}}
    entries = {"$size": "$d"}
    sums = {"_id": None, "e": {"$sum": entries}, "n": {"$sum": 1}, "b": {"$sum": {"$bsonSize": "$$ROOT"}}}
    found = next(iter(database["log"].aggregate([kinds, {"$group": sums}])), {"e": 0, "n": 0, "b": 0})
    return found["e"], found["n"], found["b"]


def _projections(database: Database[Any]) -> tuple[int, int]:
    number = size = 0
    for name in PROJECTED:
        sums = {"_id": None, "n": {"$sum": 1}, "b": {"$sum": {"$bsonSize": "$$ROOT"}}}
        for found in database[name].aggregate([{"$group": sums}]):
            number, size = number + found["n"], size + found["b"]
    return number, size
