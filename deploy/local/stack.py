"""The embedded servers as one thing: MongoDB and Kafka, started together, kept in one state directory.

Used by `closedloop up` and by the tests, which also kill and restart single nodes.
"""

import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from deploy.local import jars, kafka, mongod
from deploy.local.binaries import mongod_path, prove_runs
from deploy.local.failure import StackFailure
from deploy.local.guardian import Guardian
from deploy.local.kafka import KafkaNode
from deploy.local.mongod import Mongod
from deploy.local.ports import PortBook
from deploy.local.process import end_leftover

Node = Mongod | KafkaNode
StepDone = Callable[[str, float], None]
STOP_SECONDS = 5.0


@dataclass(frozen=True)
class Endpoints:
    """Where clients connect."""

    kafka: str
    mongo: str


@dataclass(frozen=True)
class Shape:
    """How many servers there are and what they are for."""

    brokers: int = 1
    mongods: int = 1
    bench: bool = False
    """Gives the brokers their full compiler and memory."""
    test_commands: bool = False
    """Allows MongoDB's fail points."""


class LocalStack:
    """The servers of one state directory; `start` gives every one of them the port that it had before."""

    def __init__(self, state_dir: Path, shape: Shape | None = None, *, guardian: Guardian | None = None) -> None:
        self._state_dir = state_dir.resolve()
        self._shape = shape or Shape()
        self._guardian = guardian
        self._owns_guardian = guardian is None
        # A start that is still at work in another thread must not bring servers back.
        self._stopped = False
        self._state_dir.mkdir(parents=True, exist_ok=True)
        self.mongods: list[Mongod] = []
        self.brokers: list[KafkaNode] = []
        self._assemble()

    @property
    def nodes(self) -> Sequence[Node]:
        """Every server, MongoDB's first."""
        return [*self.mongods, *self.brokers]

    @property
    def endpoints(self) -> Endpoints:
        """Where clients connect."""
        return Endpoints(kafka=kafka.bootstrap(self.brokers), mongo=mongod.uri(self.mongods))

    def node(self, name: str) -> Node:
        """A server by name: `mongod-1`, `kafka-2`."""
        return next(node for node in self.nodes if node.name == name)

    def start(self, step_done: StepDone = lambda _name, _seconds: None) -> Endpoints:
        """Starts every server at once and waits until all are ready; tells each step and its seconds.

        Raises `StackFailure` (with the end of the log) or `UnsupportedPlatform`.
        """
        self._guardian = self._guardian or Guardian()
        self._stopped = False
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: end_leftover(node.process.record), self.nodes))
            self._assemble(move=True)
            databases = pool.submit(self._start_mongods, pool, step_done)
            brokers = pool.submit(self._start_brokers, pool, step_done)
            databases.result()
            brokers.result()
        return self.endpoints

    def restart(self, node: Node) -> None:
        """Starts a server that was killed, on its own port, and waits until it is ready."""
        self.respawn(node)
        node.wait_ready()

    def respawn(self, node: Node) -> None:
        """Starts a server that died, on its own port, without waiting for it."""
        if self._guardian is None or self._stopped:
            raise StackFailure(
                f"{node.name} is not started: the stack was not started here, or was stopped meanwhile"
            )
        node.start(self._guardian)

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Stops every server, cleanly if that takes no longer than `seconds`."""
        self._stopped = True
        for node in self.nodes:
            node.process.signal(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        for node in self.nodes:
            if not node.process.wait_gone(max(0.0, deadline - time.monotonic())):
                node.process.kill()
        self._dismiss()

    def discard(self) -> None:
        """Ends every server by force, for data that nobody needs again."""
        for node in self.nodes:
            node.process.kill()
        self._dismiss()

    def _dismiss(self) -> None:
        if self._owns_guardian and self._guardian:
            self._guardian.close()
            self._guardian = None

    def _assemble(self, *, move: bool = False) -> None:
        shape = self._shape
        ports = PortBook(self._state_dir / "ports.json")
        mongods = [f"mongod-{number}" for number in range(1, shape.mongods + 1)]
        brokers = [f"kafka-{number}" for number in range(1, shape.brokers + 1)]
        controllers = [f"{name}-controller" for name in brokers]
        if move:
            ports.release_taken([*mongods, *brokers, *controllers])
        quorum = [ports.port(name) for name in controllers]
        self.mongods = [
            Mongod(number, ports.port(name), self._state_dir, test_commands=shape.test_commands)
            for number, name in enumerate(mongods, start=1)
        ]
        self.brokers = [
            KafkaNode(number, ports.port(name), quorum, self._state_dir, bench=shape.bench)
            for number, name in enumerate(brokers, start=1)
        ]

    def _start_mongods(self, pool: ThreadPoolExecutor, step_done: StepDone) -> None:
        began = time.monotonic()
        if not any(member.has_data for member in self.mongods):
            prove_runs(mongod_path(), "--version")
        for member in self.mongods:
            self.respawn(member)
        list(pool.map(lambda member: member.wait_ready(), self.mongods))
        mongod.form_replica_set(self.mongods)
        step_done("MongoDB", time.monotonic() - began)

    def _start_brokers(self, pool: ThreadPoolExecutor, step_done: StepDone) -> None:
        began = time.monotonic()
        if jars.missing():
            classpath = jars.classpath()
            step_done("Kafka fetched", time.monotonic() - began)
            began = time.monotonic()
        else:
            classpath = jars.classpath()
        list(pool.map(lambda node: node.prepare(classpath), self.brokers))
        for node in self.brokers:
            self.respawn(node)
        list(pool.map(lambda node: node.wait_ready(), self.brokers))
        step_done("Kafka", time.monotonic() - began)
