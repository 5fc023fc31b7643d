"""How measurements are shown: lines for people, JSON for programs, sections of `docs/benchmarks.md`."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from deploy.local.binaries import java_path, mongod_path, prove_runs
from shared.cli.installation import CHECKOUT
from tests.bench.loop import LoopReport

DOCUMENT = CHECKOUT / "docs" / "benchmarks.md"
KAFKA_LOCK = CHECKOUT / "deploy" / "local" / "kafka.lock"
LIBRARIES = ("aiokafka", "faststream", "motor", "pymongo", "msgspec", "uvloop")
COUNTED = {
    "closedloop_appends": "log documents appended",
    "closedloop_records_published": "records published",
    "closedloop_records_consumed": "records consumed",
    "database_commands": "database commands",
}
PREFACE = """# Benchmarks

Written by `./closedloop bench … --record`, a section for each kind of measurement; nothing here is edited by hand.
Seconds hold for the machine and the moment that a section names. Counts and ratios hold anywhere, and only they are
gated, by `tests/bench`.
"""


def as_json(report: LoopReport) -> dict[str, Any]:
    wish = report.wish
    return {
        "complaints": wish.complaints,
        "arrivals_per_second": wish.rate,
        "in_flight": wish.in_flight if wish.rate is None else None,
        "closed_per_second": round(report.closed_per_second, 2),
        "wall_seconds": round(report.wall_seconds, 2),
        "latency_ms": {f"p{percentile}": round(value, 1) for percentile, value in report.latency_ms.items()},
        "cpu_ms_per_complaint": {name: round(value, 2) for name, value in report.cpu_ms.items()},
        "rss_mib": {name: round(value / 2**20) for name, value in report.rss_bytes.items()},
        "per_complaint": {
            counted: {"total": round(report.per_complaint(counted), 2), **_rounded(report, counted)}
            for counted in COUNTED
        },
        "machine": machine(),
    }


def lines(report: LoopReport) -> list[str]:
    """The same as sections of Markdown, which read well on a terminal too."""
    wish, latency = report.wish, report.latency_ms
    load = f"at most {wish.in_flight} open at a time" if wish.rate is None else f"{wish.rate:g} arrivals a second"
    return [
        f"{wish.complaints} complete complaints, {load}, after a warm-up of {wish.warm_up}.",
        "",
        f"* **{report.closed_per_second:.1f} closed a second** (between 10 % and 90 % of the closings;"
        f" {report.wall_seconds:.1f} s in all)",
        f"* from arrival to closing: p50 {latency[50]:.0f} ms, p90 {latency[90]:.0f} ms, p99 {latency[99]:.0f} ms,"
        f" longest {latency[100]:.0f} ms",
        f"* **{sum(report.cpu_ms.values()):.1f} ms of CPU for a complaint** in all processes,"
        f" {ours(report):.1f} ms of it in the four services",
        "",
        *table(("process", "CPU ms a complaint", "resident MiB"), _processes(report)),
        "",
        *table(("for one complaint", "mean", "of which"), _counts(report)),
    ]


def ours(report: LoopReport) -> float:
    """CPU milliseconds of a complaint in our own services."""
    servers = ("mongod", "kafka", "driver")
    return sum(value for name, value in report.cpu_ms.items() if not name.startswith(servers))


def record(title: str, told: Sequence[str], document: Path = DOCUMENT) -> None:
    """Puts the measurement into the document, in place of the section with the same title."""
    text = document.read_text() if document.exists() else PREFACE
    facts = [f"* {name}: {value}" for name, value in machine().items()]
    section = "\n".join([f"## {title}", "", *told, "", *facts, ""])
    before, found, after = text.partition(f"## {title}\n")
    following = re.search(r"^## ", after, re.MULTILINE) if found else None
    rest = after[following.start() :] if following else ""
    document.write_text(f"{before.rstrip()}\n\n{section}" + (f"\n{rest}" if rest else ""))


def machine() -> dict[str, str]:
    """Date, machine and versions."""
    kafka = re.search(r"org\.apache\.kafka:kafka_[\d.]+:(\S+)", KAFKA_LOCK.read_text())
    return {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{psutil.cpu_count()} cores, {_cpu_model()}, {psutil.virtual_memory().total / 2**30:.0f} GiB,"
        f" {platform.system()} {platform.release()}",
        "load average, at the end": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "servers": f"Apache Kafka {kafka[1] if kafka else '?'} on {prove_runs(java_path(), '-version')};"
        f" mongod, {prove_runs(mongod_path(), '--version')}",
        "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
        + f", Python {platform.python_version()}",
    }


def _rounded(report: LoopReport, counted: str) -> dict[str, float]:
    complaints = report.wish.complaints
    return {sort: round(value / complaints, 2) for sort, value in report.cost.sorts(counted).items()}


def _processes(report: LoopReport) -> list[tuple[str, ...]]:
    return [
        (name, f"{milliseconds:.2f}", f"{report.rss_bytes[name] / 2**20:.0f}")
        for name, milliseconds in report.cpu_ms.items()
    ]


def _counts(report: LoopReport) -> list[tuple[str, ...]]:
    return [
        (
            words,
            f"{report.per_complaint(counted):.1f}",
            ", ".join(f"{sort} {value:g}" for sort, value in _rounded(report, counted).items() if value >= 0.05),
        )
        for counted, words in COUNTED.items()
    ]


def table(heading: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    return [_row(heading), _row(tuple("---" for _ in heading)), *map(_row, rows)]


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _cpu_model() -> str:
    try:
        told = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        told = None
    return told[1] if told else platform.machine()
