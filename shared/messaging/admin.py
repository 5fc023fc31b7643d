"""Creates the topics of the contract and says where existing ones differ from it; changes nothing that exists."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from shared.events.topics import DEFAULT_PARTITIONS, MAX_MESSAGE_BYTES, TOPICS, Topic
from shared.runtime.context import Unavailable

PATIENCE = 60.0  # seconds for everything


@dataclass(frozen=True, slots=True)
class TopicsReport:
    """Full topic names; `drift` is one sentence for each difference."""

    created: list[str]
    present: list[str]
    drift: list[str]


async def ensure_topics(
    bootstrap: str, prefix: str, replication: int = 1, partitions: int = DEFAULT_PARTITIONS
) -> TopicsReport:
    """Makes every topic that is missing and waits until each partition has a leader. Safe to repeat and to race.

    Raises Unavailable when the brokers do not answer in time or decline.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=[server.strip() for server in bootstrap.split(",")])
    wanted = {prefix + topic.name: topic for topic in TOPICS.values()}
    try:
        async with asyncio.timeout(PATIENCE):
            await admin.start()
            known = await _partition_counts(admin, wanted)
            created = await _create(admin, prefix, wanted.keys() - known.keys(), replication, partitions)
            await until_led(admin, wanted)
            present = {name: topic for name, topic in sorted(wanted.items()) if name not in created}
            drift = await _drift(admin, present, replication, partitions)
            return TopicsReport(created, list(present), drift)
    except (KafkaError, TimeoutError, OSError) as error:
        raise Unavailable(f"topics: {type(error).__name__}: {error}") from error
    finally:
        await admin.close()


def configuration(topic: Topic, replication: int) -> dict[str, str]:
    """The topic's settings as Kafka names them."""
    retention = {} if topic.retention_ms is None else {"retention.ms": str(topic.retention_ms)}
    return {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "max.message.bytes": str(MAX_MESSAGE_BYTES),
        "min.insync.replicas": "2" if replication >= 3 else "1",  # one broker may be away
        **retention,
    }


async def _create(
    admin: AIOKafkaAdminClient, prefix: str, missing: Iterable[str], replication: int, partitions: int
) -> list[str]:
    topics = [(name, TOPICS[name.removeprefix(prefix)]) for name in sorted(missing)]
    if not topics:
        return []
    response = await admin.create_topics(
        [
            NewTopic(
                name, topic.partitions or partitions, replication, topic_configs=configuration(topic, replication)
            )
            for name, topic in topics
        ]
    )
    created = []
    for name, code, *detail in response.topic_errors:
        if code == 0:
            created.append(name)
        elif code != TopicAlreadyExistsError.errno:  # somebody else made it meanwhile
            raise for_code(code)(f"{name}: {detail[0] if detail else ''}")
    return created


async def _partition_counts(admin: AIOKafkaAdminClient, wanted: Iterable[str]) -> dict[str, int]:
    existing = set(await admin.list_topics()) & set(wanted)
    described = await admin.describe_topics(sorted(existing)) if existing else []
    return {topic["topic"]: len(topic["partitions"]) for topic in described}


async def until_led(admin: AIOKafkaAdminClient, wanted: Iterable[str]) -> None:
    """Right after its creation a topic has partitions without a leader; a send to one fails."""
    names = sorted(wanted)
    while True:
        described = await admin.describe_topics(names)
        if all(_is_led(topic) for topic in described):
            return
        await asyncio.sleep(0.05)


def _is_led(topic: Mapping[str, Any]) -> bool:
    partitions = topic["partitions"]
    return topic["error_code"] == 0 and bool(partitions) and all(part["leader"] >= 0 for part in partitions)


async def _drift(
    admin: AIOKafkaAdminClient, present: Mapping[str, Topic], replication: int, partitions: int
) -> list[str]:
    if not present:
        return []
    counts = await _partition_counts(admin, present)
    found = [
        f"{name} has {counts[name]} partitions, not {topic.partitions or partitions}"
        for name, topic in present.items()
        if counts[name] != (topic.partitions or partitions)
    ]
    settings = await _settings(admin, present)
    for name, topic in present.items():
        for key, value in configuration(topic, replication).items():
            if settings[name].get(key) != value:
                found.append(f"{name} has {key}={settings[name].get(key)}, not {value}")
    return found


async def _settings(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, dict[str, str]]:
    responses = await admin.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name) for name in sorted(names)]
    )
    return {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for response in responses
        for resource in response.resources
    }
