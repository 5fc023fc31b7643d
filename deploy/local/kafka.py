"""The embedded Apache Kafka: one node or three, each broker and controller at once (KRaft)."""

import base64
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from deploy.local.binaries import java_path
from deploy.local.failure import StackFailure
from deploy.local.guardian import Guardian
from deploy.local.process import ServerProcess

START_SECONDS = 90.0
READY_LINE = b"Kafka Server started"
LOGGING = Path(__file__).with_name("log4j2.properties")
JAVA_OPTIONS = (
    "-XX:+UseSerialGC",
    "-Xshare:auto",
    "-XX:-UsePerfData",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    f"-Dlog4j2.configurationFile={LOGGING}",
)
QUICK_START = ("-Xms256m", "-Xmx512m", "-XX:TieredStopAtLevel=1")
BENCHMARK = ("-Xms1g", "-Xmx1g")


class KafkaNode:
    """One node; `quorum` is the ports of every node's controller, in the order of their numbers from 1."""

    def __init__(self, number: int, port: int, quorum: Sequence[int], state_dir: Path, *, bench: bool) -> None:
        self.name = f"kafka-{number}"
        self.port = port
        self._number = number
        self._quorum = list(quorum)
        self._folder = state_dir / self.name
        self._properties = self._folder / "server.properties"
        self._java = [str(java_path()), *JAVA_OPTIONS, *(BENCHMARK if bench else QUICK_START)]
        self._log_offset = 0
        argv = [*self._java, "kafka.Kafka", str(self._properties)]
        self.process = ServerProcess(self.name, argv, {}, state_dir)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def prepare(self, classpath: str) -> None:
        """Writes the configuration and, the first time, formats the storage."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._properties.write_text(self._configuration())
        self.process.extend_env({"CLASSPATH": classpath})
        if not (self._folder / "data" / "meta.properties").exists():
            self._format(classpath)

    def start(self, guardian: Guardian) -> None:
        """Starts the node without waiting for it."""
        log = self.process.log
        self._log_offset = log.stat().st_size if log.exists() else 0
        self.process.spawn(guardian)

    def wait_ready(self) -> None:
        """Waits for the line in its own log that says so: no other program can have written it."""
        self.process.wait_ready(self._said_ready, START_SECONDS)

    def _said_ready(self) -> bool:
        with self.process.log.open("rb") as log:
            log.seek(self._log_offset)
            return READY_LINE in log.read()

    def _format(self, classpath: str) -> None:
        done = subprocess.run(  # noqa: S603 - our own Java
            [*self._java, "kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", str(self._properties)],
            env={"CLASSPATH": classpath},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StackFailure(f"cannot format the storage of {self.name}: {(done.stderr or done.stdout)[-500:]}")

    def _configuration(self) -> str:
        replicas = min(3, len(self._quorum))
        in_sync = max(1, replicas - 1)
        voters = ",".join(f"{number}@127.0.0.1:{port}" for number, port in enumerate(self._quorum, start=1))
        settings = {
            "process.roles": "broker,controller",
            "node.id": self._number,
            "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self._quorum[self._number - 1]}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": self._folder / "data",
            "auto.create.topics.enable": "false",
            # A node that was killed is let in again only when its old session has ended (the default is 9 s).
            "broker.session.timeout.ms": 3000 if replicas == 1 else 6000,
            "broker.heartbeat.interval.ms": 500,
            "default.replication.factor": replicas,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": in_sync,
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": replicas,
            "share.coordinator.state.topic.min.isr": in_sync,
            "group.initial.rebalance.delay.ms": 0,
            # Hundreds of small partitions on one laptop: small buffers, small index files, quick deletion.
            "log.cleaner.dedupe.buffer.size": 4_194_304,
            "log.index.size.max.bytes": 1_048_576,
            "log.segment.delete.delay.ms": 1000,
            "num.network.threads": 2,
            "num.io.threads": 4,
            "message.max.bytes": 2_097_152,
            "replica.fetch.max.bytes": 2_097_152,
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())


def bootstrap(nodes: Sequence[KafkaNode]) -> str:
    """What clients connect to: every node, comma-separated."""
    return ",".join(node.address for node in nodes)


def _cluster_id() -> str:
    """The same for every node, and harmless to share: the cluster is the state directory."""
    identity = uuid.uuid5(uuid.NAMESPACE_URL, "closedloop:embedded-kafka").bytes
    return base64.urlsafe_b64encode(identity).decode().rstrip("=")
