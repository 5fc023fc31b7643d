"""What can happen on the wires between services and servers; our own proxy is in them."""

import asyncio

from deploy.local.process import wait_until
from shared.testing.proxy import Proxy
from tests.chaos.faults.case import Fault, Inject
from tests.chaos.faults.stages import OWN, Scene

REPLIES = 12
REPLIES_WITHIN = 10.0
CUTS, BETWEEN_CUTS = 5, 0.4
SILENT_SECONDS, CLOSED_SECONDS, DELAYED_SECONDS = 30.0, 4.0, 6.0
DELAY = 0.25


def _wire(scene: Scene, name: str) -> Proxy:
    found = scene.mongo if name == "mongo" else scene.kafka
    assert found is not None
    return found


def replies_lost(name: str, request: bytes) -> Inject:
    async def inject(scene: Scene) -> str:
        wire = _wire(scene, name)
        before = wire.replies_lost
        wire.swallows = lambda chunk: request in chunk and wire.replies_lost < before + REPLIES
        try:
            # Where fewer requests come, fewer replies are lost; how many is told.
            await asyncio.to_thread(wait_until, lambda: wire.replies_lost >= before + REPLIES, REPLIES_WITHIN)
        finally:
            wire.swallows = None
        assert wire.replies_lost > before
        return f"{wire.replies_lost - before} replies lost"

    return inject


def cut(name: str) -> Inject:
    async def inject(scene: Scene) -> str:
        ended = 0
        for _ in range(CUTS):
            ended += await asyncio.to_thread(scene.behind.call, _wire(scene, name).cut())
            await asyncio.sleep(BETWEEN_CUTS)
        assert ended > 0
        return f"{ended} connections cut"

    return inject


def unreachable(name: str) -> Inject:
    async def inject(scene: Scene) -> str:
        wire = _wire(scene, name)
        wire.closed = True
        try:
            await asyncio.to_thread(scene.behind.call, wire.cut())
            await asyncio.sleep(CLOSED_SECONDS)
        finally:
            wire.closed = False
        return ""

    return inject


def half_open(name: str) -> Inject:
    async def inject(scene: Scene) -> str:
        wire = _wire(scene, name)
        wire.silent = True
        try:
            await asyncio.sleep(SILENT_SECONDS)
        finally:
            wire.silent = False
        return ""

    return inject


def delayed(name: str) -> Inject:
    async def inject(scene: Scene) -> str:
        wire = _wire(scene, name)
        wire.delay = DELAY
        try:
            await asyncio.sleep(DELAYED_SECONDS)
        finally:
            wire.delay = 0.0
        return ""

    return inject


FAULTS = (
    Fault(
        id="network-mongo-replies-lost",
        what="MongoDB applies an insert, and its reply is lost",
        how="our proxy passes the request, eats the reply, ends the connection; 12 times",
        expected="the append is found by its cause, not made a second time",
        inject=replies_lost("mongo", b"insert"),
        short=True,
    ),
    Fault(
        id="network-mongo-cut",
        what="every connection to MongoDB is cut, five times",
        how="our proxy, every 0.4 s",
        expected="outcomes unknown: looked up and repeated",
        inject=cut("mongo"),
    ),
    Fault(
        id="network-mongo-unreachable",
        what="MongoDB cannot be reached for 4 s",
        how="our proxy ends every connection, old and new",
        expected="work pauses, services stay up",
        inject=unreachable("mongo"),
        complaints=40,
    ),
    Fault(
        id="network-mongo-half-open",
        what="connections to MongoDB stay open and say nothing for 30 s",
        how="our proxy drops every byte; lines that lost some stay silent for ever",
        expected="the driver's time limit ends them; work goes on over new ones",
        inject=half_open("mongo"),
        complaints=60,
        rate=2.0,
    ),
    Fault(
        id="network-mongo-delay",
        what="250 ms more to MongoDB, each way, for 6 s",
        how="our proxy",
        expected="slower, nothing else",
        inject=delayed("mongo"),
        complaints=40,
    ),
    Fault(
        id="network-kafka-cut",
        what="every connection to the broker is cut, five times",
        how="our proxy, every 0.4 s",
        expected="records come again and are known; publications are repeated in order",
        inject=cut("kafka"),
        stage=OWN,
        complaints=40,
    ),
    Fault(
        id="network-kafka-replies-lost",
        what="the broker takes a record, and its reply is lost",
        how="our proxy passes what carries an event type, eats the reply, ends the connection; 12 times",
        expected="published again: copies on the topic, nothing twice",
        inject=replies_lost("kafka", b"ce_type"),
        stage=OWN,
        complaints=40,
    ),
    Fault(
        id="network-kafka-half-open",
        what="connections to the broker stay open and say nothing for 30 s",
        how="our proxy drops every byte",
        expected="request time limits end them; work goes on over new ones",
        inject=half_open("kafka"),
        stage=OWN,
        complaints=60,
        rate=2.0,
    ),
    Fault(
        id="network-kafka-delay",
        what="250 ms more to the broker, each way, for 6 s",
        how="our proxy",
        expected="slower, nothing else",
        inject=delayed("kafka"),
        stage=OWN,
        complaints=40,
    ),
)
