"""`policy|calendar simulate` and `migrate`: both start a job of escalation and wait for what it comes to."""

import json
import time
from typing import Any

import click
import yaml

from shared.cli.client import Client
from shared.cli.endpoints import find_endpoints
from shared.cli.failure import CommandFailed
from shared.cli.output import Columns, output_option, print_json, show_fields, show_rows
from shared.cli.rules import SERVICE, WRITER, as_file, id_in, rule_path

LOOK_SECONDS = 0.5
ATTAINED: Columns = {
    "clock": "kind",
    "before": lambda row: _attained(row["before"]),
    "after": lambda row: _attained(row["after"]),
    "met → missed": "met_to_missed",
    "missed → met": "missed_to_met",
}
FIRED: Columns = {name: name for name in ("kind", "rung", "before", "after")}
MIGRATED: Columns = {
    name: name for name in ("rule", "version", "orders", "changed", "unchanged", "refused", "clocks")
}


def simulate(kind: str) -> click.Command:
    """The command for policies, or for calendars."""

    @click.command("simulate")
    @click.argument("meant", metavar="ID|FILE")
    @click.option("--from", "since", required=True, metavar="RFC3339", help="Orders received from then on …")
    @click.option("--to", required=True, metavar="RFC3339", help="… and before then.")
    @click.option("--version", type=click.IntRange(min=1), help="A published version of ID, instead of its draft.")
    @click.option("--region", help="Only orders of this region and below.")
    @click.option("--team", help="Only orders that this team has.")
    @click.option("--category", help="Only orders of this category and below.")
    @output_option
    def command(meant: str, since: str, to: str, version: int | None, output: str, **filters: str | None) -> None:
        """Try a draft, a version or a file on the history of orders: attainment, flips, notices before and after."""
        wanted = {name: value for name, value in filters.items() if value is not None}
        body = {kind: _tried(kind, meant, version), "from": since, "to": to, "filters": wanted}
        with Client(find_endpoints(), WRITER) as client:
            result = _awaited(client, client.post(SERVICE, "/v1/simulations", body))
        if output == "json":
            print_json(result)
            return
        show_rows(result["clocks"], ATTAINED, output)
        if output == "table":
            click.echo("")
            show_rows(result["notices"], FIRED, output)
            _tell(result)

    return command


def migrate(kind: str) -> click.Command:
    @click.command("migrate")
    @click.argument("name", metavar="ID")
    @click.option("--version", required=True, type=click.IntRange(min=1), help="The version, which is in force.")
    @click.option("--reason", required=True, help="Why; the log of every order keeps it.")
    @click.option("--kind", "kinds", multiple=True, help="Only clocks of this kind; may be repeated.")
    @output_option
    def command(name: str, version: int, reason: str, kinds: tuple[str, ...], output: str) -> None:
        """Take the clocks of open orders over to a published version; preview it first."""
        body = {"version": version, "reason": reason, **({"kinds": list(kinds)} if kinds else {})}
        with Client(find_endpoints(), WRITER) as client:
            result = _awaited(client, client.post(SERVICE, f"{rule_path(kind, name)}:migrate", body))
        show_fields(result, MIGRATED, output)

    return command


def _tried(kind: str, meant: str, version: int | None) -> dict[str, Any]:
    file = as_file(meant)
    if file is None:
        return {"id": meant, "draft": True} if version is None else {"id": meant, "version": version}
    name = id_in(file, kind)
    document = json.loads(json.dumps(yaml.safe_load(file.read_text(encoding="utf-8")), default=str))
    return {**{field: value for field, value in document.items() if field not in ("kind", "version")}, "id": name}


def _awaited(client: Client, job: Any) -> Any:
    """The result; a job goes on whether anybody waits or not. Raises CommandFailed."""
    click.echo(f"{job['id']}", err=True)
    told = None
    while job["ended_at"] is None:
        time.sleep(LOOK_SECONDS)
        job = client.get(SERVICE, f"/v1/jobs/{job['id']}")
        progress = f"{job['progress']['done']} of {job['progress']['total'] or '?'} orders"
        if progress != told:
            click.echo(progress, err=True)
            told = progress
    if job["state"] != "done":
        error = job["error"] or {}
        raise CommandFailed(
            f"the job is {job['state']}: {error.get('code', '')} {error.get('detail', '')}".strip(": ")
        )
    return job["result"]


def _attained(side: dict[str, Any]) -> str:
    share = "–" if side["attainment"] is None else f"{side['attainment']:.2%}"
    return f"{share} ({side['met']}/{side['counted']})"


def _tell(result: Any) -> None:
    for name, flips in result["flips"].items():
        click.echo(f"{name.replace('_', ' ')}: {flips['clocks']} clocks of {flips['orders']} orders", err=True)
    for why, number in result["orders"]["left_out"].items():
        click.echo(f"left out, {why.replace('_', ' ')}: {number}", err=True)
