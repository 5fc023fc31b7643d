"""`sla explain`: why a clock is due when it is, interval by interval."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from shared.cli.client import Client, language
from shared.cli.endpoints import find_endpoints
from shared.cli.failure import NotFound
from shared.cli.orders import ORDERS, READER, order_id_of
from shared.cli.output import plain, print_json, print_line


def show_explanation(order: str, kind: str, wanted: Mapping[str, Any], svg: Path | None, output: str) -> None:
    """`wanted`: the clock's number and the language, where they were given. Raises CommandFailed."""
    query = {"language": language()} | {name: value for name, value in wanted.items() if value is not None}
    with Client(find_endpoints(), READER) as client:
        order_id = order_id_of(client, order)
        path = f"{ORDERS}/{order_id}/clocks"
        try:
            explanation = client.get("escalation", f"{path}/{kind}/explain", query)
        except NotFound:
            raise _no_such_clock(client.get("escalation", path, {"limit": 200})["items"], order_id) from None
        if svg is not None:
            picture = client.text("escalation", f"{path}/{kind}/explain", query | {"format": "svg"})
            svg.write_text(picture, encoding="utf-8")
            click.echo(f"wrote {svg}", err=True)
    if output == "json":
        print_json(explanation)
    elif output == "jsonl":
        print_line(explanation)
    else:
        click.echo("\n".join(map(plain, explanation["text"])))


def _no_such_clock(clocks: list[Mapping[str, Any]], order_id: str) -> NotFound:
    had = ", ".join(f"{clock['kind']} {clock['number']}" for clock in clocks) or "none yet"
    return NotFound(f"{order_id} has had no such clock", f"The clocks that it has had: {had}.")
