"""The stack of the test suite itself: what the other suites rely on."""

import asyncio
import os
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.stack import LocalStack


async def create_topic(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=1)])
    await admin.close()


async def produce(bootstrap: str, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True) as producer:
        await producer.send_and_wait(topic, value)


async def consume(bootstrap: str, topic: str, count: int) -> list[bytes]:
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        return [(await consumer.getone()).value for _ in range(count)]


mortal = pytest.mark.skipif(
    "CLOSEDLOOP_TEST_STACK" in os.environ, reason="a stack that is kept between runs is not ours to start again"
)


@mortal
async def test_records_outlive_a_killed_broker(stack: LocalStack, topic_prefix: str) -> None:
    bootstrap, topic = stack.endpoints.kafka, f"{topic_prefix}complaints"
    await create_topic(bootstrap, topic)
    await produce(bootstrap, topic, b"before")
    broker = stack.node("kafka-1")
    await asyncio.to_thread(broker.process.kill)
    await asyncio.to_thread(stack.restart, broker)
    await produce(bootstrap, topic, b"after")
    async with asyncio.timeout(30):
        assert sorted(await consume(bootstrap, topic, 2)) == [b"after", b"before"]


async def test_topics_are_never_made_by_accident(stack: LocalStack, topic_prefix: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.endpoints.kafka)
    await admin.start()
    await admin.describe_topics([f"{topic_prefix}unheard-of"])
    assert f"{topic_prefix}unheard-of" not in await admin.list_topics()
    await admin.close()


@mortal
def test_documents_outlive_a_killed_database(stack: LocalStack, mongo_client: Any, database_prefix: str) -> None:
    complaints = mongo_client[f"{database_prefix}intake"]["complaints"]
    complaints.insert_one({"_id": "cmp_1"})
    member = stack.node("mongod-1")
    member.process.kill()
    stack.restart(member)
    assert complaints.find_one() == {"_id": "cmp_1"}


def test_faults_can_be_injected_into_the_database(mongo_client: Any) -> None:
    fail = {"failCommands": ["ping"], "errorCode": 112}
    mongo_client.admin.command("configureFailPoint", "failCommand", mode={"times": 1}, data=fail)
    assert mongo_client.admin.command("configureFailPoint", "failCommand", mode="off")["count"] == 0
