"""Whether all is well again: everything closed, nothing lost, nothing twice, nobody behind, nobody restarting."""

import asyncio
from collections import Counter
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from shared.cli.installation import SERVICES
from shared.events.catalogue import wire_type
from shared.events.topics import dead_letters_of
from shared.events.workorders import Closed
from shared.runtime.definitions import definitions
from shared.runtime.sweepers import REPUBLISH_TOPIC
from tests.chaos.faults.stages import Scene
from tests.chaos.outcome import check_versions, reconcile, statuses
from tests.chaos.test_crash_points import check_letters
from tests.integration.mechanism.servers import Servers, until, until_seen

SETTLED_SECONDS = 120.0


async def settled(scene: Scene) -> None:
    """Without anybody's help: all complaints closed, nothing parked or unpublished, no lag, everybody ready."""
    await until_seen(partial(closed_complaints, scene), scene.closed.__eq__, SETTLED_SECONDS)
    await until_seen(partial(waiting, scene), Counter().__eq__, SETTLED_SECONDS)
    await until(partial(lag, scene.servers), Counter().__eq__, SETTLED_SECONDS)
    await until_seen(scene.keeper.unready, [].__eq__, SETTLED_SECONDS)


def closed_complaints(scene: Scene) -> int:
    return statuses(scene.servers, "intake", "complaint_1")["closed"]


def waiting(scene: Scene) -> "Counter[str]":
    """What is still to be decided or published, by service."""
    found: Counter[str] = Counter()
    for service in SERVICES:
        found[f"{service} parked"] = _count(scene, service, "parked", {})
        found[f"{service} unpublished"] = _count(scene, service, "log", {"unpublished": {"$exists": True}})
    return +found


def _count(scene: Scene, service: str, collection: str, where: dict[str, Any]) -> int:
    database = scene.servers.client[scene.servers.database_prefix + service]
    return int(database[collection].count_documents(where))


async def right(scene: Scene) -> None:
    """Counts what is there, and lets the reconciler judge."""
    for service in SERVICES:
        found = await scene.servers.dead_letters(service)
        # A record that comes again is dead-lettered again; its place tells that it is the same.
        records = {(one["topic"], one["partition"], one["offset"]) for one in found}
        assert len(records) == scene.letters.get(service, 0), (dead_letters_of(service), found)
        check_versions(scene.servers.documents("log", service))
    check_lives(scene)
    check_letters(scene.servers)
    assert await asyncio.to_thread(reconcile, scene.servers) == "clean"


def check_lives(scene: Scene) -> None:
    """Every order was closed, and no step of any was taken twice."""
    lives: dict[str, Counter[str]] = {}
    for document in scene.servers.documents("log", "workflow"):
        aggregate = document["_id"].rpartition(":")[0]
        if aggregate.startswith("wo_"):
            kinds = (kind for decision in document["d"] for kind, _ in decision.get("e", ()))
            lives.setdefault(aggregate, Counter()).update(kinds)
    assert sum(life[wire_type(Closed)] for life in lives.values()) == len(lives) == scene.closed
    twice = {order: life for order, life in lives.items() if max(life.values()) > 1}
    assert twice == {}


async def lag(servers: Servers) -> Counter[str]:
    """Records that a service has not committed yet, by service and topic; nothing when there are none."""
    behind: Counter[str] = Counter()
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka)
    await admin.start()
    try:
        for definition in definitions():
            topics = sorted({binding.topic for binding in definition.bindings} | {REPUBLISH_TOPIC})
            ends = await _ends(servers, topics)
            committed = await admin.list_consumer_group_offsets(servers.topic_prefix + definition.name)
            for place, end in ends.items():
                done: Any = committed.get(place)
                behind[f"{definition.name} {place.topic}"] += max(0, end - max(0, done.offset if done else 0))
    finally:
        await admin.close()
    return +behind


async def _ends(servers: Servers, topics: list[str]) -> dict[TopicPartition, int]:
    names = [servers.topic_prefix + topic for topic in topics]
    async with AIOKafkaConsumer(*names, bootstrap_servers=servers.kafka) as consumer:
        found: dict[TopicPartition, int] = await consumer.end_offsets(list(consumer.assignment()))
        return found
