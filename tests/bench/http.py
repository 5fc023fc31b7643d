"""`bench http`: how long an action takes, while all services work on what follows from it.

First as many as the system bears, for the rate; then at a part of that rate and at fixed times, for the waiting.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from deploy.local.stack import LocalStack
from shared.cli.installation import CHECKOUT
from shared.messaging.publisher import Publisher
from shared.runtime.devkeys import sign
from tests.bench import story
from tests.bench.floor_held import settled
from tests.bench.http_load import Answered, Task
from tests.bench.installation import Installation, installed, own_servers
from tests.bench.loop import PERCENTILES, percentile_of

ACTION = "accept"
CONNECTIONS = 64
WARM_UP = 200
TOKEN_SECONDS = 3_600
NO_LIMIT = {"CLOSEDLOOP_HTTP_RATE": "0"}


@dataclass(frozen=True, slots=True)
class HttpReport:
    """Actions a second: `answered_at_most` while what follows piles up, `saturated` with all that follows, `rate`
    at which the latencies were taken; `cpu_ms` for an action then, by process."""

    actions: int
    answered_at_most: float
    saturated: float
    rate: float
    latency_ms: Mapping[int, float]
    statuses: Mapping[str, int]
    cpu_ms: Mapping[str, float]


def measure_alone(actions: int, load: float) -> HttpReport:
    with tempfile.TemporaryDirectory(prefix="closedloop-bench-") as folder:
        state_dir = Path(folder)
        with own_servers(state_dir / "servers") as stack:
            return measure(stack, state_dir / "services", actions, load)


def measure(stack: LocalStack, state_dir: Path, actions: int, load: float) -> HttpReport:
    state_dir.mkdir(parents=True, exist_ok=True)
    with installed(stack, state_dir, f"b{uuid.uuid4().hex[:8]}", more=NO_LIMIT) as installation:
        token = sign(state_dir, "handler-1", ("handler",), ("*",), ("*",), TOKEN_SECONDS)
        _act(installation, token, WARM_UP)
        fastest = _act(installation, token, actions)
        saturated = actions / fastest.seconds
        acted = _act(installation, token, actions, load * saturated)
    waited = sorted(acted.answered.waited)
    return HttpReport(
        actions=actions,
        answered_at_most=actions / fastest.answered.seconds,
        saturated=saturated,
        rate=load * saturated,
        latency_ms={percentile: 1000 * percentile_of(waited, percentile) for percentile in PERCENTILES},
        statuses=acted.answered.statuses,
        cpu_ms={name: 1000 * seconds / actions for name, seconds in acted.cpu.items()},
    )


@dataclass(frozen=True, slots=True)
class Acted:
    """`seconds` and `cpu` (seconds by process) until all that follows from the actions was done."""

    answered: Answered
    seconds: float
    cpu: Mapping[str, float]


def _act(installation: Installation, token: str, actions: int, rate: float | None = None) -> Acted:
    """One action on each of as many new orders."""
    orders = asyncio.run(_new_orders(installation, actions))
    before = settled(installation).cpu
    paths = [f"/v1/work-orders/{order}/actions/{ACTION}" for order in orders]
    task = Task(installation.urls["workflow"], token, paths, "{}", CONNECTIONS, rate)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.http_load"],
        input=msgspec.json.encode(task),
        stdout=subprocess.PIPE,
        cwd=CHECKOUT,
        check=True,
    )
    answered = msgspec.json.decode(done.stdout, type=Answered)
    if set(answered.statuses) != {"200"}:
        raise RuntimeError(f"not every action was done: {dict(answered.statuses)}")
    after = settled(installation)
    cpu = {name: seconds - before[name] for name, seconds in after.cpu.items()}
    return Acted(answered, after.at - began, cpu)


async def _new_orders(installation: Installation, number: int) -> Sequence[str]:
    names = [f"http-{uuid.uuid4().hex}" for _ in range(number)]
    publisher = Publisher(installation.kafka, installation.topic_prefix)
    await publisher.start()
    try:
        await publisher.publish([story.complaint(name, datetime.now(UTC)) for name in names])
    finally:
        await publisher.stop()
    return [story.order_of(name) for name in names]
