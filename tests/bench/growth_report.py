"""Costs beside the number of open orders; flat is what they should be."""

from collections.abc import Sequence
from typing import Any

from tests.bench.growth import PAGES, Size
from tests.bench.report import machine, ours, table


def lines(sizes: Sequence[Size]) -> list[str]:
    first, last = sizes[0], sizes[-1]
    return [
        f"{first.loop.wish.complaints} complete complaints beside so many open orders (projections of one, copied);"
        f" first pages of lists, {PAGES} times each.",
        "",
        f"* from {first.open_orders:,} to {last.open_orders:,} open orders a complaint costs"
        f" **{_all(last) / _all(first):.2f} times** as much CPU in all processes,"
        f" {ours(last.loop) / ours(first.loop):.2f} times in the four services",
        "",
        *table(
            ("open orders", "CPU ms a complaint", "of it services", "mongod", "closed a second"),
            [_costs(one) for one in sizes],
        ),
        "",
        *table(
            ("list, p50 / p99 ms", *(f"{one.open_orders:,}" for one in sizes)),
            [
                (name, *(f"{one.pages[name][50]:.1f} / {one.pages[name][99]:.1f}" for one in sizes))
                for name in first.pages
            ],
        ),
    ]


def as_json(sizes: Sequence[Size]) -> dict[str, Any]:
    return {
        "sizes": [
            {
                "open_orders": one.open_orders,
                "cpu_ms_per_complaint": {name: round(value, 3) for name, value in one.loop.cpu_ms.items()},
                "closed_per_second": round(one.loop.closed_per_second, 2),
                "pages_ms": {
                    name: {f"p{percentile}": round(value, 2) for percentile, value in took.items()}
                    for name, took in one.pages.items()
                },
            }
            for one in sizes
        ],
        "machine": machine(),
    }


def _all(size: Size) -> float:
    return sum(size.loop.cpu_ms.values())


def _costs(size: Size) -> tuple[str, ...]:
    mongod = sum(value for name, value in size.loop.cpu_ms.items() if name.startswith("mongod"))
    figures = (_all(size), ours(size.loop), mongod, size.loop.closed_per_second)
    return (f"{size.open_orders:,}", *(f"{value:.1f}" for value in figures))
