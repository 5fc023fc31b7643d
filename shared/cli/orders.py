"""`list` and `show`: work orders as the services tell them."""

import re
from typing import Any

import click

from shared.cli.client import Client
from shared.cli.endpoints import find_endpoints
from shared.cli.failure import NotFound
from shared.cli.output import Columns, Row, output_option, print_json, show_fields, show_rows
from shared.cli.timeline import print_timeline
from shared.kernel.ids import COMPLAINT, WORK_ORDER, sibling

READER = ("auditor",)
ORDERS = "/v1/work-orders"
MOST_STEPS = 10_000


ENDED = frozenset({"closed", "archived", "cancelled", "merged", "voided"})


def next_clock(order: Row) -> Row | None:
    """The running clock that is due first; none runs in an ended order, though the copy shown may lag a moment."""
    if order["status"] in ENDED:
        return None
    running = [clock for clock in order["clocks"] if clock["state"] == "running" and clock["due_at"]]
    return min(running, key=lambda clock: str(clock["due_at"]), default=None)


def _due(order: Row) -> str | None:
    clock = next_clock(order)
    return None if clock is None else f"{clock['kind']} {clock['due_at']}"


def _breached(order: Row) -> list[str]:
    return sorted({clock["kind"] for clock in order["clocks"] if clock["breached"]})


LISTED: Columns = {
    "id": "id",
    "number": "number",
    "status": "status",
    "cycle": "cycle",
    "priority": "priority",
    "team": "team",
    "assignee": "assignee",
    "next due": _due,
    "breached": _breached,
    "subject": "subject",
}
SHOWN: Columns = {
    **LISTED,
    "complaint": "complaint_id",
    "version": "version",
    "category": "category",
    "tier": "tier",
    "region": "region",
    "channel": "channel",
    "customer": "customer_id",
    "received": "received_at",
    "updated": "updated_at",
    "level": "escalation_level",
    "flags": "flags",
    "counts": "counts",
    "route": "route",
    "resolution": "resolution",
    "satisfaction": "satisfaction",
    "closed as": "closed_as",
}
COMPLAINT_SHOWN: Columns = {
    **{name: name for name in ("id", "number", "status", "source", "external_id", "channel", "category", "priority")},
    **{name: name for name in ("subject", "description", "customer", "received_at", "work_order_id", "outcome")},
}


@click.command("list")
@click.option("--status", help="Or several, with commas between; the same for the next four.")
@click.option("--team")
@click.option("--assignee")
@click.option("--priority", help="P1 (highest) to P4.")
@click.option("--tier", help="platinum, gold, silver, standard.")
@click.option("--category", help="With everything below it.")
@click.option("--region", help="With everything below it.")
@click.option("--due-before", metavar="RFC3339", help="A running clock is due before.")
@click.option("--breached/--not-breached", default=None, help="Whether a clock has breached.")
@click.option("-q", "--q", metavar="TEXT", help="Part of number, customer or subject.")
@click.option("--sort", help="created_at, updated_at, received_at or priority; - before it: descending.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@click.option("--cursor", help="Go on after an earlier list.")
@output_option
def list_orders(output: str, limit: int, **filters: Any) -> None:
    """List work orders, the newest first."""
    asked = {name: value for name, value in filters.items() if value is not None}
    with Client(find_endpoints(), READER) as client:
        orders, cursor = client.page("workflow", ORDERS, asked, limit)
    show_rows(orders, LISTED, output, next_cursor=cursor)
    if cursor is not None and output != "json":
        click.echo(f"there are more: --cursor {cursor}", err=True)


@click.command()
@click.argument("order", metavar="ID")
@click.option("--timeline", is_flag=True, help="Every step, with who did it and what caused it.")
@output_option
def show(order: str, timeline: bool, output: str) -> None:
    """Show one work order. ID: wo_…, the complaint's cmp_…, or the number that people are told."""
    with Client(find_endpoints(), READER) as client:
        order_id = order_id_of(client, order)
        try:
            found = client.get("workflow", f"{ORDERS}/{order_id}")
        except NotFound:
            # A complaint that was not admitted has no order; one just received has none yet.
            _show_complaint(client, sibling(order_id, COMPLAINT), output)
            return
        steps = client.page("workflow", f"{ORDERS}/{order_id}/timeline", {}, MOST_STEPS)[0] if timeline else []
    if timeline and output == "json":
        print_json({**found, "timeline": steps})
    elif timeline and output == "jsonl":
        show_rows(steps, {}, output)
    else:
        show_fields(found, SHOWN, output)
    if output == "table":
        _show_clocks(found["clocks"])
        print_timeline(steps)


def order_id_of(client: Client, given: str) -> str:
    """The work order that a person means: by its id, by its complaint's, or by number. Raises NotFound."""
    if re.fullmatch(rf"({WORK_ORDER}|{COMPLAINT})[0-9a-f]{{32}}", given):
        return sibling(given, WORK_ORDER)
    found, _ = client.page("workflow", ORDERS, {"q": given}, 50)
    ids: list[str] = [order["id"] for order in found if order["number"] == given.upper()]
    if not ids:
        raise NotFound(
            f"there is no work order {given[:50]}", "Give wo_…, cmp_… or a number such as C20260302ABCDEFGH."
        )
    return ids[0]


def _show_complaint(client: Client, complaint_id: str, output: str) -> None:
    try:
        found = client.get("intake", f"/v1/complaints/{complaint_id}")
    except NotFound:
        raise NotFound(f"there is no work order and no complaint {complaint_id.partition('_')[2]}") from None
    click.echo("this complaint has no work order", err=True)
    show_fields(found, COMPLAINT_SHOWN, output)


def _show_clocks(clocks: list[Row]) -> None:
    if clocks:
        click.echo()
        names = ("kind", "state", "started_at", "due_at", "elapsed_seconds", "remaining_seconds", "breached")
        show_rows(clocks, {name.removesuffix("_at").replace("_", " "): name for name in names}, "table")
