"""`report`: the figures of a report as a table that people can read, or as JSON or CSV."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click

from shared.cli.client import Client, language
from shared.cli.endpoints import find_endpoints
from shared.cli.output import NOTHING, Row, print_json, print_table, words

READER = ("auditor",)
ATTAINMENT = "/v1/reports/attainment"
HOUR = 3_600
Labels = Mapping[str, Mapping[str, str]]


@click.group()
def report() -> None:
    """Reports over all orders."""


@report.command()
@click.option("--from", "since", metavar="DATE|RFC3339", help="Due from. Default: 30 days before --to.")
@click.option("--to", "until", metavar="DATE|RFC3339", help="Due before. Default: the end of today.")
@click.option(
    "--group-by",
    metavar="NAMES",
    help="kind, team, region, category, priority, tier, cycle, day, week or month; up to 3 with commas between.",
)
@click.option("--kind", help="Of clock; or several, with commas between; the same for the next three.")
@click.option("--team")
@click.option("--priority", help="P1 (highest) to P4.")
@click.option("--tier", help="platinum, gold, silver, standard.")
@click.option("--category", help="With everything below it.")
@click.option("--region", help="With everything below it.")
@click.option("--zone", help="IANA time zone of dates. Default: Asia/Shanghai.")
@click.option("--language", "tongue", type=click.Choice(["zh", "en"]), help="Of headings. Default: the terminal's.")
@click.option("-o", "--output", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
def attainment(output: str, tongue: str | None, since: str | None, until: str | None, **filters: str | None) -> None:
    """How many clocks were met: met / (met + missed) by due date, with causes and pauses.

    Running and overdue counts as missed. Cancelled, merged and voided are left out and counted beside.
    """
    given = {"from": since, "to": until, **filters, "language": tongue or language()}
    asked = {name: value for name, value in given.items() if value is not None}
    with Client(find_endpoints(), READER) as client:
        if output == "csv":
            click.echo(client.text("workflow", ATTAINMENT, {**asked, "format": "csv"}), nl=False)
            return
        found = client.get("workflow", ATTAINMENT, {**asked, "format": "json"})
    if output == "json":
        print_json(found)
        return
    print_table(*table_of(found))
    click.echo(f"{found['from']} – {found['to']}. {found['method']}", err=True)


COLUMNS = ("attainment", "met", "missed", "overdue", "corrected", "causes", "pauses", "beside")


def table_of(found: Row) -> tuple[list[str], list[list[str]]]:
    """Headings and rows, the whole last."""
    labels: Labels = found["labels"]
    headings = [labels["figures"][name] for name in (*found["group_by"], *COLUMNS)]
    total = [labels["figures"]["total"], *[""] * (len(found["group_by"]) - 1)]
    rows = [
        [*(_group(name, value, labels) for name, value in item["group"].items()), *_cells(item, labels)]
        for item in found["items"]
    ]
    return headings, [*rows, [*total, *_cells(found["total"], labels)]]


def _group(name: str, value: Any, labels: Labels) -> str:
    return labels["kinds"].get(value, value) if name == "kind" else words(value)


def _cells(item: Row, labels: Labels) -> Iterator[str]:
    met = item["attainment"]
    share = NOTHING if met["ratio"] is None else f"{met['ratio']:.1%}"
    yield f"{share} ({met['numerator']}/{met['denominator']})"
    yield from (words(one["numerator"]) for one in (met, item["missed"], item["overdue"], item["corrected"]))
    named = labels["figures"]
    yield _list_of(item["causes"], named, str)
    yield _list_of(item["pauses"], named, lambda seconds: f"{seconds / HOUR:.1f} {named['hours']}")
    yield _list_of(item["beside"], named, str)


def _list_of(figures: Row, named: Mapping[str, str], shown: Callable[[int], str]) -> str:
    """What there is any of, as `name number`."""
    parts = [f"{words(named.get(name, name))} {shown(one['numerator'])}" for name, one in figures.items()]
    counted = [one["numerator"] for one in figures.values()]
    return ", ".join(part for part, number in zip(parts, counted, strict=True) if number) or NOTHING
