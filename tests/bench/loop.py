"""`bench loop`: complete complaints through all services, and what one of them costs."""

import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from deploy.local.stack import LocalStack
from shared.cli.installation import CHECKOUT
from tests.bench.driver import Seen, Task
from tests.bench.gauges import Gauges, Reading
from tests.bench.installation import Installation, installed, own_servers

WARM_UP = 200  # complaints; they open connections, fill caches and let the broker compile its hot paths
STEADY = (0.1, 0.9)  # the part of the closings over which the throughput is taken
PERCENTILES = (50, 90, 99, 100)


@dataclass(frozen=True, slots=True)
class Wish:
    """What to measure. `rate`: arrivals a second (open loop); None: saturation with `in_flight` open complaints."""

    complaints: int = 5_000
    in_flight: int = 1_000
    rate: float | None = None
    warm_up: int = WARM_UP
    profiled: str | None = None


@dataclass(frozen=True, slots=True)
class LoopReport:
    """All costs are means over the complaints of the run, whose last record has been worked off."""

    wish: Wish
    wall_seconds: float
    closed_per_second: float
    latency_ms: Mapping[int, float]
    """By percentile, from the arrival (by the timetable, in the open loop) to the closing as seen outside."""
    cpu_ms: Mapping[str, float]
    rss_bytes: Mapping[str, int]
    cost: Reading

    def per_complaint(self, counted: str) -> float:
        return self.cost.total(counted) / self.wish.complaints

    @property
    def appends(self) -> float:
        return self.per_complaint("closedloop_appends")

    @property
    def records(self) -> float:
        """Published by the services; the driver's own six are not among them."""
        return self.per_complaint("closedloop_records_published")

    @property
    def consumptions(self) -> float:
        return self.per_complaint("closedloop_records_consumed")

    @property
    def database_commands(self) -> float:
        return self.per_complaint("database_commands")


def measure_alone(wish: Wish) -> LoopReport:
    """On servers of its own. Profiles are left in the working directory.

    At most a quarter of the complaints is open at a time: else all would end together, with no steady part between.
    """
    wish = replace(wish, in_flight=max(1, min(wish.in_flight, wish.complaints // 4)))
    with tempfile.TemporaryDirectory(prefix="closedloop-bench-") as folder:
        state_dir = Path(folder)
        with own_servers(state_dir / "servers") as stack:
            report = measure(stack, state_dir / "services", wish)
        for profile in (state_dir / "services").glob("*.prof"):
            Path(profile.name).write_bytes(profile.read_bytes())
        return report


def measure(stack: LocalStack, state_dir: Path, wish: Wish, more: Mapping[str, str] | None = None) -> LoopReport:
    """On servers that run already, under a name that nobody else uses. `more`: settings."""
    state_dir.mkdir(parents=True, exist_ok=True)
    name = f"b{uuid.uuid4().hex[:8]}"
    with installed(stack, state_dir, name, wish.profiled, more) as installation:
        if wish.warm_up:
            drive(installation, replace(wish, complaints=wish.warm_up), "warm")
        return measured(installation, wish, "run")


def measured(installation: Installation, wish: Wish, run: str) -> LoopReport:
    """One run on an installation that does nothing else."""
    with closing(Gauges(installation)) as gauges:
        before = gauges.settled()
        begin_profile(installation, wish.profiled)
        seen = drive(installation, wish, run)
        rss = gauges.rss()
        return report_of(wish, seen, gauges.settled().since(before), rss)


def begin_profile(installation: Installation, profiled: str | None) -> None:
    """What the start and the warm-up cost is not wanted in it."""
    if profiled is not None:
        installation.processes[profiled].send_signal(signal.SIGUSR1)


def drive(installation: Installation, wish: Wish, run: str) -> Seen:
    task = Task(
        kafka=installation.kafka,
        topic_prefix=installation.topic_prefix,
        run=run,
        complaints=wish.complaints,
        in_flight=wish.in_flight,
        rate=wish.rate,
    )
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.driver"],
        input=msgspec.json.encode(task),
        stdout=subprocess.PIPE,
        cwd=CHECKOUT,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Seen)


def report_of(wish: Wish, seen: Seen, cost: Reading, rss: Mapping[str, int]) -> LoopReport:
    waited = sorted(closed - arrived for arrived, closed in zip(seen.arrived, seen.closed, strict=True))
    cpu = {**cost.cpu, "driver": seen.cpu_seconds}
    return LoopReport(
        wish=wish,
        wall_seconds=seen.wall_seconds,
        closed_per_second=steady_rate(sorted(seen.closed)),
        latency_ms={percentile: 1000 * percentile_of(waited, percentile) for percentile in PERCENTILES},
        cpu_ms={name: 1000 * seconds / wish.complaints for name, seconds in cpu.items()},
        rss_bytes={**rss, "driver": seen.rss_bytes},
        cost=cost,
    )


def steady_rate(closed: list[float]) -> float:
    first, last = (int(part * (len(closed) - 1)) for part in STEADY)
    return (last - first) / (closed[last] - closed[first]) if closed[last] > closed[first] else 0.0


def percentile_of(ordered: list[float], percentile: int) -> float:
    """The nearest rank: a value that was really seen."""
    return ordered[max(0, -(-len(ordered) * percentile // 100) - 1)]
