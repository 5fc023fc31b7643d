"""How ours, the floor and the naive loop are shown side by side, and whether they did the same work."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from statistics import median
from typing import Any

from tests.bench.floor import FLOOR, NAIVE, OURS, FloorReport, Run
from tests.bench.floor_held import Held
from tests.bench.report import machine, table

WORDS = {
    "records": "records on the topics",
    "record_bytes": "their bytes, with key and headers",
    "consumed": "records consumed and committed",
    "entries": "decisions in the logs",
    "log_documents": "log documents",
    "log_bytes": "their bytes",
    "documents": "projected and copied documents",
    "document_bytes": "their bytes",
}
BATCHED = frozenset({"log_documents"})  # how many decisions share one depends on what comes together
SAME = 0.05
"""By how much sums may differ: ours decides some complaints in another order, and then a record more or less."""
FIGURES: Mapping[str, Callable[[Run], float]] = {
    "complaints a second": lambda run: run.closed_per_second,
    "CPU ms a complaint, the four services": lambda run: run.cpu_services_ms,
    "CPU ms a complaint, all processes": lambda run: sum(run.cpu_ms.values()),
}


def sums(run: Run) -> dict[str, float]:
    """For one complaint, each fact that the servers hold; and the documents that were written to get there."""
    found: dict[str, Mapping[str, int]] = {one.name: getattr(run.held, one.name) for one in fields(Held)}
    told = {name: sum(values.values()) / run.whole for name, values in found.items()}
    return told | {f"written: {what}": number / run.whole for what, number in run.written.items()}


def differences(ours: Run, other: Run) -> dict[str, tuple[float, float]]:
    """What is not the same work, with ours first."""
    a, b = sums(ours), sums(other)
    compared = {name for name in WORDS if name not in BATCHED}
    return {name: (a[name], b[name]) for name in compared if abs(a[name] - b[name]) > SAME * a[name]}


def lines(report: FloorReport) -> list[str]:
    ours, naive = report.of(OURS), report.of(NAIVE)
    programs = [OURS, FLOOR, *([NAIVE] if naive else [])]
    return [
        f"{ours[0].complaints} complaints by ours and by the floor in turns, {len(ours)} times each"
        + (f"; {naive[0].complaints} by the naive loop" if naive else "")
        + f"; after a warm-up of {ours[0].warm_up}, on the same servers. The floor is four processes of raw clients"
        " that play a complaint recorded from ours: same records, log entries and documents, same durability,"
        " nothing else. Ratios are medians of the pairs; 1 is as good as the other.",
        "",
        f"* **ours : floor {_speed(report, FLOOR):.2f}** in complaints a second, {_cpu(report, FLOOR):.2f} in CPU"
        f" of the services, {_all_cpu(report, FLOOR):.2f} in CPU of everything",
        f"* pair by pair: {_pairs(report)}",
        *(_naive(report) if naive else ()),
        "",
        *table(("median", *programs), [_figure(report, name, programs) for name in FIGURES]),
        "",
        *table(("CPU ms a complaint", *programs), [_process(report, name, programs) for name in ours[0].cpu_ms]),
        "",
        "That it is the same work, as the servers hold it, for one complaint:",
        "",
        *table(("", *programs), [_fact(report, name, programs) for name in sums(ours[0])]),
    ]


def _pairs(report: FloorReport) -> str:
    speed = report.ratios(FLOOR, lambda run: run.closed_per_second)
    cpu = report.ratios(FLOOR, lambda run: run.cpu_services_ms)
    return "; ".join(f"{a:.2f} in complaints a second, {1 / b:.2f} in CPU" for a, b in zip(speed, cpu, strict=True))


def _naive(report: FloorReport) -> list[str]:
    speed, cpu = _speed(report, NAIVE), _cpu(report, NAIVE)
    return [f"* **ours : naive {speed:.1f}** in complaints a second, {cpu:.1f} in CPU of the services"]


def as_json(report: FloorReport) -> dict[str, Any]:
    others = [program for program in (FLOOR, NAIVE) if report.of(program)]
    return {
        "ratios": {
            other: {
                "complaints_per_second": round(_speed(report, other), 3),
                "cpu_services": round(_cpu(report, other), 3),
                "cpu_everything": round(_all_cpu(report, other), 3),
            }
            for other in others
        },
        "runs": [
            {
                "program": run.program,
                "complaints": run.complaints,
                "closed_per_second": round(run.closed_per_second, 2),
                "cpu_ms_per_complaint": {name: round(value, 3) for name, value in run.cpu_ms.items()},
                "per_complaint": {name: round(value, 2) for name, value in sums(run).items()},
            }
            for run in report.runs
        ],
        "machine": machine(),
    }


def _speed(report: FloorReport, other: str) -> float:
    return report.ratio(other, lambda run: run.closed_per_second)


def _cpu(report: FloorReport, other: str) -> float:
    return 1 / report.ratio(other, lambda run: run.cpu_services_ms)


def _all_cpu(report: FloorReport, other: str) -> float:
    return 1 / report.ratio(other, lambda run: sum(run.cpu_ms.values()))


def _figure(report: FloorReport, name: str, programs: list[str]) -> tuple[str, ...]:
    return (name, *(f"{median(map(FIGURES[name], report.of(program))):.1f}" for program in programs))


def _process(report: FloorReport, name: str, programs: list[str]) -> tuple[str, ...]:
    return (name, *(f"{median(run.cpu_ms[name] for run in report.of(program)):.2f}" for program in programs))


def _fact(report: FloorReport, name: str, programs: list[str]) -> tuple[str, ...]:
    found = [median(sums(run)[name] for run in report.of(program)) for program in programs]
    return (WORDS.get(name, name), *(f"{value:,.0f}" if "bytes" in name else f"{value:.1f}" for value in found))
