"""Commands over the life of an installation: up, down, status, logs."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from shared.cli.installation import SERVICES, Installation, find_installation

READY_SECONDS = 180.0
STOP_SECONDS = 20.0


@click.command()
@click.option("--demo", is_flag=True, help="Test mode, a state directory of its own, and a scripted day.")
@click.option("--detach", is_flag=True, help="Return when everything is ready; it keeps running.")
def up(demo: bool, detach: bool) -> None:
    """Install what is missing, start everything, keep it running until Ctrl-C."""
    installation = find_installation(demo=demo)
    installation.create()
    if detach:
        _start_detached(installation, demo=demo)
        return
    held = installation.hold()
    if held is None:
        _join(installation)
        return
    _supervise(installation, demo=demo)
    # A download that Ctrl-C interrupted may still hang in its thread: it is not waited for.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _supervise(installation: Installation, *, demo: bool) -> None:
    from deploy.local.guardian import Guardian
    from deploy.local.progress import Progress
    from deploy.local.supervisor import Supervisor
    from deploy.local.system import NOTHING, plan

    began = time.monotonic()
    guardian = Guardian()
    test_mode = demo or os.environ.get("CLOSEDLOOP_TEST_MODE") == "1"
    click.echo(f"starting in {installation.state_dir}", err=True)
    additions = NOTHING
    if demo:
        from deploy.demo.staging import stage

        additions = stage(installation.state_dir)
    planned = plan(installation, guardian, test_mode=test_mode, additions=additions)
    supervisor = Supervisor(planned, guardian, Progress())

    def on_ready() -> None:
        click.echo(f"ready in {time.monotonic() - began:.1f} s", err=True)
        _show(_condition(installation))
        if demo:
            threading.Thread(target=_play_demo, args=(installation,), daemon=True).start()
        else:
            click.echo("Ctrl-C stops it; `./closedloop status` tells how it is", err=True)

    supervisor.run(on_ready)
    guardian.close()


def _play_demo(installation: Installation) -> None:
    from shared.cli.demo import run_demo

    run_demo(installation.state_dir, _condition(installation))


def _join(installation: Installation) -> None:
    """A second `up`: says who holds the installation and waits until it is ready."""
    click.echo(f"already held by process {installation.holder()} in {installation.state_dir}", err=True)
    found = _wait_for(installation, lambda found: found["state"] in {"ready", "stopped"}, READY_SECONDS)
    _show(found)
    if found["state"] != "ready":
        click.echo(f"Error: it is {found['state']}; see `./closedloop logs`", err=True)
        sys.exit(5)


def _start_detached(installation: Installation, *, demo: bool) -> None:
    if installation.holder() is not None:
        _join(installation)
        return
    log = installation.logs / "up.log"
    offset = log.stat().st_size if log.exists() else 0
    with log.open("ab") as output:
        child = subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-m", "shared.cli", "up", *(["--demo"] if demo else [])],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    with log.open("rb") as talk:
        talk.seek(offset)
        while child.poll() is None and _condition(installation)["state"] != "ready":
            sys.stderr.buffer.write(talk.read())
            sys.stderr.flush()
            time.sleep(0.2)
        sys.stderr.buffer.write(talk.read())
        sys.stderr.flush()
    # An end with 0 means that somebody else had taken the installation and is ready.
    if child.returncode:
        sys.exit(child.returncode)


of_demo = click.option("--demo", is_flag=True, help="The demo's installation, also when it is not the one running.")


@click.command()
@click.option("--purge", is_flag=True, help="Also remove all data of the installation.")
@of_demo
def down(purge: bool, demo: bool) -> None:
    """Stop the running installation and wait until it is gone."""
    installation = find_installation(demo=demo)
    holder = installation.holder()
    if holder:
        click.echo(f"stopping process {holder}", err=True)
        os.kill(holder, signal.SIGTERM)
        if not _wait_released(installation):
            # Its guardian ends what it leaves behind.
            os.kill(holder, signal.SIGKILL)
            _wait_released(installation)
    else:
        click.echo(f"nothing runs in {installation.state_dir}", err=True)
    from deploy.local.process import end_leftover

    for record in sorted((installation.state_dir / "run").glob("*.json")):
        if end_leftover(record):
            click.echo(f"ended {record.stem}, which an earlier run had left", err=True)
    if purge:
        _purge(installation)


def _wait_released(installation: Installation) -> bool:
    from deploy.local.process import wait_until

    return wait_until(lambda: installation.holder() is None, STOP_SECONDS)


def _purge(installation: Installation) -> None:
    import shutil

    folder = installation.state_dir
    if not folder.exists():
        return
    if not installation.marker.exists():
        raise click.ClickException(f"{folder} was not made by closedloop, nothing is removed")
    for entry in folder.iterdir():
        if Installation(entry).marker.exists():
            continue  # an installation of its own, the demo's
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry != installation.marker:
            entry.unlink()
    if [entry.name for entry in folder.iterdir()] == [installation.marker.name]:
        shutil.rmtree(folder)
    click.echo(f"removed the data in {folder}", err=True)


@click.command()
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="Format.")
@of_demo
def status(output: str, demo: bool) -> None:
    """Tell what runs, where and how well. Exits 0 whatever the answer is."""
    found = _condition(find_installation(demo=demo))
    if output == "json":
        click.echo(json.dumps(found))
    else:
        _show(found, file=sys.stdout)


def _condition(installation: Installation) -> dict[str, Any]:
    from shared.cli.condition import condition

    return condition(installation)


def _wait_for(installation: Installation, is_it: Callable[[dict[str, Any]], bool], seconds: float) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    found = _condition(installation)
    while not is_it(found) and time.monotonic() < deadline:
        time.sleep(0.2)
        found = _condition(installation)
    return found


def _show(found: dict[str, Any], file: Any = None) -> None:
    lines = [f"{found['state']} ({found['mode']}), state in {found['state_dir']}"]
    lines += [f"  kafka       {found['kafka']}", f"  mongo       {found['mongo']}"]
    for name, service in found["services"].items():
        health = "ready" if service["ready"] else "not ready" if service["pid"] else "stopped"
        lines.append(f"  {name:<11} {service['url'] or '-':<28} {health}")
    click.echo("\n".join(lines), file=file or sys.stderr)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("-f", "--follow", is_flag=True, help="Go on as lines are written, until Ctrl-C.")
@click.option("-n", "--lines", default=50, show_default=True, help="How many of the last lines of each.")
@of_demo
def logs(names: tuple[str, ...], follow: bool, lines: int, demo: bool) -> None:
    """Show the logs of one process (a service, kafka-1, mongod-1, up) or of all services."""
    installation = find_installation(demo=demo)
    chosen = [installation.logs / f"{name}.log" for name in names or SERVICES]
    missing = [file.stem for file in chosen if not file.exists()]
    if missing and (names or len(missing) == len(chosen)):
        there = ", ".join(sorted(file.stem for file in installation.logs.glob("*.log"))) or "none yet"
        click.echo(f"no log of {', '.join(missing)}; there are: {there}", err=True)
        sys.exit(3)
    offsets = {file: _print_tail(file, lines, tagged=len(chosen) > 1) for file in chosen if file.exists()}
    while follow:
        for file, offset in offsets.items():
            offsets[file] = _print_from(file, offset, tagged=len(chosen) > 1)
        time.sleep(0.25)


def _print_tail(file: Path, lines: int, *, tagged: bool) -> int:
    content = file.read_bytes()
    tail = content.splitlines(keepends=True)[-lines:] if lines > 0 else []
    return _print_from(file, len(content) - sum(map(len, tail)), tagged=tagged)


def _print_from(file: Path, offset: int, *, tagged: bool) -> int:
    """Prints the whole lines from `offset` on; answers where the next one begins."""
    start = offset if offset <= file.stat().st_size else 0  # smaller than that: it was rotated
    with file.open("rb") as log:
        log.seek(start)
        whole, newline, _ = log.read().rpartition(b"\n")
    for line in whole.decode(errors="replace").splitlines():
        click.echo(f"{file.stem:<10} | {line}" if tagged else line)
    return start + len(whole) + len(newline)
