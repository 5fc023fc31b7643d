"""How a measurement is reckoned and kept, without measuring."""

from pathlib import Path

import pytest

from tests.bench.driver import Seen
from tests.bench.gauges import Reading
from tests.bench.loop import LoopReport, Wish, report_of
from tests.bench.report import as_json, lines, record


def a_report(complaints: int = 100) -> LoopReport:
    """One complaint a second, each closed after as many tenths of a second as its number."""
    arrived = [float(number) for number in range(complaints)]
    closed = [at + (number + 1) / 10 for number, at in enumerate(arrived)]
    seen = Seen(wall_seconds=closed[-1], arrived=arrived, closed=closed, cpu_seconds=1.0, rss_bytes=1 << 20)
    cost = Reading({("closedloop_appends", "intake: complaint kafka"): 8.0 * complaints}, {"intake": 2.0})
    return report_of(Wish(complaints=complaints), seen, cost, {"intake": 2 << 20})


def test_percentiles_are_values_that_were_seen() -> None:
    assert a_report().latency_ms == pytest.approx({50: 5_000, 90: 9_000, 99: 9_900, 100: 10_000})


def test_the_throughput_is_that_of_the_steady_part() -> None:
    assert a_report().closed_per_second == pytest.approx(1 / 1.1)


def test_costs_are_means_by_complaint() -> None:
    told = as_json(a_report())
    assert told["per_complaint"]["closedloop_appends"] == {"total": 8.0, "intake: complaint kafka": 8.0}
    assert told["cpu_ms_per_complaint"] == {"intake": 20.0, "driver": 10.0}


def test_a_new_measurement_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    for title, complaints in (("saturation", 100), ("fixed rate", 100), ("saturation", 300)):
        record(title, lines(a_report(complaints)), document)
    headings = [line for line in document.read_text().splitlines() if line.startswith("#")]
    assert headings == ["# Benchmarks", "## saturation", "## fixed rate"]
    assert "300 complete complaints" in document.read_text().partition("## fixed rate")[0]
