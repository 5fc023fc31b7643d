"""How a stage is shown."""

from typing import Any

from tests.bench.report import machine, table
from tests.bench.stage import WARM_UP, StageReport


def lines(report: StageReport) -> list[str]:
    batches = [(f"up to {size.removesuffix('.0')}", str(number)) for size, number in report.batches if number]
    return [
        f"{report.records} records of `{report.kind}` that waited on their topic, worked off by {report.service}"
        f" alone, after {WARM_UP} others.",
        "",
        f"* **{report.records_per_second:.0f} records a second**, {report.cpu_us:.0f} µs of CPU for each",
        "",
        "The sum is measured as it is; its parts by a profiler in a second pass, which exaggerates many small calls.",
        "",
        *table(("part", "CPU µs a record"), [(name, f"{value:.0f}") for name, value in report.parts.items()]),
        "",
        *table(("records in a batch", "batches"), batches),
    ]


def as_json(report: StageReport) -> dict[str, Any]:
    return {
        "service": report.service,
        "kind": report.kind,
        "records": report.records,
        "records_per_second": round(report.records_per_second, 1),
        "cpu_us_per_record": round(report.cpu_us, 1),
        "parts_us": {name: round(value, 1) for name, value in report.parts.items()},
        "batches": dict(report.batches),
        "machine": machine(),
    }
