"""What a long run under fire came to."""

from statistics import median
from typing import Any

from tests.bench.report import machine, table
from tests.bench.soak import SoakReport

MIB = 2**20


def lines(report: SoakReport) -> list[str]:
    wish, clean = report.wish, report.reconciled == "clean"
    behind = sorted(look.behind for look in report.looks)
    return [
        f"{wish.complaints:,} complaints at {wish.rate:g} a second, a service chosen by chance killed every"
        f" {wish.kill_every:g} s: {sum(report.kills.values())} deaths.",
        "",
        f"* **{report.closed:,} closed**, {report.dead_letters} dead letters, {len(report.left)} left waiting;"
        f" reconciled: {'clean' if clean else 'NOT CLEAN'}",
        f"* behind: half of the time {behind[len(behind) // 2] if behind else 0} records or fewer, at most"
        f" {behind[-1] if behind else 0}; {report.slope('', 'behind'):+,.0f} an hour",
        "",
        *table(
            ("process", "deaths", "MiB, median", "MiB an hour", "descriptors, median", "descriptors an hour"),
            [_row(report, name) for name in _names(report)],
        ),
        *(() if clean else ("", "```", report.reconciled, "```")),
    ]


def as_json(report: SoakReport) -> dict[str, Any]:
    return {
        "complaints": report.wish.complaints,
        "closed": report.closed,
        "dead_letters": report.dead_letters,
        "left": list(report.left),
        "reconciled": report.reconciled,
        "behind_per_hour": round(report.slope("", "behind"), 1),
        "processes": {
            name: {
                "kills": report.kills.get(name, 0),
                "rss_mib_per_hour": round(report.slope(name, "rss") / MIB, 2),
                "descriptors_per_hour": round(report.slope(name, "descriptors"), 2),
            }
            for name in _names(report)
        },
        "machine": machine(),
    }


def _names(report: SoakReport) -> list[str]:
    return list(dict.fromkeys(name for look in report.looks for name in look.rss))


def _row(report: SoakReport, name: str) -> tuple[str, ...]:
    rss = [look.rss[name] / MIB for look in report.looks if name in look.rss]
    descriptors = [look.descriptors[name] for look in report.looks if name in look.rss]
    return (
        name,
        str(report.kills.get(name, 0)),
        f"{median(rss):.0f}",
        f"{report.slope(name, 'rss') / MIB:+.1f}",
        f"{median(descriptors):.0f}",
        f"{report.slope(name, 'descriptors'):+.1f}",
    )
