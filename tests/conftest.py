"""What every suite may use: one stack of real servers per run, and topics and databases of its own per test."""

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.stack import LocalStack, Shape
from shared.runtime.logging import configure

SHAPE = Shape(test_commands=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--driver", choices=["motor", "pymongo"], default="motor", help="the MongoDB driver to use")


def pytest_configure(config: pytest.Config) -> None:
    os.environ["CLOSEDLOOP_MONGO_DRIVER"] = config.getoption("--driver")
    configure("tests")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Real MongoDB and Kafka, started by the first test that asks.

    CLOSEDLOOP_TEST_STACK names the state directory of a stack that keeps running between runs
    (`python -m deploy.local FOLDER`); such a one is neither started nor stopped here.
    """
    kept = os.environ.get("CLOSEDLOOP_TEST_STACK")
    if kept:
        yield LocalStack(Path(kept), SHAPE)
        return
    stack = LocalStack(tmp_path_factory.mktemp("stack"), SHAPE)
    try:
        stack.start()
        yield stack
    finally:
        stack.discard()


@pytest.fixture(scope="session")
def kafka_bootstrap(stack: LocalStack) -> str:
    return stack.endpoints.kafka


@pytest.fixture(scope="session")
def mongo_uri(stack: LocalStack) -> str:
    return stack.endpoints.mongo


@pytest.fixture
async def topic_prefix(kafka_bootstrap: str) -> AsyncIterator[str]:
    """A prefix that no other test uses; its topics are deleted afterwards."""
    prefix = f"t{uuid.uuid4().hex[:8]}."
    yield prefix
    from aiokafka.admin import AIOKafkaAdminClient

    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    try:
        mine = [topic for topic in await admin.list_topics() if topic.startswith(prefix)]
        if mine:
            await admin.delete_topics(mine)
    finally:
        await admin.close()


@pytest.fixture
def database_prefix(mongo_client: Any) -> Iterator[str]:
    """A prefix that no other test uses; its databases are dropped afterwards."""
    prefix = f"t{uuid.uuid4().hex[:8]}_"
    yield prefix
    for name in mongo_client.list_database_names():
        if name.startswith(prefix):
            mongo_client.drop_database(name)


@pytest.fixture(scope="session")
def mongo_client(mongo_uri: str) -> Iterator[Any]:
    """A client for looking at databases from outside and for cleaning up."""
    from pymongo import MongoClient

    client: MongoClient[dict[str, Any]] = MongoClient(mongo_uri)
    with client:
        yield client
