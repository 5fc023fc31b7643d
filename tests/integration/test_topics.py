"""Topics are created as the contract declares them, once, and differences are told but left alone."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.ports import choose
from shared.events.topics import TOPICS
from shared.messaging.admin import configuration, ensure_topics
from shared.messaging.publisher import Publisher
from shared.messaging.records import OutRecord
from shared.runtime.context import Unavailable


async def test_an_empty_broker_gets_every_topic_and_a_second_time_changes_nothing(
    kafka_bootstrap: str, topic_prefix: str
) -> None:
    first = await ensure_topics(kafka_bootstrap, topic_prefix, 1, partitions=2)
    assert (sorted(first.created), first.present, first.drift) == (sorted(topic_prefix + n for n in TOPICS), [], [])
    publisher = Publisher(kafka_bootstrap, topic_prefix)
    await publisher.publish([OutRecord(name, b"k", b"v", []) for name in TOPICS])
    await publisher.stop()
    again = await ensure_topics(kafka_bootstrap, topic_prefix, 1, partitions=2)
    assert (again.created, sorted(again.present), again.drift) == ([], sorted(first.created), [])


async def test_two_at_once_agree(kafka_bootstrap: str, topic_prefix: str) -> None:
    reports = await asyncio.gather(*(ensure_topics(kafka_bootstrap, topic_prefix, 1, partitions=1) for _ in range(2)))
    assert {name for report in reports for name in (*report.created, *report.present)} == {
        topic_prefix + name for name in TOPICS
    }


async def test_differences_are_told_in_words(kafka_bootstrap: str, topic_prefix: str) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await client.start()
    odd = {**configuration(TOPICS["sla"], 1), "retention.ms": "1000"}
    await client.create_topics([NewTopic(f"{topic_prefix}sla", 3, 1, topic_configs=odd)])
    await client.close()
    report = await ensure_topics(kafka_bootstrap, topic_prefix, 1, partitions=2)
    assert report.drift == [
        f"{topic_prefix}sla has 3 partitions, not 2",
        f"{topic_prefix}sla has retention.ms=1000, not {14 * 24 * 3600 * 1000}",
    ]


async def test_without_a_broker_it_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await ensure_topics(f"127.0.0.1:{choose()}", "t.", 1, 1)


@pytest.mark.parametrize(("replication", "in_sync"), [(1, "1"), (2, "1"), (3, "2")])
def test_one_broker_may_always_be_away_if_there_are_three(replication: int, in_sync: str) -> None:
    assert configuration(TOPICS["sla"], replication)["min.insync.replicas"] == in_sync
