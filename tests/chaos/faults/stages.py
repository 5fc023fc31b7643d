"""What the faults happen to: servers in a shape, with the wires to them, and four services on top."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiosmtpd.smtp import SMTP
from pymongo import MongoClient

from deploy.local.ports import PortBook, choose
from deploy.local.sinks import MailKeeper, Shelf
from deploy.local.stack import LocalStack, Shape
from shared.messaging.admin import ensure_topics
from shared.testing.proxy import LOOPBACK, Proxy
from tests.bench.installation import Installation, installed
from tests.chaos.faults.background import Background, background
from tests.chaos.faults.keeper import Keeper, keeper_of
from tests.chaos.outcome import keep_clock
from tests.integration.mechanism.servers import Servers

SETTINGS = {
    "CLOSEDLOOP_NOTIFIER__EMAIL__HOST": LOOPBACK,
    "CLOSEDLOOP_NOTIFIER__LEASE_SECONDS": "30",
    "CLOSEDLOOP_NOTIFIER__RETRY_SECONDS": "[1,1,1,1,1,1,1,1,1,1]",
    "CLOSEDLOOP_NOTIFIER__WEBHOOK__TIMEOUT_SECONDS": "2",
}
SMALL_DISK_BYTES = 768 << 20


@dataclass(frozen=True)
class Stage:
    """`shape` None: the servers that all suites share. `wired`: brokers too are reached through a proxy."""

    name: str
    shape: Shape | None = None
    replication: int = 1
    partitions: int = 24
    wired: bool = False
    small_disk: bool = False


SHARED = Stage("shared")
OWN = Stage("own", Shape(test_commands=True), wired=True)
SIX = Stage("six partitions", partitions=6)
THREE = Stage("three", Shape(brokers=3, mongods=3), replication=3)
LONELY = Stage("three, one replica", Shape(brokers=3, mongods=3))
SMALL_DISK = Stage("small disk", Shape(), small_disk=True)


@dataclass
class Scene:
    """One installation under test, and everything that can be done to it."""

    stack: LocalStack
    servers: Servers
    installation: Installation
    keeper: Keeper
    behind: Background
    mongo: Proxy | None
    kafka: Proxy | None
    closed: int = 0
    """Complaints that earlier faults have left closed."""
    letters: dict[str, int] = field(default_factory=dict)
    """Dead letters that earlier faults have left, by service."""

    @property
    def urls(self) -> dict[str, str]:
        return dict(self.installation.urls)

    def databases(self) -> Iterator[Any]:
        for name in self.servers.client.list_database_names():
            if name.startswith(self.servers.database_prefix):
                yield self.servers.client[name]


@contextmanager
def servers_for(stage: Stage, shared: LocalStack, folder: Path) -> Iterator[LocalStack]:
    if stage.shape is None:
        yield shared
        return
    with ExitStack() as opened:
        if stage.small_disk:
            opened.enter_context(_small_disk(folder / "servers" / "mongod-1"))
        stack = LocalStack(folder / "servers", stage.shape)
        opened.callback(stack.discard)
        stack.start()
        yield stack


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """A tmpfs, for the data of the first mongod."""
    folder.mkdir(parents=True)
    options = ("-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES}", "tmpfs", str(folder))
    if subprocess.run(["mount", *options], check=False, capture_output=True).returncode:
        pytest.skip("a disk of its own needs the right to mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def scene_on(stage: Stage, stack: LocalStack, folder: Path) -> Iterator[Scene]:
    """Four services with a mail server, on servers that run; their databases are dropped afterwards."""
    name = f"t{uuid4().hex[:8]}"
    folder.mkdir()
    with ExitStack() as opened:
        behind = opened.enter_context(background())
        mongo, kafka, settings = _wires(stage, stack, behind)
        for wire in (mongo, kafka):
            if wire is not None:
                opened.callback(lambda wire=wire: behind.call(wire.stop()))  # type: ignore[misc]  # mypy cannot type a lambda's default
        settings["CLOSEDLOOP_NOTIFIER__EMAIL__PORT"] = str(mail_port(folder))
        opened.enter_context(_mails(folder, behind))
        asyncio.run(ensure_topics(stack.endpoints.kafka, f"{name}.", stage.replication, stage.partitions))
        installation = opened.enter_context(installed(stack, folder, name, more={**SETTINGS, **settings}))
        keep_clock(folder)
        keeper = opened.enter_context(keeper_of(installation, folder))
        client: MongoClient[dict[str, Any]] = opened.enter_context(MongoClient(stack.endpoints.mongo))
        servers = Servers(stack.endpoints.kafka, stack.endpoints.mongo, f"{name}.", f"{name}_", folder, client)
        scene = Scene(stack, servers, installation, keeper, behind, mongo, kafka)
        yield scene
        for database in list(scene.databases()):
            client.drop_database(database.name)


def _wires(stage: Stage, stack: LocalStack, behind: Background) -> tuple[Proxy | None, Proxy | None, dict[str, str]]:
    """The proxies before MongoDB and Kafka, and the settings that lead the services through them.

    A set of three mongods needs no proxy, and could not have one: its members name themselves to the clients.
    """
    mongo = kafka = None
    settings = {}
    if len(stack.mongods) == 1:
        mongo = Proxy(stack.mongods[0].port)
        settings["CLOSEDLOOP_MONGO_URI"] = f"mongodb://{LOOPBACK}:{behind.call(mongo.start())}/?directConnection=true"
    if stage.wired:
        kafka = Proxy(choose())
        settings["CLOSEDLOOP_KAFKA_BOOTSTRAP"] = f"{LOOPBACK}:{behind.call(kafka.start())}"
        _advertise(stack, kafka.target_port, settings["CLOSEDLOOP_KAFKA_BOOTSTRAP"])
    return mongo, kafka, settings


def _advertise(stack: LocalStack, port: int, address: str) -> None:
    """Gives the broker a second listener that sends whoever comes through it to `address`, which is the proxy."""
    node = stack.brokers[0]
    properties = node.process.log.parents[1] / node.name / "server.properties"
    own, proxied = f"PLAINTEXT://{node.address}", f"PROXIED://{LOOPBACK}:{port}"
    lines = dict(line.split("=", 1) for line in properties.read_text().splitlines())
    lines["listeners"] += f",{proxied}"
    lines["advertised.listeners"] = f"{own},PROXIED://{address}"
    lines["listener.security.protocol.map"] += ",PROXIED:PLAINTEXT"
    properties.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    node.process.kill()
    stack.restart(node)


def mail_port(folder: Path) -> int:
    return PortBook(folder / "mail-port.json").port("mail")


@contextmanager
def _mails(folder: Path, behind: Background) -> Iterator[None]:
    """A mail server; what arrives is kept under `sinks`."""
    keeper = MailKeeper(Shelf.opened(folder / "sinks"))

    async def listening() -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: SMTP(keeper), LOOPBACK, mail_port(folder))

    server = behind.call(listening())
    try:
        yield
    finally:
        behind.call(closed(server))


async def closed(server: asyncio.Server) -> None:
    server.close()
