"""`dlq …`: looks at dead letters (死信) and sends them back to where they came from (重投)."""

import asyncio
from collections.abc import Sequence
from typing import Any

import click

from shared.cli.endpoints import Endpoints, find_endpoints
from shared.cli.failure import Conflict, NotFound
from shared.cli.installation import SERVICES
from shared.cli.output import Columns, output_option, show_fields, show_rows
from shared.cli.redriving import Redriving, all_letters, letter_json, letter_whole, parked_rows, redrive, redriven
from shared.messaging.dead_letters import Letter

LISTED: Columns = {
    **{name: name for name in ("id", "service", "reason", "detail", "origin", "at", "attempts", "redriven")},
    "type": "type",
    "source": "source",
}
SHOWN: Columns = {**LISTED, "key": "key", "headers": "headers", "value": "value", "value (base64)": "value_base64"}
PARKED: Columns = {
    name.replace("_", " "): name
    for name in ("place", "service", "binding", "reason", "detail", "aggregate", "parked_at", "tries", "cause")
}
SENT: Columns = {name: name for name in ("id", "reason", "to", "key", "bytes", "attempts")}

of_service = click.option("--service", type=click.Choice(SERVICES), help="Only those of one service.")
of_reason = click.option("--reason", help="Only those with this reason.")


@click.group()
def dlq() -> None:
    """Look at dead letters and send them back."""


@dlq.command("list")
@of_service
@of_reason
@click.option("--parked", is_flag=True, help="The records that wait, instead of those that were given up.")
@output_option
def list_letters(service: str | None, reason: str | None, parked: bool, output: str) -> None:
    """List dead letters, the oldest first: why, where from, when, how often tried."""
    endpoints = find_endpoints()
    services = SERVICES if service is None else (service,)
    if parked:
        waiting = asyncio.run(parked_rows(endpoints, services, reason))
        show_rows(waiting, PARKED, output)
        return
    letters, done = asyncio.run(_letters(endpoints, services))
    show_rows([letter_json(one, done) for one in letters if reason in (None, one.reason)], LISTED, output)


@dlq.command("show")
@click.argument("letter", metavar="ID")
@output_option
def show_letter(letter: str, output: str) -> None:
    """Show one dead letter whole, with its headers and its value."""
    endpoints = find_endpoints()
    letters, done = asyncio.run(_letters(endpoints, SERVICES))
    (found,) = _chosen(letters, (letter,))
    show_fields({**letter_json(found, done), **letter_whole(found)}, SHOWN, output)


@dlq.command("redrive")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@of_service
@of_reason
@click.option("--dry-run", is_flag=True, help="Only show what would be sent.")
@click.option("--force", is_flag=True, help="Also what was redriven before.")
@output_option
def redrive_letters(
    ids: tuple[str, ...], service: str | None, reason: str | None, dry_run: bool, force: bool, output: str
) -> None:
    """Send dead letters back to where they came from; without IDs, all that the options leave.

    Mend the cause first: what still cannot be used comes back as a new dead letter, with one attempt more. A letter
    is redriven once, and a consumer applies a record once, however often it comes.
    """
    endpoints = find_endpoints()
    letters, done = asyncio.run(_letters(endpoints, SERVICES if service is None else (service,)))
    asked = [one for one in _chosen(letters, ids) if reason in (None, one.reason)]
    wanted = [one for one in asked if force or one.id not in done]
    if ids and len(wanted) < len(asked):
        earlier = ", ".join(one.id for one in asked if one.id in done)
        raise Conflict(f"redriven before: {earlier}", "--force sends it again.")
    sent = Redriving() if dry_run else asyncio.run(redrive(endpoints, wanted))
    rows = [_sent_json(one) for one in wanted if one.id not in sent.refused]
    show_rows(rows, SENT, output)
    click.echo(f"{len(rows)} {'would be sent' if dry_run else 'sent'}{_left_out(asked, wanted)}", err=True)
    for place, why in sent.refused.items():
        click.echo(f"Error: {place} cannot be sent: {why}", err=True)
    if sent.refused:
        raise click.exceptions.Exit(1)


async def _letters(endpoints: Endpoints, services: Sequence[str]) -> tuple[list[Letter], set[str]]:
    return await all_letters(endpoints, services), await redriven(endpoints, services)


def _chosen(letters: Sequence[Letter], ids: Sequence[str]) -> list[Letter]:
    """Raises NotFound."""
    there = {one.id for one in letters}
    if missing := [one for one in ids if one not in there]:
        raise NotFound(
            f"there is no dead letter {', '.join(missing)}", "`./closedloop dlq list` tells which there are."
        )
    return [one for one in letters if not ids or one.id in ids]


def _sent_json(letter: Letter) -> dict[str, Any]:
    key = letter.record.key
    return {
        "id": letter.id,
        "reason": letter.reason,
        "to": letter.topic,
        "key": None if key is None else key.decode(errors="replace"),
        "bytes": len(letter.record.value or b""),
        "attempts": letter.attempts,
    }


def _left_out(asked: Sequence[Letter], wanted: Sequence[Letter]) -> str:
    number = len(asked) - len(wanted)
    return f", {number} redriven before (--force sends them again)" if number else ""
