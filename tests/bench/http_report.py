"""How waiting for an action is shown."""

from typing import Any

from tests.bench.http import ACTION, CONNECTIONS, WARM_UP, HttpReport
from tests.bench.report import machine, table


def lines(report: HttpReport) -> list[str]:
    latency, part = report.latency_ms, report.rate / report.saturated
    return [
        f"{report.actions} times `{ACTION}` by HTTP, each on another order, at {report.rate:.0f} a second and fixed"
        f" times, after {WARM_UP} others: {100 * part:.0f} % of the {report.saturated:.0f} a second that the whole"
        f" system gets done, with all that follows. {CONNECTIONS} connections, each asking again at once, get"
        f" {report.answered_at_most:.0f} a second answered. Waiting counts from when a request was to be sent.",
        "",
        f"* **p50 {latency[50]:.1f} ms, p99 {latency[99]:.1f} ms**, p90 {latency[90]:.1f} ms, longest"
        f" {latency[100]:.1f} ms",
        "",
        *table(("process", "CPU ms an action"), [(name, f"{value:.2f}") for name, value in report.cpu_ms.items()]),
    ]


def as_json(report: HttpReport) -> dict[str, Any]:
    return {
        "actions": report.actions,
        "answered_at_most_per_second": round(report.answered_at_most, 1),
        "saturated_per_second": round(report.saturated, 1),
        "actions_per_second": round(report.rate, 1),
        "latency_ms": {f"p{percentile}": round(value, 2) for percentile, value in report.latency_ms.items()},
        "statuses": dict(report.statuses),
        "cpu_ms_per_action": {name: round(value, 2) for name, value in report.cpu_ms.items()},
        "machine": machine(),
    }
