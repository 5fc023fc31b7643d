"""The life of a work order for people: each step with when, who, what came of it and what caused it."""

from collections.abc import Iterable

import click

from shared.cli.output import Row, words
from shared.events.catalogue import WireType


def print_timeline(steps: Iterable[Row]) -> None:
    for step in steps:
        actor = step["actor"]
        click.echo()
        click.echo(f"{step['version']:>3}  {step['at']}  {words(step['status'])}  by {words(_who(actor))}")
        if step["occurred_at"] not in (None, step["at"]):
            click.echo(f"     said to have happened {step['occurred_at']}")
        for event in step["events"]:
            click.echo(f"     {event['sequence']:>3} {_name(event['type'])}  {words(_said(event['change']))}")
        if refusal := step.get("refusal"):
            click.echo(f"     refused: {refusal['code']}  {words(refusal['detail'])}")
        click.echo(f"     because of {words(step['cause']['source'])}  {words(step['cause']['id'])}")


def _who(actor: Row) -> str:
    return f"{actor['kind']} {actor['id']}" + (f" of {actor['org']}" if actor["org"] else "")


def _name(wire_type: str) -> str:
    parsed = WireType.parse(wire_type)
    return parsed.name.partition(".")[2] if parsed else wire_type


def _said(change: Row) -> Row:
    return {name: value for name, value in change.items() if value not in (None, [], {}, "")}
