"""`closedloop test`: the style, the types and every test, as continuous integration runs them."""

import os
import subprocess
import sys
import time

import click

from shared.cli.installation import CHECKOUT

STYLE_AND_TYPES = (
    ("style", ("ruff", "check", ".")),
    ("format", ("ruff", "format", "--check", ".")),
    ("types", ("mypy",)),
)
AT_ONCE = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
"""Two processes, each with servers of its own: most of the time is waiting. The long files come first."""


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PYTEST ARGUMENTS]...")
def test(arguments: tuple[str, ...]) -> None:
    """Run style, types and all tests; with arguments, pytest alone with these."""
    steps = [] if arguments else list(STYLE_AND_TYPES)
    steps.append(("tests", ("pytest", "--durations=15", *(arguments or AT_ONCE))))
    failed = [name for name, command in steps if not _run(name, command)]
    if failed:
        click.echo(f"failed: {', '.join(failed)}", err=True)
        sys.exit(1)


def _run(name: str, command: tuple[str, ...]) -> bool:
    began = time.monotonic()
    click.echo(f"── {name}", err=True)
    # Settings of the person's own installation must not leak into the tests.
    kept = {"CLOSEDLOOP_CACHE_DIR", "CLOSEDLOOP_TEST_STACK"}
    env = {key: value for key, value in os.environ.items() if not key.startswith("CLOSEDLOOP_") or key in kept}
    done = subprocess.run([sys.executable, "-m", *command], cwd=CHECKOUT, env=env, check=False)  # noqa: S603 - the tools of our own environment
    click.echo(f"── {name}: {'ok' if not done.returncode else 'failed'}, {time.monotonic() - began:.1f} s", err=True)
    return not done.returncode
