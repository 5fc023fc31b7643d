"""What the processes count and use: read before and after, the difference is the cost."""

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families
from pymongo import MongoClient

from tests.bench.installation import Installation

LOOK_EVERY = 0.25  # seconds; each look costs the services some milliseconds
SETTLED_AFTER = 2.5
SETTLES_WITHIN = 120.0
OURS = {
    "closedloop_appends",
    "closedloop_records_published",
    "closedloop_records_consumed",
    "closedloop_dead_letters",
}
NOT_WORK = frozenset({"hello", "isMaster", "ping", "serverStatus", "replSetHeartbeat", "endSessions"})

Count = tuple[str, str]
"""What is counted, and of which sort: ("closedloop_appends", "work_order kafka")."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Counts since the processes began; `cpu` in seconds by process."""

    counts: Mapping[Count, float]
    cpu: Mapping[str, float]

    def since(self, before: "Reading") -> "Reading":
        counts = {name: grown for name, value in self.counts.items() if (grown := value - before.counts.get(name, 0))}
        return Reading(counts, {name: value - before.cpu[name] for name, value in self.cpu.items()})

    def total(self, counted: str) -> float:
        return sum(value for (name, _), value in self.counts.items() if name == counted)

    def sorts(self, counted: str) -> dict[str, float]:
        """By sort, the largest first."""
        found = {sort: value for (name, sort), value in self.counts.items() if name == counted}
        return dict(sorted(found.items(), key=lambda item: -item[1]))


class Gauges:
    """Reads one installation."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._http = httpx.Client(trust_env=False, timeout=30)

    def settled(self) -> Reading:
        """The reading at which the services had nothing left to do. Raises TimeoutError when they never rest.

        It is the first of the equal ones: CPU time after it would be that of waiting.
        """
        began = time.monotonic()
        latest, since = self._read(), began
        while (now := time.monotonic()) - since < SETTLED_AFTER:
            if now - began > SETTLES_WITHIN:
                raise TimeoutError("the services are still at work")
            time.sleep(LOOK_EVERY)
            again = self._read()
            if again.counts != latest.counts:
                latest, since = again, time.monotonic()
        return Reading({**latest.counts, **self._database_commands()}, latest.cpu)

    def rss(self) -> dict[str, int]:
        """Resident bytes by process."""
        return {name: process.memory_info().rss for name, process in self._installation.processes.items()}

    def close(self) -> None:
        self._http.close()

    def _read(self) -> Reading:
        counts: dict[Count, float] = defaultdict(float)
        for service, url in self._installation.urls.items():
            for family in text_string_to_metric_families(self._http.get(f"{url}/metrics").text):
                for sample in family.samples if family.name in OURS else ():
                    if sample.name.endswith("_total"):
                        counts[family.name, f"{service}: {' '.join(sample.labels.values())}"] += sample.value
        return Reading(counts, {name: cpu_seconds(process) for name, process in self._installation.processes.items()})

    def _database_commands(self) -> dict[Count, float]:
        client: MongoClient[dict[str, object]] = MongoClient(self._installation.mongo)
        with client:
            commands = client.admin.command("serverStatus")["metrics"]["commands"]
        return {
            ("database_commands", name): float(told["total"])
            for name, told in commands.items()
            if isinstance(told, dict) and name not in NOT_WORK and told.get("total")
        }


def cpu_seconds(process: psutil.Process) -> float:
    used = process.cpu_times()
    return used.user + used.system
