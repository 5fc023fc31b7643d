"""`bench stage`: one service alone, on records of one kind that wait for it on a topic, and where its time goes."""

import asyncio
import pstats
import re
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
from aiokafka import TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.guardian import Guardian
from deploy.local.health import is_ready
from deploy.local.process import ServerProcess
from deploy.local.stack import LocalStack
from shared.messaging.publisher import Publisher
from shared.messaging.records import OutRecord
from tests.bench import story
from tests.bench.floor_held import behind_of, looking, read_records, settled
from tests.bench.floor_script import choose
from tests.bench.gauges import cpu_seconds
from tests.bench.installation import STOP_SECONDS, Installation, installed, own_servers
from tests.bench.loop import Wish, drive

KINDS: Mapping[str, tuple[str, str]] = {
    "intake": ("complaints.inbox", "closedloop.complaint.submitted.v1"),
    "workflow": ("complaints", "closedloop.complaint.received.v1"),
    "escalation": ("workorders", "closedloop.workorder.created.v1"),
    "notifier": ("workorders", "closedloop.workorder.dispatched.v1"),
}
"""What each service hears first of a complaint, so that each record can be another complaint's."""
PARTS: Mapping[str, Sequence[tuple[str, str]]] = {
    "decode": (("messaging/reading.py", "read"), ("messaging/records.py", "received")),
    "load": (
        ("persistence/projection.py", "load"),
        ("persistence/parking.py", "held"),
        ("runtime/pipeline.py", "_enriched"),
    ),
    "decide": (("kernel/runner.py", "_plan_all"),),
    "append": (("kernel/runner.py", "_documents"), ("persistence/event_log.py", "append")),
    "project": (("persistence/projection.py", "save"), ("runtime/pipeline.py", "_copy")),
    "render": (("runtime/engine.py", "decided_records"),),
    "publish": (("messaging/publisher.py", "publish"),),
    "Kafka client": (
        ("aiokafka/producer/sender.py", "_send_produce_req"),
        ("aiokafka/producer/sender.py", "_sender_routine"),
        ("aiokafka/consumer/fetcher.py", "_proc_fetch_request"),
        ("aiokafka/consumer/fetcher.py", "fetched_records"),
        ("aiokafka/conn.py", "_read"),
    ),
}
THREADS, REST = "threads of the database client", "everything else"
WARM_UP = 500
SAMPLED = 10  # complaints through the whole system, one of which the records are made from
LOOK_EVERY = 0.02
WITHIN = 120.0


@dataclass(frozen=True, slots=True)
class StageReport:
    """`parts`: CPU µs of a record; `batches`: (largest size, how many were no larger, but larger than the last)."""

    service: str
    kind: str
    records: int
    records_per_second: float
    cpu_us: float
    parts: Mapping[str, float]
    batches: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Pass:
    """One time through the waiting records. `cpu` in seconds, of the process and of its other threads."""

    seconds: float
    cpu: float
    threads: float
    batches: Mapping[str, int]


Make = Callable[[], OutRecord]


def measure_alone(service: str, records: int) -> StageReport:
    with tempfile.TemporaryDirectory(prefix="closedloop-bench-") as folder:
        state_dir = Path(folder)
        with own_servers(state_dir / "servers") as stack:
            return measure(stack, state_dir / "services", service, records)


def measure(stack: LocalStack, state_dir: Path, service: str, records: int) -> StageReport:
    """Once as it is, for the figures; once under a profiler, for the parts."""
    state_dir.mkdir(parents=True, exist_ok=True)
    profile = state_dir / f"{service}.prof"
    with installed(stack, state_dir, f"b{uuid.uuid4().hex[:8]}") as installation:
        drive(installation, Wish(complaints=SAMPLED, in_flight=SAMPLED), "sample")
        settled(installation)
        make = _maker(installation, service)
        victim = installation.processes[service]
        argv, env, url = victim.cmdline(), victim.environ(), installation.urls[service]
        for name in installation.urls:
            installation.processes[name].kill()
            installation.processes[name].wait()
        profiled = [sys.executable, "-m", "tests.bench.stage_profile", str(profile), argv[-1]]
        plain, detailed = (
            _pass(installation, _Alone(service, how, env, url, state_dir, how is profiled), make, records)
            for how in (argv, profiled)
        )
    cpu_us = 1e6 * plain.cpu / records
    return StageReport(
        service=service,
        kind=KINDS[service][1],
        records=records,
        records_per_second=records / plain.seconds,
        cpu_us=cpu_us,
        parts=_parts(profile, records, (plain, detailed)),
        batches=_sizes(plain.batches),
    )


@dataclass(frozen=True, slots=True)
class _Alone:
    """How to run the one service."""

    service: str
    argv: Sequence[str]
    env: Mapping[str, str]
    url: str
    state_dir: Path
    profiled: bool

    @contextmanager
    def running(self) -> Iterator[psutil.Process]:
        guardian = Guardian()
        process = ServerProcess(f"{self.service}-alone", self.argv, self.env, self.state_dir)
        try:
            process.spawn(guardian)
            process.wait_ready(lambda: is_ready(self.url), WITHIN)
            yield psutil.Process(process.pid)
        finally:
            process.signal(signal.SIGTERM)
            process.wait_gone(STOP_SECONDS)
            guardian.close()


def _pass(installation: Installation, alone: _Alone, make: Make, records: int) -> Pass:
    with alone.running() as process:
        asyncio.run(_work_off(installation, alone.service, process, [make() for _ in range(WARM_UP)]))
        if alone.profiled:
            process.send_signal(signal.SIGUSR1)
        before, threads, batches = cpu_seconds(process), _threads(process), _batches(alone.url)
        seconds = asyncio.run(_work_off(installation, alone.service, process, [make() for _ in range(records)]))
        cpu, other = cpu_seconds(process) - before, _threads(process) - threads
        counted = {size: number - batches.get(size, 0) for size, number in _batches(alone.url).items()}
    return Pass(seconds, cpu, other, counted)


async def _work_off(
    installation: Installation, service: str, process: psutil.Process, records: Sequence[OutRecord]
) -> float:
    """Lets the process sleep until everything waits for it; returns the seconds until all of it was committed."""
    publisher = Publisher(installation.kafka, installation.topic_prefix)
    await publisher.start()
    process.suspend()
    try:
        await publisher.publish(records)
    finally:
        process.resume()
        await publisher.stop()
    began = time.monotonic()
    async with looking(installation.kafka, installation.topic_prefix) as (consumer, admin):
        ends: Mapping[TopicPartition, int] = await consumer.end_offsets(list(consumer.assignment()))
        while await behind_of(admin, installation.topic_prefix, service, ends):
            if time.monotonic() - began > WITHIN:
                raise TimeoutError(f"{service} does not get on")
            await asyncio.sleep(LOOK_EVERY)
    return time.monotonic() - began


def _maker(installation: Installation, service: str) -> Make:
    """Makes records of the service's kind, each of a complaint of its own."""
    topic, kind = KINDS[service]
    if service == "intake":
        return lambda: story.complaint(f"stage-{uuid.uuid4().hex}", datetime.now(UTC))
    sample = choose(read_records(installation.kafka, installation.topic_prefix))
    record = next(one for one in sample.records if (one.topic, one.type) == (topic, kind))

    def make() -> OutRecord:
        new = uuid.uuid4().hex
        headers = [(name, value.replace(sample.hex, new).encode()) for name, value in record.headers.items()]
        value = record.value.replace(sample.hex.encode(), new.encode())
        return OutRecord(topic, record.key.replace(sample.hex, new).encode(), value, headers)

    return make


def _threads(process: psutil.Process) -> float:
    """CPU seconds of all threads but the one with the event loop."""
    return sum(one.user_time + one.system_time for one in process.threads() if one.id != process.pid)


def _batches(url: str) -> dict[str, int]:
    """By the upper end of each size class, how many batches had at most so many records."""
    text = httpx.get(f"{url}/metrics", trust_env=False).text
    return {
        sample.labels["le"]: int(sample.value)
        for family in text_string_to_metric_families(text)
        if family.name == "closedloop_batch_records"
        for sample in family.samples
        if sample.name.endswith("_bucket")
    }


def _sizes(cumulative: Mapping[str, int]) -> list[tuple[str, int]]:
    below = [0, *cumulative.values()]
    return [(size, number - less) for (size, number), less in zip(cumulative.items(), below, strict=False)]


def _parts(profile: Path, records: int, passes: tuple[Pass, Pass]) -> dict[str, float]:
    """The profiler slows everything: shares are taken from it, and the whole from the pass without it."""
    plain, detailed = passes
    seconds: dict[tuple[str, str], float] = {}
    stats = pstats.Stats(str(profile)).stats  # type: ignore[attr-defined]  # the stubs leave it out
    for (file, _, function), (_, _, _, cumulative, _) in stats.items():
        for place in (place for places in PARTS.values() for place in places):
            if function == place[1] and re.search(rf"(^|/){re.escape(place[0])}$", file):
                seconds[place] = seconds.get(place, 0.0) + cumulative
    slowed = (detailed.cpu - detailed.threads) / (plain.cpu - plain.threads)
    per_record = 1e6 / records / slowed
    parts = {name: sum(seconds.get(place, 0.0) for place in places) * per_record for name, places in PARTS.items()}
    parts[THREADS] = 1e6 * plain.threads / records
    return {**parts, REST: 1e6 * plain.cpu / records - sum(parts.values())}
