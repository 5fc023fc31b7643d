"""What a broker that dies, sleeps or falls behind does to us."""

import asyncio
import signal

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.events.topics import TOPICS
from shared.messaging.publisher import REQUEST_TIMEOUT_MS
from tests.chaos.faults.case import Fault, Inject
from tests.chaos.faults.stages import LONELY, OWN, THREE, Scene

DOWN_SECONDS = 5.0
PAUSE_SECONDS = 40.0
LEADERLESS_SECONDS = 2.5 * REQUEST_TIMEOUT_MS / 1000
TOO_FEW_SECONDS = 10.0


def killed(number: int, seconds: float) -> Inject:
    async def inject(scene: Scene) -> str:
        node = scene.stack.brokers[number]
        await asyncio.to_thread(node.process.kill)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(scene.stack.restart, node)
        return ""

    return inject


def paused(number: int, seconds: float) -> Inject:
    async def inject(scene: Scene) -> str:
        node = scene.stack.brokers[number]
        node.process.signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            node.process.signal(signal.SIGCONT)
        return ""

    return inject


async def too_few_in_sync(scene: Scene) -> str:
    """All three replicas have to be in sync, and one is down."""
    await in_sync(scene, 3)
    try:
        await killed(2, TOO_FEW_SECONDS)(scene)
    finally:
        await in_sync(scene, 2)
    return ""


async def in_sync(scene: Scene, least: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=scene.servers.kafka.split(","))
    await admin.start()
    try:
        for name, topic in TOPICS.items():
            wanted = {
                "min.insync.replicas": str(least),
                "cleanup.policy": "compact" if topic.compacted else "delete",
            }
            full = scene.servers.topic_prefix + name
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, full, wanted)])
    finally:
        await admin.close()


FAULTS = (
    Fault(
        id="kafka-killed",
        what="the only broker is killed (-9) and back after 5 s",
        how="SIGKILL, restart on its port",
        expected="work pauses, services stay up",
        inject=killed(0, DOWN_SECONDS),
        stage=OWN,
        complaints=40,
    ),
    Fault(
        id="kafka-paused",
        what="the only broker sleeps for 40 s",
        how="SIGSTOP, SIGCONT",
        expected="work pauses, services stay up",
        inject=paused(0, PAUSE_SECONDS),
        stage=OWN,
        complaints=60,
        rate=2.0,
    ),
    Fault(
        id="kafka-three-killed",
        what="one broker of three is killed (-9) and back after 5 s",
        how="SIGKILL, restart on its port",
        expected="others lead meanwhile; nothing waits for the dead one",
        inject=killed(1, DOWN_SECONDS),
        stage=THREE,
        complaints=60,
        rate=4.0,
    ),
    Fault(
        id="kafka-three-paused",
        what="one broker of three sleeps for 40 s",
        how="SIGSTOP, SIGCONT",
        expected="others lead meanwhile; what it still held is sent again",
        inject=paused(1, PAUSE_SECONDS),
        stage=THREE,
        complaints=100,
        rate=2.0,
    ),
    Fault(
        id="kafka-min-isr",
        what="fewer replicas in sync than a topic asks for, for 10 s",
        how="min.insync.replicas 3 of 3, one broker killed",
        expected="publishing waits (NotEnoughReplicas) and goes on; nothing is lost",
        inject=too_few_in_sync,
        stage=THREE,
        complaints=60,
        rate=4.0,
    ),
    Fault(
        id="kafka-leaderless",
        what="a third of the partitions has no leader for longer than the request timeout",
        how="topics of one replica on three brokers, one killed for 12.5 s",
        expected="what belongs there waits; lags return to 0",
        inject=killed(2, LEADERLESS_SECONDS),
        stage=LONELY,
        complaints=100,
        rate=4.0,
    ),
)
