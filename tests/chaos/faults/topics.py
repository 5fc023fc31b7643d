"""What operators and other clients can do to topics and groups."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import DeleteGroupsRequest
from aiokafka.structs import OffsetAndMetadata

from deploy.local.process import wait_until
from shared.cli.installation import SERVICES
from shared.messaging.admin import ensure_topics
from tests.chaos.faults.case import Fault
from tests.chaos.faults.judge import lag
from tests.chaos.faults.stages import SIX, Scene
from tests.integration.mechanism.servers import until

EMPTY_SECONDS = 30.0  # a group is empty once the session of its last member has run out
READY_SECONDS = 60.0
STORM, STORM_PAUSE = 5, 0.2
TOO_LARGE = 1_500_000  # bytes: more than we accept, less than the topic does
INBOXES = ("complaints.inbox", "workorders.inbox")


async def with_services_down(scene: Scene, change: Callable[[AIOKafkaAdminClient, str], Awaitable[None]]) -> None:
    """Stops all services, changes each one's group as soon as it is empty, starts them again."""
    for name in SERVICES:
        await asyncio.to_thread(scene.keeper.kill, name)
    admin = AIOKafkaAdminClient(bootstrap_servers=scene.servers.kafka)
    await admin.start()
    try:
        for name in SERVICES:
            group = scene.servers.topic_prefix + name
            await until(lambda group=group: _state(admin, group), "Empty".__eq__, EMPTY_SECONDS)  # type: ignore[misc]  # mypy cannot type a lambda's default
            await change(admin, group)
    finally:
        await admin.close()
    for name in SERVICES:
        await asyncio.to_thread(scene.keeper.start, name)
    assert await asyncio.to_thread(wait_until, lambda: not scene.keeper.unready(), READY_SECONDS)


async def _state(admin: AIOKafkaAdminClient, group: str) -> str:
    described = await admin.describe_consumer_groups([group])
    return str(described[0].groups[0][2])


async def groups_deleted(scene: Scene) -> str:
    async def delete(admin: AIOKafkaAdminClient, group: str) -> None:
        coordinator = await admin.find_coordinator(group)
        answer = await admin._send_request(DeleteGroupsRequest([group]), coordinator)
        assert [code for _, code in answer.results] == [0], answer

    await with_services_down(scene, delete)
    return ""


async def offsets_reset(scene: Scene) -> str:
    """Everything that was ever consumed comes again."""
    again = 0

    async def rewind(admin: AIOKafkaAdminClient, group: str) -> None:
        nonlocal again
        committed = await admin.list_consumer_group_offsets(group)
        again += sum(max(0, one.offset) for one in committed.values())
        async with AIOKafkaConsumer(
            bootstrap_servers=scene.servers.kafka, group_id=group, enable_auto_commit=False
        ) as c:
            c.assign(list(committed))
            await c.commit({place: OffsetAndMetadata(0, "") for place in committed})

    await with_services_down(scene, rewind)
    assert again > 0
    return f"{again} records came again"


async def storm(scene: Scene) -> str:
    """Strangers join every service's group and leave it, over and over."""
    topics = {"intake": "workorders", "workflow": "complaints", "escalation": "workorders", "notifier": "workorders"}
    for _ in range(STORM):
        strangers = [
            AIOKafkaConsumer(
                scene.servers.topic_prefix + topic,
                bootstrap_servers=scene.servers.kafka,
                group_id=scene.servers.topic_prefix + name,
                enable_auto_commit=False,
            )
            for name, topic in topics.items()
        ]
        await asyncio.gather(*(stranger.start() for stranger in strangers))
        await asyncio.sleep(STORM_PAUSE)
        await asyncio.gather(*(stranger.stop() for stranger in strangers))
    return f"{STORM} times"


async def too_large(scene: Scene) -> str:
    """A record of another system that the topic takes and we do not; then one that the topic does not take."""
    noise = random.randbytes(TOO_LARGE)
    refused = 0
    async with AIOKafkaProducer(bootstrap_servers=scene.servers.kafka, max_request_size=8 * TOO_LARGE) as producer:
        for value in (noise, noise * 2):
            try:
                await producer.send_and_wait(
                    f"{scene.servers.topic_prefix}complaints.inbox", value, uuid4().bytes, headers=_headers()
                )
            except KafkaError:
                refused += 1
    assert refused == 1
    return "one dead letter; the larger one was refused by the broker"


def _headers() -> list[tuple[str, bytes]]:
    attributes = {"id": uuid4().hex, "source": "bench", "type": "closedloop.complaint.submitted.v1"}
    return [("ce_specversion", b"1.0"), *((f"ce_{name}", text.encode()) for name, text in attributes.items())]


async def recreated(scene: Scene) -> str:
    """The inboxes are deleted, once everything in them was read, and made anew: offsets begin at 0 again."""
    await until(lambda: lag(scene.servers), lambda behind: not behind, EMPTY_SECONDS)
    names = [scene.servers.topic_prefix + inbox for inbox in INBOXES]
    admin = AIOKafkaAdminClient(bootstrap_servers=scene.servers.kafka)
    await admin.start()
    try:
        await admin.delete_topics(names)
        await until(lambda: _still(admin, names), lambda left: not left, EMPTY_SECONDS)
    finally:
        await admin.close()
    await ensure_topics(scene.servers.kafka, scene.servers.topic_prefix)
    return ""


async def _still(admin: AIOKafkaAdminClient, names: Iterable[str]) -> list[str]:
    return sorted(set(names) & set(await admin.list_topics()))


async def twelve(scene: Scene) -> str:
    """Keys move to other partitions while their records are under way."""
    admin = AIOKafkaAdminClient(bootstrap_servers=scene.servers.kafka)
    await admin.start()
    try:
        mine = [name for name in await admin.list_topics() if name.startswith(scene.servers.topic_prefix)]
        described = await admin.describe_topics(mine)
        grown = [one["topic"] for one in described if len(one["partitions"]) == SIX.partitions]
        await admin.create_partitions({name: NewPartitions(2 * SIX.partitions) for name in grown})
    finally:
        await admin.close()
    assert grown
    return f"{len(grown)} topics"


FAULTS = (
    Fault(
        id="kafka-too-large",
        what="one record over what we accept, one over the topic's max.message.bytes",
        how="1.5 MB and 3 MB to complaints.inbox, by a foreign producer",
        expected="the first is dead-lettered alone; its neighbours do not notice",
        inject=too_large,
        letters={"intake": 1},
    ),
    Fault(
        id="kafka-groups-deleted",
        what="the group of every service is deleted",
        how="services killed, DeleteGroups, services started",
        expected="every record comes again and is known",
        inject=groups_deleted,
    ),
    Fault(
        id="kafka-offsets-reset",
        what="every group's offsets are reset to 0",
        how="services killed, offset 0 committed everywhere, services started",
        expected="every record comes again and is known",
        inject=offsets_reset,
        short=True,
    ),
    Fault(
        id="kafka-topics-recreated",
        what="the inboxes are deleted and made anew",
        how="DeleteTopics once all was read, CreateTopics, services untouched; then the load",
        expected="consumers notice that their offsets are gone, and begin at 0",
        inject=recreated,
        before_load=True,
    ),
    Fault(
        id="kafka-partitions",
        what="6 partitions become 12 under load",
        how="CreatePartitions on every topic with keys",
        expected="what overtakes waits for what it follows; timers find their partition",
        inject=twelve,
        stage=SIX,
        complaints=60,
        rate=8.0,
    ),
    Fault(
        id="kafka-rebalance-storm",
        what="every group is rebalanced 10 times in a row",
        how="strangers join and leave, 5 times",
        expected="commits fail, records come again and are known",
        inject=storm,
        complaints=60,
    ),
)
