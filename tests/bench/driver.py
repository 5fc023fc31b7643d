"""The outside world in one process: complaints arrive, and people act as soon as they see the event they wait for.

`python -m tests.bench.driver` reads its task from stdin and writes what it saw to stdout, both as JSON.
"""

import asyncio
import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer

from shared.messaging.publisher import Publisher
from shared.messaging.records import OutRecord
from shared.runtime.logging import configure
from tests.bench import story

ARRIVALS_EVERY = 0.005  # seconds between two looks at what is to be submitted
STUCK_AFTER = 90.0  # seconds without any closing


@dataclass(frozen=True, slots=True)
class Task:
    """`rate`: arrivals a second at fixed times (open loop); None: as many as keep `in_flight` complaints open.

    `patience`: seconds without any closing after which the run is given up.
    """

    kafka: str
    topic_prefix: str
    run: str
    complaints: int
    in_flight: int
    rate: float | None = None
    patience: float = STUCK_AFTER


@dataclass(frozen=True, slots=True)
class Seen:
    """Seconds since the start: when each complaint was to arrive, and when its closing was seen (in that order)."""

    wall_seconds: float
    arrived: list[float]
    closed: list[float]
    cpu_seconds: float
    rss_bytes: int


class Driver:
    def __init__(self, task: Task, consumer: AIOKafkaConsumer, publisher: Publisher) -> None:
        self._task, self._consumer, self._publisher = task, consumer, publisher
        self._arrived: dict[str, float] = {}  # order -> when it was to arrive
        self._closed: dict[str, float] = {}
        self._last: dict[str, str] = {}  # order -> type of the newest event
        self._done: set[tuple[str, str]] = set()
        self._began = time.perf_counter()

    async def run(self) -> Seen:
        cpu = _cpu_seconds()
        self._began = time.perf_counter()
        arriving = asyncio.create_task(self._arrive())
        try:
            await self._act()
        finally:
            arriving.cancel()
        orders = list(self._closed)
        return Seen(
            wall_seconds=self._now(),
            arrived=[self._arrived[order] for order in orders],
            closed=[self._closed[order] for order in orders],
            cpu_seconds=_cpu_seconds() - cpu,
            rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        )

    def _now(self) -> float:
        return time.perf_counter() - self._began

    async def _arrive(self) -> None:
        task = self._task
        while len(self._arrived) < task.complaints:
            records = [self._next_complaint() for _ in range(self._due())]
            if records:
                await self._publisher.publish(records)
            await asyncio.sleep(ARRIVALS_EVERY)

    def _due(self) -> int:
        task = self._task
        by_now = len(self._closed) + task.in_flight if task.rate is None else int(self._now() * task.rate) + 1
        return min(by_now, task.complaints) - len(self._arrived)

    def _next_complaint(self) -> OutRecord:
        number = len(self._arrived)
        external_id = f"{self._task.run}-{number}"
        # In the open loop a complaint is as old as the timetable says, however late it could be sent.
        at = self._now() if self._task.rate is None else number / self._task.rate
        self._arrived[story.order_of(external_id)] = at
        return story.complaint(external_id, datetime.now(UTC))

    async def _act(self) -> None:
        progressed = self._now()
        while len(self._closed) < self._task.complaints:
            batches = await self._consumer.getmany(timeout_ms=200, max_records=5_000)
            before = len(self._closed)
            commands = [
                command
                for batch in batches.values()
                for record in batch
                if (command := self._react(record)) is not None
            ]
            if commands:
                await self._publisher.publish(commands)
            if len(self._closed) > before:
                progressed = self._now()
            elif self._now() - progressed > self._task.patience:
                raise TimeoutError(self._stuck())

    def _react(self, record: Any) -> OutRecord | None:
        order = record.key.decode()
        kind = next(value for name, value in record.headers if name == "ce_type").decode()
        if order not in self._arrived or (order, kind) in self._done:
            return None
        self._done.add((order, kind))
        self._last[order] = kind
        if kind == story.LAST:
            self._closed[order] = self._now()
        step = story.NEXT.get(kind)
        return None if step is None else story.command(order, step, datetime.now(UTC))

    def _stuck(self) -> str:
        still = Counter(self._last.get(order, "nothing") for order in self._arrived.keys() - self._closed.keys())
        return (
            f"no complaint was closed for {self._task.patience:.0f} s; newest events of the open ones: {dict(still)}"
        )


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def drive(task: Task) -> Seen:
    consumer = AIOKafkaConsumer(
        f"{task.topic_prefix}workorders",
        bootstrap_servers=task.kafka,
        auto_offset_reset="latest",
        fetch_max_wait_ms=100,
    )
    publisher = Publisher(task.kafka, task.topic_prefix, retry_for=task.patience)
    await publisher.start()
    async with consumer:
        await consumer.seek_to_end()
        for partition in consumer.assignment():
            await consumer.position(partition)  # else a first event could come before the end was looked up
        try:
            return await Driver(task, consumer, publisher).run()
        finally:
            await publisher.stop()


def main() -> None:
    configure("bench driver")
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    seen = uvloop.run(drive(task))
    with open(sys.stdout.fileno(), "wb", closefd=False) as out:  # an unbuffered stdout may write a part only
        out.write(msgspec.json.encode(seen))


if __name__ == "__main__":
    main()
