"""`demo`: plays the scripted day on the running demo, or goes on with it, and shows what came of it."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from shared.cli.failure import DependencyDown
from shared.cli.installation import find_installation

START_SECONDS = 120.0
OUTPUT = click.Choice(["table", "json"])


@click.command()
@click.option("-o", "--output", type=OUTPUT, default="table", show_default=True, help="How to show what came of it.")
def demo(output: str) -> None:
    """Play the scripted day on the running demo from where it was left, and show what came of it."""
    from deploy.local.process import wait_until
    from shared.cli.condition import condition

    installation = find_installation(demo=True)
    wait_until(lambda: condition(installation)["state"] != "starting", START_SECONDS)
    found = condition(installation)
    if found["state"] in {"stopped", "starting"}:
        raise DependencyDown(f"the demo is {found['state']}", "Start it with `./closedloop up --demo`.")
    if not run_demo(installation.state_dir, found, output):
        sys.exit(1)


def run_demo(state_dir: Path, condition: Mapping[str, Any], output: str = "table") -> bool:
    """Plays what is left of the day and shows the table; False where it stopped, after saying why on stderr."""
    from deploy.demo.player import DemoStopped, play_day, reconcile
    from deploy.demo.table import show
    from deploy.local.progress import Progress

    try:
        with Progress() as progress:
            ledger = asyncio.run(play_day(state_dir, condition, progress))
            progress.turn_to("reconciling")
            verdict = asyncio.run(reconcile(state_dir))
    except DemoStopped as error:
        click.echo(f"the demo stopped: {error}", err=True)
        click.echo("`./closedloop logs` may tell why; `./closedloop demo` goes on from this step.", err=True)
        return False
    if output == "json":
        click.echo(json.dumps({**ledger, "reconcile": verdict}, ensure_ascii=False, indent=1))
    else:
        show(ledger, verdict, condition, os.environ.get("CLOSEDLOOP_TOPIC_PREFIX", "closedloop."))
    return True
