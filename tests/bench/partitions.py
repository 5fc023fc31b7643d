"""`bench partitions`: the loop on topics of few partitions and of many."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.installation import PARTITIONS, own_servers
from tests.bench.loop import LoopReport, Wish, measure
from tests.bench.report import machine, ours, table


def measure_alone(numbers: Sequence[int], wish: Wish) -> Mapping[int, LoopReport]:
    with tempfile.TemporaryDirectory(prefix="closedloop-bench-") as folder:
        state_dir = Path(folder)
        with own_servers(state_dir / "servers") as stack:
            return {
                number: measure(stack, state_dir / f"services-{number}", wish, {PARTITIONS: str(number)})
                for number in numbers
            }


def lines(found: Mapping[int, LoopReport]) -> list[str]:
    wish = next(iter(found.values())).wish
    return [
        f"{wish.complaints} complete complaints, at most {wish.in_flight} open at a time, one process a service.",
        "",
        *table(
            ("partitions of a topic", "closed a second", "CPU ms a complaint", "of it services", "p99 ms"),
            [_row(number, report) for number, report in found.items()],
        ),
    ]


def as_json(found: Mapping[int, LoopReport]) -> dict[str, Any]:
    return {
        "partitions": {
            str(number): {
                "closed_per_second": round(report.closed_per_second, 2),
                "cpu_ms_per_complaint": {name: round(value, 3) for name, value in report.cpu_ms.items()},
                "latency_ms": {f"p{percentile}": round(value, 1) for percentile, value in report.latency_ms.items()},
            }
            for number, report in found.items()
        },
        "machine": machine(),
    }


def _row(number: int, report: LoopReport) -> tuple[str, ...]:
    figures = (report.closed_per_second, sum(report.cpu_ms.values()), ours(report))
    return (str(number), *(f"{value:.1f}" for value in figures), f"{report.latency_ms[99]:.0f}")
