"""How late timers were, as people read it."""

from collections.abc import Sequence
from typing import Any

from tests.bench.report import machine, table
from tests.bench.timers import PERCENTILES, TimersReport, Timing


def lines(report: TimersReport) -> list[str]:
    wish = report.wish
    return [
        f"Beside {wish.waiting:,} clock sets that wait. Lateness is from the instant of a rung to its decision, by"
        " the service's clock; the first two with escalation alone, all orders told before.",
        "",
        f"* **none early, none twice: {'yes' if _exact(report) else 'NO'}**",
        f"* {report.burst.fired:,} due within one second were worked off in **{report.burst.seconds:.1f} s**"
        f" ({report.burst.fired / report.burst.seconds:,.0f} a second)",
        "",
        *table(("", "fired", *(f"p{one} ms" for one in PERCENTILES)), [_row(*one) for one in _named(report)]),
    ]


def as_json(report: TimersReport) -> dict[str, Any]:
    return {
        "waiting": report.wish.waiting,
        **{
            name: {
                "fired": timing.fired,
                "early": timing.early,
                "twice": timing.twice,
                "seconds": round(timing.seconds, 3),
                "late_ms": {f"p{percentile}": round(value, 1) for percentile, value in timing.late_ms.items()},
            }
            for name, timing in _timings(report)
        },
        "machine": machine(),
    }


def _exact(report: TimersReport) -> bool:
    return not any(timing.early or timing.twice for _, timing in _timings(report))


def _timings(report: TimersReport) -> Sequence[tuple[str, Timing]]:
    return ("steady", report.steady), ("burst", report.burst), ("loop", report.loop)


def _named(report: TimersReport) -> Sequence[tuple[str, Timing]]:
    wish = report.wish
    names = (
        f"steadily, {wish.rate:,} a second",
        "all within one second",
        f"after closing, while {wish.loop_rate:g} complaints a second pass through",
    )
    return [(name, timing) for name, (_, timing) in zip(names, _timings(report), strict=True)]


def _row(name: str, timing: Timing) -> tuple[str, ...]:
    return (name, f"{timing.fired:,}", *(f"{timing.late_ms[one]:,.0f}" for one in PERCENTILES))
