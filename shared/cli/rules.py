"""What `policy` and `calendar` share: files checked without a server, drafts and versions over HTTP."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import yaml

from shared.cli.client import Client
from shared.cli.endpoints import Endpoints, find_endpoints
from shared.cli.failure import CommandFailed, NotFound, WrongUsage
from shared.cli.installation import CHECKOUT
from shared.cli.output import Columns, output_option, show_fields, show_rows

SERVICE = "escalation"
WRITER = ("admin",)
CHECKER = "services.escalation.check"  # the service's own: it knows what a policy is
POLICIES_VARIABLE = "CLOSEDLOOP_ESCALATION__POLICIES"
YAML = "text/yaml"


def policies_folder() -> Path:
    """The folder that a service started from here would read."""
    named = Path(os.environ.get(POLICIES_VARIABLE, "deploy/policies"))
    return named if named.is_absolute() or named.is_dir() else CHECKOUT / named


def checked_files(paths: Sequence[Path], *options: str) -> dict[str, Any]:
    """What the service's checker says of files and folders. Raises CommandFailed when it cannot run."""
    places = [str(path.absolute()) for path in paths]
    command = [sys.executable, "-m", CHECKER, *options, "--", *places]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise CommandFailed("the checker failed", done.stderr.strip()) from None
    return found


def years_of_system(endpoints: Endpoints, year: int | None, name: str | None, draft: bool = False) -> list[Any]:
    """A year of a calendar, or of all; of the present year if None. Raises CommandFailed."""
    with Client(endpoints, WRITER) as client:
        names = [name]
        if name is None:
            items, _ = client.page(SERVICE, collection_path("calendar"), {}, 10_000)
            names = sorted({one["id"] for one in items if one["state"] == ("draft" if draft else "published")})
        query = {"draft": "true"} if draft else {}
        asked = time.gmtime().tm_year if year is None else year
        return [client.get(SERVICE, f"{rule_path('calendar', str(one))}/years/{asked}", query) for one in names]


def coverages(running: bool) -> list[Any]:
    """How long each calendar in force is known: of the running system, else of the files. Raises CommandFailed."""
    if not running:
        found = checked_files((policies_folder(),))
        if found["faults"]:
            raise CommandFailed(f"{len(found['faults'])} faults in the policies and calendars")
        return list(found["calendars"])
    return [{**one, "id": one["calendar"]} for one in years_of_system(find_endpoints(), None, None)]


def as_file(text: str) -> Path | None:
    """The file that is meant, None where `text` is an id."""
    path = Path(text)
    if path.is_file():
        return path
    if path.suffix in (".yaml", ".yml", ".json") or "/" in text:
        raise WrongUsage(f"there is no file {text}")
    return None


def id_in(file: Path, kind: str) -> str:
    """The id that the document in the file gives itself. Raises WrongUsage."""
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise WrongUsage(f"{file} cannot be read: {error}") from None
    if not isinstance(found, dict) or not isinstance(found.get("id"), str) or found.get("kind", kind) != kind:
        raise WrongUsage(f"{file} is no {kind} with an id")
    return str(found["id"])


def collection_path(kind: str) -> str:
    return f"/v1/{'policies' if kind == 'policy' else 'calendars'}"


def rule_path(kind: str, name: str) -> str:
    return f"{collection_path(kind)}/{name}"


def save_draft(client: Client, kind: str, file: Path) -> dict[str, Any]:
    """Makes the file the draft of the policy or calendar that it names. Raises CommandFailed."""
    path = rule_path(kind, id_in(file, kind))
    headers = {"Content-Type": YAML, **_if_match(_revision(client, path))}
    saved: dict[str, Any] = client.send("PUT", SERVICE, path, file.read_bytes(), headers)
    return saved


def publish(client: Client, kind: str, meant: str, effective: str | None) -> dict[str, Any]:
    """Publishes the draft of an id, or a file as a draft first. Answers the version. Raises CommandFailed."""
    file = as_file(meant)
    path = rule_path(kind, meant if file is None else id_in(file, kind))
    rule = save_draft(client, kind, file) if file is not None else client.get(SERVICE, path)
    if rule["draft"] is None:
        raise NotFound(f"{meant} has no draft", f"Give a file, or save a draft with PUT {path}.")
    body = {} if effective is None else {"effective_at": effective}
    headers = {"Content-Type": "application/json", **_if_match(rule["revision"])}
    done = client.send("POST", SERVICE, f"{path}:publish", json.dumps(body).encode(), headers)
    version: dict[str, Any] = done["versions"][-1]
    return version


def preview(client: Client, kind: str, meant: str) -> dict[str, Any]:
    """What the draft of an id, or a file, would change if it were in force now. Raises CommandFailed."""
    file = as_file(meant)
    path = rule_path(kind, meant if file is None else id_in(file, kind))
    content, headers = (b"", {}) if file is None else (file.read_bytes(), {"Content-Type": YAML})
    found: dict[str, Any] = client.send("POST", SERVICE, f"{path}:preview", content, headers)
    return found


def import_year(client: Client, name: str, year: int, content: bytes, media_type: str | None) -> dict[str, Any]:
    """The draft after the import. Raises CommandFailed."""
    path = rule_path("calendar", name)
    headers = {**({} if media_type is None else {"Content-Type": media_type}), **_if_match(_revision(client, path))}
    done: dict[str, Any] = client.send("POST", SERVICE, f"{path}:import?year={year}", content, headers)
    return done


def _revision(client: Client, path: str) -> int | None:
    try:
        found: dict[str, Any] = client.get(SERVICE, path)
    except NotFound:
        return None
    revision: int = found["revision"]
    return revision


def _if_match(revision: int | None) -> Mapping[str, str]:
    return {"If-None-Match": "*"} if revision is None else {"If-Match": f'"{revision}"'}


def listing(kind: str, columns: Columns) -> click.Command:
    """`list`, the same for policies and calendars."""

    @click.command("list", help="List every version, and the drafts.")
    @output_option
    def list_rules(output: str) -> None:
        with Client(find_endpoints(), WRITER) as client:
            items, _ = client.page(SERVICE, collection_path(kind), {}, 10_000)
        show_rows(items, columns, output)

    return list_rules


def showing(kind: str, columns: Columns) -> click.Command:
    """`show`, the same for policies and calendars."""

    @click.command("show", help=f"Show one {kind} with its versions and its draft; -o json shows it whole.")
    @click.argument("name", metavar="ID")
    @output_option
    def show(name: str, output: str) -> None:
        with Client(find_endpoints(), WRITER) as client:
            show_fields(client.get(SERVICE, rule_path(kind, name)), columns, output)

    return show
