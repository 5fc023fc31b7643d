"""`bench timers`: how late timers fire: steadily, all in one second, and while complaints pass through the system.

Beside those that fire there are as many that wait: a clock set of some order, copied.
"""

import asyncio
import json
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer
from pymongo import MongoClient

from deploy.local.stack import LocalStack
from services.escalation.domain import CLOCK_SETS
from shared.cli.installation import CHECKOUT
from shared.events.catalogue import wire_type
from shared.events.sla import RungFired
from shared.messaging.cloudevents import rfc3339
from shared.messaging.publisher import Publisher
from shared.messaging.records import OutRecord
from shared.persistence.projection import collection_name
from tests.bench.copies import copy
from tests.bench.floor_held import Record, behind_of, looking, read_records, settled
from tests.bench.floor_script import choose
from tests.bench.installation import Installation, installed, own_servers
from tests.bench.loop import Wish, drive, percentile_of
from tests.bench.stage import KINDS

SERVICE = "escalation"
SAMPLED = 10
FROM_START = timedelta(minutes=30)  # of the clock `resolve` to its rung
FAR_AWAY = "budget: 9000h, unit: natural"
TICKING = {"resolve": "budget: 1h, unit: natural", "survey_close": "budget: 4s, unit: natural"}
"""The clocks and ladders with one rung, halfway: nothing of the others comes to pass meanwhile."""
MARGIN = timedelta(seconds=2)
WITHIN = 600.0  # seconds
PERCENTILES = (50, 90, 99, 100)
FAR = datetime(2099, 1, 1, tzinfo=UTC)
TOLD_AT_ONCE = 1_000
Listen = Callable[[int], Awaitable["Timing"]]
_INSTANT = re.compile(r'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"')


@dataclass(frozen=True, slots=True)
class Timing:
    """Of timers that fired: milliseconds of lateness by percentile; seconds from the first due to the last firing."""

    fired: int
    early: int
    twice: int
    late_ms: Mapping[int, float]
    seconds: float


@dataclass(frozen=True, slots=True)
class TimersWish:
    """`steady` timers at `rate` a second; `burst` within one second; `loop` complaints at `loop_rate` a second, of
    which each lets one timer fire after its closing. `waiting`: clock sets that fire nothing."""

    waiting: int = 1_000_000
    steady: int = 10_000
    rate: int = 1_000
    burst: int = 100_000
    loop: int = 1_000
    loop_rate: float = 40.0


@dataclass(frozen=True, slots=True)
class TimersReport:
    wish: TimersWish
    steady: Timing
    burst: Timing
    loop: Timing


@dataclass(slots=True)
class _Heard:
    """What the topic says of rungs that fired, by key."""

    late_ms: dict[str, float] = field(default_factory=dict)
    fired: list[datetime] = field(default_factory=list)
    due: list[datetime] = field(default_factory=list)
    early: int = 0
    twice: int = 0

    def take(self, data: Mapping[str, Any]) -> None:
        rung = data["rung"]
        due, fired = (datetime.fromisoformat(rung[name]) for name in ("fire_at", "fired_at"))
        if rung["key"] in self.late_ms:
            self.twice += 1
            return
        self.early += fired < due
        self.late_ms[rung["key"]] = (fired - due) / timedelta(milliseconds=1)
        self.fired.append(fired)
        self.due.append(due)

    def timing(self) -> Timing:
        ordered = sorted(self.late_ms.values())
        return Timing(
            fired=len(ordered),
            early=self.early,
            twice=self.twice,
            late_ms={percentile: percentile_of(ordered, percentile) for percentile in PERCENTILES},
            seconds=(max(self.fired) - min(self.due)).total_seconds(),
        )


def measure_alone(wish: TimersWish) -> TimersReport:
    with tempfile.TemporaryDirectory(prefix="closedloop-bench-") as folder:
        state_dir = Path(folder)
        with own_servers(state_dir / "servers") as stack:
            return measure(stack, state_dir / "services", wish)


def measure(stack: LocalStack, state_dir: Path, wish: TimersWish) -> TimersReport:
    """Timers of orders that there are records of alone first, with nobody but escalation to hear of them."""
    policies = state_dir / "policies"
    shutil.copytree(CHECKOUT / "deploy" / "policies", policies)
    default = policies / "policy-default.yaml"
    default.write_text(_ticking(default.read_text()))
    more = {"CLOSEDLOOP_ESCALATION__POLICIES": str(policies)}
    with installed(stack, state_dir, f"b{uuid.uuid4().hex[:8]}", more=more) as installation:
        drive(installation, Wish(complaints=SAMPLED, in_flight=SAMPLED), "sample")
        settled(installation)
        _let_wait(installation, wish.waiting)
        loop = asyncio.run(_beside_the_loop(installation, wish))
        settled(installation)
        sample = _created(installation)
        for name in installation.urls.keys() - {SERVICE}:
            installation.processes[name].kill()
        steady = asyncio.run(_fired(installation, sample, wish.steady, timedelta(seconds=1) / wish.rate))
        burst = asyncio.run(_fired(installation, sample, wish.burst, timedelta(seconds=1) / wish.burst))
    return TimersReport(wish, steady, burst, loop)


def _ticking(policy: str) -> str:
    """The default policy with other budgets, and a ladder of one rung for those that tick."""
    policy = re.sub(r"budget: \w+, unit: (natural|business)(?=,)", FAR_AWAY, policy)
    for name, budget in TICKING.items():
        policy = re.sub(rf"(\b{name}: {{ ){FAR_AWAY}", rf"\1{budget}", policy)
        policy = re.sub(rf"(  {name}:\n)(    - .*\n)+", r"\1    - { key: tick, at_percent: 50 }\n", policy)
    return policy


def _let_wait(installation: Installation, number: int) -> None:
    """Copies a projected clock set; what never fires needs no history."""
    with MongoClient[dict[str, Any]](installation.mongo) as client:
        database = client[f"{installation.topic_prefix.removesuffix('.')}_{SERVICE}"]
        clock_sets = database[collection_name(CLOCK_SETS)]
        one = clock_sets.find_one({"next_fire": {"$exists": True}})
        if one is None:
            raise RuntimeError("the sample left no clock set that waits")
        copy(clock_sets, {**one, "next_fire": FAR}, one["_id"].removeprefix(CLOCK_SETS.prefix), number)


def _created(installation: Installation) -> tuple[str, Record]:
    """An order's first record, and what its ids have in common."""
    sample = choose(read_records(installation.kafka, installation.topic_prefix))
    return sample.hex, next(one for one in sample.records if (one.topic, one.type) == KINDS[SERVICE])


async def _fired(installation: Installation, sample: tuple[str, Record], number: int, every: timedelta) -> Timing:
    """Orders whose rungs are due one after the other, told while time stands still; then it goes on."""
    url = installation.urls[SERVICE]
    with _Clock(url) as clock:
        first = clock.stop() + MARGIN
        await _tell(installation, sample, [first + place * every for place in range(number)])
        async with _listening(installation) as listen:
            clock.go_on()
            return await listen(number)


async def _beside_the_loop(installation: Installation, wish: TimersWish) -> Timing:
    async with _listening(installation) as listen:
        load = Wish(complaints=wish.loop, in_flight=wish.loop, rate=wish.loop_rate)
        driving = asyncio.create_task(asyncio.to_thread(drive, installation, load, "loop"))
        timing = await listen(wish.loop)
        await driving
    return timing


async def _tell(installation: Installation, sample: tuple[str, Record], dues: Sequence[datetime]) -> None:
    make = _maker(*sample)
    publisher = Publisher(installation.kafka, installation.topic_prefix)
    await publisher.start()
    try:
        for start in range(0, len(dues), TOLD_AT_ONCE):
            await publisher.publish([make(due - FROM_START) for due in dues[start : start + TOLD_AT_ONCE]])
    finally:
        await publisher.stop()
    began = time.monotonic()
    async with looking(installation.kafka, installation.topic_prefix) as (consumer, admin):
        ends = await consumer.end_offsets(list(consumer.assignment()))
        while await behind_of(admin, installation.topic_prefix, SERVICE, ends):
            if time.monotonic() - began > WITHIN:
                raise TimeoutError("escalation does not get on")
            await asyncio.sleep(0.1)


def _maker(hex_: str, record: Record) -> Callable[[datetime], OutRecord]:
    """Makes the record of another order, with `at` for every instant in it."""

    def make(at: datetime) -> OutRecord:
        new, instant = uuid.uuid4().hex, rfc3339(at)
        headers = {name: value.replace(hex_, new) for name, value in record.headers.items()} | {"ce_time": instant}
        value = _INSTANT.sub(f'"{instant}"', record.value.decode().replace(hex_, new))
        key = record.key.replace(hex_, new).encode()
        return OutRecord(record.topic, key, value.encode(), [(name, text.encode()) for name, text in headers.items()])

    return make


@asynccontextmanager
async def _listening(installation: Installation) -> AsyncIterator[Listen]:
    """What comes from now on; to be called with the number of rungs to wait for."""
    consumer = AIOKafkaConsumer(
        f"{installation.topic_prefix}sla", bootstrap_servers=installation.kafka, auto_offset_reset="latest"
    )

    async def listen(number: int) -> Timing:
        heard, deadline = _Heard(), time.monotonic() + WITHIN
        while len(heard.late_ms) < number:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(heard.late_ms)} of {number} timers fired")
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                for one in batch:
                    if ("ce_type", wire_type(RungFired).encode()) in one.headers:
                        heard.take(json.loads(one.value))
        return heard.timing()

    async with consumer:
        await consumer.seek_to_end()
        for partition in consumer.assignment():
            await consumer.position(partition)
        yield listen


class _Clock:
    """The service's time, which stands still while it is told what will be due."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/test/clock"
        self._http = httpx.Client(trust_env=False, timeout=60)

    def __enter__(self) -> "_Clock":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def stop(self) -> datetime:
        return datetime.fromisoformat(self._move(rate=0)["now"])

    def go_on(self) -> None:
        self._move(rate=1)

    def _move(self, **how: float) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._http.post(self._url, json=how).raise_for_status().json()
        return answer
