"""`act`: does something to a work order, in the role that may do it."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from shared.cli.arguments import arguments_of, read_json
from shared.cli.client import Client
from shared.cli.endpoints import Endpoints, find_endpoints
from shared.cli.failure import NotFound
from shared.cli.orders import LISTED, ORDERS, READER, order_id_of
from shared.cli.output import Columns, Row, output_option, show_fields, show_rows
from shared.runtime.roles import ROLES

PEOPLE = tuple(role for role in ROLES if role not in ("admin", "auditor", "system"))


class Roles(click.ParamType[tuple[str, ...]]):
    """One role, or several with commas between."""

    name = "role[,role]"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        given = tuple(str(value).split(","))
        if unknown := [role for role in given if role not in ROLES]:
            self.fail(f"{', '.join(unknown)}: must be among {', '.join(ROLES)}", param, ctx)
        return given


@click.command()
@click.argument("order", metavar="ID")
@click.argument("action", required=False)
@click.argument("arguments", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--json", "document", metavar="FILE", help="Arguments as a JSON object; - reads standard input.")
@click.option("--as", "roles", type=Roles(), help="Roles to act in. [default: the role that the action needs]")
@click.option("--sub", help="Who acts. [default: dev-<first role>]")
@output_option
def act(
    order: str,
    action: str | None,
    arguments: tuple[str, ...],
    document: str | None,
    roles: tuple[str, ...] | None,
    **given: Any,
) -> None:
    """Do ACTION to a work order; without ACTION, tell which there are.

    A value is read as the action's schema says; `remedy.kind=refund` names a field of a nested object.
    Every action also takes occurred_at, expected_version, command_id and note.
    """
    endpoints = find_endpoints()
    with Client(endpoints, roles or (READER if action else PEOPLE), given["sub"]) as client:
        order_id = order_id_of(client, order)
        known = client.get("workflow", f"{ORDERS}/{order_id}/actions")["items"]
    if action is None:
        show_rows(known, ACTIONS, given["output"])
        return
    wanted = _find(known, action)
    body = {**read_json(document), **arguments_of(arguments, wanted.get("arguments", ANYTHING))}
    answer = _perform(endpoints, order_id, wanted, body, (roles, given["sub"]))
    show_fields(answer, LISTED, given["output"])


def _perform(
    endpoints: Endpoints,
    order_id: str,
    action: Row,
    body: Mapping[str, Any],
    caller: tuple[Sequence[str] | None, str | None],
) -> Any:
    roles, sub = caller
    with Client(endpoints, roles or [_role_for(action)], sub) as client:
        return client.post("workflow", f"{ORDERS}/{order_id}/actions/{action['action']}", dict(body))


def _find(known: Sequence[Row], action: str) -> Row:
    for item in known:
        if item["action"] == action:
            return item
    from difflib import get_close_matches

    near = get_close_matches(action, [item["action"] for item in known], 1)
    hint = f"Did you mean {near[0]}?" if near else "`act ID` alone tells which there are."
    raise NotFound(f"there is no action {action[:50]}", hint)


def _role_for(action: Row) -> str:
    """A person's role where there is one: each duty then has a caller of its own, so that four eyes see the order."""
    roles: list[str] = action.get("roles", [])
    return next((role for role in PEOPLE if role in roles), roles[0] if roles else READER[0])


def _arguments(action: Row) -> str:
    schema = action.get("arguments", {})
    required = schema.get("required", [])
    own = [name for name in schema.get("properties", {}) if name not in OF_EVERY_ACTION]
    return " ".join(name if name in required else f"[{name}]" for name in own)


ANYTHING = {"additionalProperties": True}  # what an action takes that this version does not do yet
OF_EVERY_ACTION = ("occurred_at", "expected_version", "command_id", "note")
ACTIONS: Columns = {
    "action": "action",
    "allowed": "allowed",
    "why not": lambda row: " ".join(filter(None, (row.get("code"), row.get("detail")))),
    "roles": "roles",
    "arguments": _arguments,
}
