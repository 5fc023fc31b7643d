"""`token`: prints a token of the development installation, for trying things out by hand."""

import re
import sys

import click

from shared.cli.installation import find_installation
from shared.runtime.devkeys import sign
from shared.runtime.roles import ROLES

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Lifetime(click.ParamType[int]):
    """`90s`, `15m`, `24h` or `3d`, as seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = re.fullmatch(r"([1-9][0-9]{0,8})([smhd])", str(value))
        if match is None:
            self.fail("give a number and a unit: 90s, 15m, 24h or 3d", param, ctx)
        return int(match[1]) * UNITS[match[2]]


@click.command()
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice(ROLES), help="May be repeated.")
@click.option("--team", "teams", multiple=True, default=("*",), show_default=True, help="May be repeated.")
@click.option("--region", "regions", multiple=True, default=("*",), show_default=True, help="May be repeated.")
@click.option("--sub", help="Who the token is for. [default: dev-<first role>]")
@click.option("--ttl", type=Lifetime(), default="24h", show_default=True, help="How long it is valid.")
def token(
    roles: tuple[str, ...], teams: tuple[str, ...], regions: tuple[str, ...], sub: str | None, ttl: int
) -> None:
    """Print a token for the installation in the state directory (the token alone, on stdout)."""
    installation = find_installation()
    installation.create()
    signed = sign(installation.state_dir, sub or f"dev-{roles[0]}", roles, teams, regions, ttl)
    sys.stdout.write(signed + "\n")
