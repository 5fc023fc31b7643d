"""The demo's end as a person reads it: what came in, where it went, what was delivered, what to try next."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from deploy.demo.office import Json
from shared.cli.output import print_table

TOPICS = {
    "in": ("complaints.inbox", "customers.inbox", "workorders.inbox"),
    "out": ("complaints", "workorders", "sla", "notifications", "directory"),
    "dead letters": ("intake.dead-letters",),
}
LATE = "A-3001"
"""Of all the day's orders the one with the longest story."""


def show(ledger: Json, verdict: str, condition: Mapping[str, Any], prefix: str) -> None:
    """Prints it to stdout, so that it can be kept."""
    _show_came_in(ledger["came_in"])
    _section("Where the complaints went", ("outcome", "complaints"), ledger["complaints"])
    _section("Where the work orders went", ("order", "orders"), ledger["orders"])
    _section("Clocks that were breached", ("clock", "times"), ledger["breaches"])
    _show_mails(ledger["mails"])
    _section("Webhooks that arrived", ("receiver", "event", "calls"), ledger["webhooks"])
    click.echo(f"\nWhat reconcile says\n{verdict}\n")
    click.echo(_next(ledger, condition, prefix))


def _show_came_in(entries: Sequence[Json]) -> None:
    shown = [{**one, "by": one["via"] + _times(one["copies"]), "from": one["source"]} for one in entries]
    _section("What came in", ("ref", "from", "channel", "by", "became"), shown)


def _times(copies: int) -> str:
    return f", sent {copies} times" if copies > 1 else ""


def _show_mails(entries: Sequence[Json]) -> None:
    shown = [{**one, "subject": _first(one["subjects"])} for one in entries]
    _section("Mails that arrived", ("to", "template", "mails", "subject"), shown)


def _first(subjects: Sequence[str]) -> str:
    return subjects[0] if len(subjects) == 1 else f"{subjects[0]}  (+{len(subjects) - 1})"


def _section(title: str, columns: Sequence[str], entries: Sequence[Json]) -> None:
    click.echo(f"\n{title}")
    print_table(columns, [[str(one[column]).strip() for column in columns] for one in entries])


def _next(ledger: Json, condition: Mapping[str, Any], prefix: str) -> str:
    late = next(one["order"] for one in ledger["came_in"] if one["ref"] == LATE)
    services = [f"  {name:<13} {service['url']}" for name, service in condition["services"].items()]
    topics = [f"  {way:<13} {', '.join(prefix + name for name in names)}" for way, names in TOPICS.items()]
    commands = [
        f"  ./closedloop show {late} --timeline",
        "  ./closedloop tail --from-beginning",
        "  ./closedloop clock advance 2h      # time stands still until you move it",
    ]
    return "\n".join(["Services", *services, "", "Topics", *topics, "", "Try next", *commands])
