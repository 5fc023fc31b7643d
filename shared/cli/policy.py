"""`policy …`: SLA policies 时限策略 checked as files, listed, shown and published."""

import sys
from pathlib import Path
from typing import Any

import click

from shared.cli.client import Client
from shared.cli.endpoints import find_endpoints
from shared.cli.output import Columns, output_option, print_json, print_line, show_fields, show_rows
from shared.cli.rules import WRITER, checked_files, listing, policies_folder, preview, publish, showing
from shared.cli.what_if import migrate, simulate

LISTED: Columns = {
    **{name: name for name in ("id", "version", "state", "rank", "match")},
    "clocks": lambda row: list(row["clocks"]),
    "effective": "effective_at",
    "published by": "published_by",
}
SHOWN: Columns = {
    **{name: name for name in ("kind", "id", "in_force", "revision")},
    "versions": lambda row: [f"{one['version']} from {one['effective_at']}" for one in row["versions"]],
    "draft": lambda row: row["draft"] and row["draft"]["version"],
    "problems": lambda row: row["draft"] and row["draft"]["problems"],
    "ambiguities": lambda row: row["draft"] and row["draft"]["ambiguities"],
}
CHECKED: Columns = {
    **{name: name for name in ("kind", "id", "version")},
    "in force": "in_force",
    **{name: name for name in ("rank", "match", "clocks")},
    "complete until": "complete_until",
}
PREVIEWED: Columns = {
    **{name: name for name in ("kind", "id", "version", "problems", "ambiguities")},
    "open orders": lambda row: row["preview"] and row["preview"]["open_orders"],
    "would change": lambda row: row["preview"] and row["preview"]["would_change"],
    "of examined": lambda row: row["preview"] and row["preview"]["examined"],
}
PREVIEWED_CLOCKS: Columns = {
    **{name: name for name in ("kind", "clocks", "earlier", "later", "unchanged", "unknown")},
    "median shift": lambda row: row["shift_seconds"] and f"{row['shift_seconds']['median'] / 3600:+.1f} h",
    "breached at once": "breached_at_once",
}
PUBLISHED: Columns = {name: name for name in ("id", "version", "effective_at", "published_at", "published_by")}


@click.group()
def policy() -> None:
    """SLA policies: which order gets which clocks and ladders. 时限策略。"""


@policy.command("check")
@click.argument("paths", nargs=-1, metavar="[FILE|FOLDER]...", type=click.Path(path_type=Path))
@output_option
def check(paths: tuple[Path, ...], output: str) -> None:
    """Check policies and calendars in files, without a server; exit 1 on faults.

    A folder is judged as a whole, as a start judges it; single files each by itself. Without PATH, the folder that
    the installation reads.
    """
    found = checked_files(paths or (policies_folder(),))
    if output == "json":
        print_json(found)
    elif output == "jsonl":
        for fault in found["faults"]:
            print_line(fault)
    else:
        show_rows(found["documents"], CHECKED, output)
        _tell(found)
    sys.exit(1 if found["faults"] else 0)


def _tell(found: dict[str, Any]) -> None:
    for fault in found["faults"]:
        click.echo(f"✗ {fault['text']}", err=True)
    for words in found["ambiguities"]:
        click.echo(f"! {words}", err=True)
    for one in found["calendars"]:
        if one["ends_soon"]:
            click.echo(f"! calendar {one['id']} v{one['version']} ends in {one['days_left']} days", err=True)


@policy.command("preview")
@click.argument("meant", metavar="ID|FILE")
@output_option
def preview_policy(meant: str, output: str) -> None:
    """Tell how many open orders a draft, or a file, would change if it were in force now, and how."""
    with Client(find_endpoints(), WRITER) as client:
        found = preview(client, "policy", meant)
    show_fields(found, PREVIEWED, output)
    if output == "table" and found["preview"] and found["preview"]["clocks"]:
        click.echo()
        show_rows(found["preview"]["clocks"], PREVIEWED_CLOCKS, output)
    sys.exit(1 if found["problems"] else 0)


@policy.command("publish")
@click.argument("meant", metavar="ID|FILE")
@click.option("--effective", metavar="RFC3339", help="When it takes effect. [default: in a minute]")
@output_option
def publish_policy(meant: str, effective: str | None, output: str) -> None:
    """Publish the draft of a policy, or a file as its next version. Running clocks keep the version they have."""
    with Client(find_endpoints(), WRITER) as client:
        show_fields(publish(client, "policy", meant, effective), PUBLISHED, output)


policy.add_command(simulate("policy"))
policy.add_command(migrate("policy"))
policy.add_command(listing("policy", LISTED))
policy.add_command(showing("policy", SHOWN))
