"""`bench floor`: ours, the best loop written by hand and a naive one, in turns on the same servers."""

import asyncio
import os
import signal
import statistics
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import psutil
from aiokafka.admin import AIOKafkaAdminClient
from pymongo import MongoClient

from deploy.local.guardian import Guardian
from deploy.local.process import ServerProcess
from deploy.local.stack import LocalStack
from shared.messaging.admin import ensure_topics
from shared.persistence.driver import Driver
from shared.persistence.schema import ensure_indexes
from shared.runtime.indexes import indexes_of
from tests.bench.driver import Seen
from tests.bench.floor_held import SERVICES, Held, held, read_records, settled
from tests.bench.floor_loop import Task
from tests.bench.floor_script import record_script
from tests.bench.installation import STOP_SECONDS, Installation, installed, own_servers
from tests.bench.loop import Wish, begin_profile, drive, steady_rate

OURS, FLOOR, NAIVE = "ours", "floor", "naive"
MODULES = {FLOOR: "tests.bench.floor_loop", NAIVE: "tests.bench.naive_loop"}
SERVERS = ("mongod", "kafka", "driver")
Start = Callable[[str], AbstractContextManager[Installation]]


@dataclass(frozen=True, slots=True)
class Run:
    """One program under one load. `cpu_ms` for a complaint, by process; `held` and `written` with the warm-up."""

    program: str
    complaints: int
    warm_up: int
    closed_per_second: float
    cpu_ms: Mapping[str, float]
    held: Held
    written: Mapping[str, int]

    @property
    def whole(self) -> int:
        return self.complaints + self.warm_up

    @property
    def cpu_services_ms(self) -> float:
        return sum(value for name, value in self.cpu_ms.items() if not name.startswith(SERVERS))


@dataclass(frozen=True, slots=True)
class FloorReport:
    """Runs in the order in which they were made."""

    runs: tuple[Run, ...]

    def of(self, program: str) -> list[Run]:
        return [run for run in self.runs if run.program == program]

    def ratios(self, other: str, figure: Callable[[Run], float]) -> list[float]:
        """Ours : other, for each pair of neighbours; what ran once is compared with the median of ours."""
        ours, others = [figure(run) for run in self.of(OURS)], [figure(run) for run in self.of(other)]
        if len(others) < len(ours):
            return [statistics.median(ours) / one for one in others]
        return [a / b for a, b in zip(ours, others, strict=True)]

    def ratio(self, other: str, figure: Callable[[Run], float]) -> float:
        return statistics.median(self.ratios(other, figure))


@dataclass(frozen=True, slots=True)
class Contest:
    """How much of what. The naive loop runs once, with fewer complaints: it has nothing that wants warming."""

    complaints: int
    in_flight: int
    warm_up: int = 200
    pairs: int = 2
    naive: int = 100

    def wish(self) -> Wish:
        return Wish(complaints=self.complaints, in_flight=self.in_flight, warm_up=self.warm_up)


def measure_alone(contest: Contest, profiled: str | None = None) -> FloorReport:
    """On servers of its own; `profiled` names a service whose program leaves `<program>-<service>.prof` here."""
    contest = replace(contest, in_flight=max(1, min(contest.in_flight, contest.complaints // 4)))
    with tempfile.TemporaryDirectory(prefix="closedloop-bench-") as folder:
        state_dir = Path(folder)
        with own_servers(state_dir / "servers") as stack:
            report = measure(stack, state_dir / "runs", contest, profiled)
        for profile in (state_dir / "runs").rglob("*.prof"):
            Path(f"{profile.parent.name}-{profile.name}").write_bytes(profile.read_bytes())
        return report


def measure(stack: LocalStack, state_dir: Path, contest: Contest, profiled: str | None = None) -> FloorReport:
    """On servers that run already: ours, floor, ours, floor, …, naive."""
    script = state_dir / "script.bson"
    runs: list[Run] = []

    def ours(name: str) -> AbstractContextManager[Installation]:
        return installed(stack, _folder(state_dir / OURS), name, profiled)

    def by_hand(program: str) -> Start:
        watched = profiled if program == FLOOR else None
        return lambda name: _playing(stack, _folder(state_dir / program), name, program, (script, watched))

    for _ in range(contest.pairs):
        wish = replace(contest.wish(), profiled=profiled)
        runs.append(_run(OURS, wish, ours, script))
        runs.append(_run(FLOOR, wish, by_hand(FLOOR), script))
    if contest.naive:
        wish = Wish(complaints=contest.naive, in_flight=contest.naive, warm_up=min(10, contest.warm_up))
        runs.append(_run(NAIVE, wish, by_hand(NAIVE), script))
    return FloorReport(tuple(runs))


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _run(program: str, wish: Wish, start: Start, script: Path) -> Run:
    name = f"b{uuid.uuid4().hex[:8]}"
    with start(name) as installation:
        written = _written(installation.mongo)
        if wish.warm_up:
            drive(installation, replace(wish, complaints=wish.warm_up), "warm")
            settled(installation)
        begin_profile(installation, wish.profiled)
        before = settled(installation).cpu
        seen = drive(installation, wish, "run")
        after = settled(installation).cpu
        since = {what: number - written[what] for what, number in _written(installation.mongo).items()}
        cpu = {process: seconds - before[process] for process, seconds in after.items()}
        run = _told(program, wish, seen, cpu, (held(installation), since))
        if not script.exists():
            records = read_records(installation.kafka, installation.topic_prefix)
            script.write_bytes(record_script(installation.mongo, name, records))
    _forget(installation)
    return run


def _told(
    program: str, wish: Wish, seen: Seen, cpu: Mapping[str, float], facts: tuple[Held, Mapping[str, int]]
) -> Run:
    used = {**cpu, "driver": seen.cpu_seconds}
    return Run(
        program=program,
        complaints=wish.complaints,
        warm_up=wish.warm_up,
        closed_per_second=steady_rate(sorted(seen.closed)),
        cpu_ms={process: 1000 * seconds / wish.complaints for process, seconds in used.items()},
        held=facts[0],
        written=facts[1],
    )


@contextmanager
def _playing(
    stack: LocalStack, state_dir: Path, name: str, program: str, how: tuple[Path, str | None]
) -> Iterator[Installation]:
    """A hand-written loop for each service, on topics and indexes like ours."""
    script, profiled = how
    kafka, mongo = stack.endpoints.kafka, stack.endpoints.mongo
    asyncio.run(_prepared(kafka, mongo, name))
    processes: list[ServerProcess] = []
    guardian = Guardian()
    try:
        for service in SERVICES:
            task = state_dir / f"{service}.json"
            task.write_bytes(msgspec.json.encode(Task(service, kafka, mongo, name, str(script))))
            profile = ("-m", "tests.bench.stage_profile", str(state_dir / f"{service}.prof"))
            run = profile if service == profiled else ("-m",)
            argv = (sys.executable, *run, MODULES[program], str(task))
            processes.append(ServerProcess(service, argv, dict(os.environ), state_dir))
            processes[-1].spawn(guardian)
        known = {process.name: process.pid for process in (*processes, *(node.process for node in stack.nodes))}
        running = {process: psutil.Process(pid) for process, pid in known.items() if pid is not None}
        yield Installation(kafka, mongo, f"{name}.", {}, running)
    finally:
        for process in processes:
            process.signal(signal.SIGTERM)
        for process in processes:
            process.wait_gone(STOP_SECONDS)
        guardian.close()


async def _prepared(kafka: str, mongo: str, name: str) -> None:
    await ensure_topics(kafka, f"{name}.")
    driver = Driver(mongo)
    for service, definition in SERVICES.items():
        await ensure_indexes(driver.database(f"{name}_{service}"), indexes_of(definition))
    await driver.close()


def _written(mongo: str) -> dict[str, int]:
    """Documents inserted and updated by anybody, upserts being insertions."""
    with MongoClient[dict[str, object]](mongo) as client:
        counted = client.admin.command("serverStatus")["metrics"]["document"]
    return {what: int(counted[what]) for what in ("inserted", "updated")}


def _forget(installation: Installation) -> None:
    """So that the next program meets servers as empty as this one did."""
    asyncio.run(_delete_topics(installation.kafka, installation.topic_prefix))
    with MongoClient[dict[str, object]](installation.mongo) as client:
        for service in SERVICES:
            client.drop_database(f"{installation.topic_prefix.removesuffix('.')}_{service}")


async def _delete_topics(kafka: str, prefix: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.delete_topics([topic for topic in await admin.list_topics() if topic.startswith(prefix)])
    finally:
        await admin.close()
