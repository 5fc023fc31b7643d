"""`closedloop doctor`: looks at everything that could keep the system from running and says what to do."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from shared.cli.failure import CommandFailed
from shared.cli.installation import Installation, find_installation

DISK_BYTES = 2 << 30
CLOCK_SLACK_SECONDS = 120


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `advice` is what to do when it is not well, or `warns` that it will not be."""

    what: str
    well: bool
    detail: str
    advice: str = ""
    warns: bool = False

    @property
    def sign(self) -> str:
        return "!" if self.well and self.warns else "✓" if self.well else "✗"


@click.command()
def doctor() -> None:
    """Check everything that could keep it from running; exit 1 when something is not well."""
    installation = find_installation()
    ill = 0
    for check in CHECKS:
        for finding in check(installation):
            click.echo(f"{finding.sign} {finding.what:<12} {finding.detail}")
            ill += not finding.well
            if finding.warns or not finding.well:
                click.echo(f"  → {finding.advice}")
    sys.exit(1 if ill else 0)


def _python(_installation: Installation) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer, remove .venv")


def _programs(_installation: Installation) -> Iterator[Finding]:
    from deploy.local.binaries import java_path, mongod_path, prove_runs
    from deploy.local.failure import UnsupportedPlatform

    for name, path, argument in (("mongod", mongod_path, "--version"), ("java", java_path, "-version")):
        try:
            yield Finding(name, True, prove_runs(path(), argument))
        except UnsupportedPlatform as problem:
            yield Finding(name, False, str(problem), problem.advice)


def _jars(_installation: Installation) -> Iterator[Finding]:
    from deploy.local import jars

    folder = jars.cache_dir() / "jars"
    damaged = [
        jar.artifact for jar in jars.read_lock() if jar.path_in(folder).exists() and not jars.is_intact(jar, folder)
    ]
    detail = f"{jars.missing()} to fetch at the next start, cache {folder}"
    if damaged:
        detail = f"damaged: {', '.join(damaged)}"
    yield Finding("kafka jars", not damaged, detail, f"the next start fetches them again, or remove {folder}")


def _disk(installation: Installation) -> Iterator[Finding]:
    folder = _existing(installation.state_dir)
    free = shutil.disk_usage(folder).free
    yield Finding("disk", free > DISK_BYTES, f"{free >> 20} MiB free in {folder}", "make room: at least 2 GiB")
    writable = os.access(folder, os.W_OK)
    yield Finding("state", writable, str(installation.state_dir), "choose another with CLOSEDLOOP_STATE_DIR")


def _existing(folder: Path) -> Path:
    return next(parent for parent in (folder, *folder.parents) if parent.exists())


def _ports(installation: Installation) -> Iterator[Finding]:
    from deploy.local.ports import is_free, kept_ports

    if installation.holder():
        return
    for name, port in kept_ports(installation.state_dir).items():
        if not is_free(port):
            advice = "the next start chooses another one; `./closedloop down` ends what an earlier run left"
            yield Finding("port", False, f"{port}, kept for {name}, is used by another program", advice)


def _running(installation: Installation) -> Iterator[Finding]:
    from deploy.local.health import listens
    from shared.cli.condition import condition, server_addresses

    found = condition(installation)
    holder = found["held_by"]
    if holder is None:
        left = _leftovers(installation)
        detail = f"left by an earlier run: {', '.join(left)}" if left else "not running"
        yield Finding("lock", not left, detail, "run `./closedloop down`")
        return
    yield Finding("lock", True, f"held by process {holder}, {found['state']}")
    advice = "`./closedloop logs kafka-1 mongod-1` tells why; `up` starts what ended again by itself"
    for address in server_addresses(found):
        yield Finding("server", listens(address), address, advice)
    for name, service in found["services"].items():
        detail = service["url"] or "not started"
        yield Finding(name, service["ready"], detail, f"`./closedloop logs {name}` tells why")


def _leftovers(installation: Installation) -> list[str]:
    from shared.cli.condition import pid_of

    records = (installation.state_dir / "run").glob("*.json")
    return [record.stem for record in records if pid_of(installation, record.stem)]


def _clock(installation: Installation) -> Iterator[Finding]:
    files = list(installation.logs.glob("*.log"))
    newest = max((file.stat().st_mtime for file in files), default=0.0)
    behind = newest - time.time()
    detail = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    advice = f"the machine's clock is {behind:.0f} s behind what it was: set it, deadlines depend on it"
    yield Finding("clock", behind < CLOCK_SLACK_SECONDS, detail, advice)


def _calendars(installation: Installation) -> Iterator[Finding]:
    """How long the calendars in force are known: past that, nothing is computed in working time."""
    from shared.cli.rules import coverages

    try:
        found = coverages(installation.holder() is not None)
    except CommandFailed as problem:
        yield Finding("calendars", False, str(problem), problem.advice or "`./closedloop policy check` tells why")
        return
    for one in found:
        detail = (
            f"{one['id']} v{one['version']}: complete until {one['complete_until']}, {one['days_left']} days left"
        )
        advice = "import the next year with `./closedloop calendar import`, then publish it"
        yield Finding("calendar", one["days_left"] > 0, detail, advice, warns=one["ends_soon"])


CHECKS: tuple[Callable[[Installation], Iterator[Finding]], ...] = (
    *(_python, _programs, _jars, _disk, _ports, _running, _clock, _calendars),
)
