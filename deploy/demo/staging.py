"""What `up --demo` runs beside the four services, and what it tells them; kept out of the ordinary plan."""

import os
import shutil
import sys
from pathlib import Path

from deploy.local.failure import StackFailure
from deploy.local.ports import PortBook
from deploy.local.supervisor import ServiceCommand
from deploy.local.system import Additions
from shared.cli.clock import CLOCK_FILE, keep
from shared.cli.installation import CHECKOUT

BEGIN = "2026-11-24T09:00:00+08:00"
"""A Tuesday morning: the demo's day is the same wherever and whenever it is played."""
SINKS = "sinks"
MAIL = "sinks-mail"
PORTS = "demo-ports.json"
SERVERS_OF_SOMEBODY = ("CLOSEDLOOP_KAFKA_BOOTSTRAP", "CLOSEDLOOP_MONGO_URI")


def stage(state_dir: Path) -> Additions:
    """Lays out the demo in its state directory. Raises StackFailure where it would touch somebody's real servers."""
    named = [name for name in SERVERS_OF_SOMEBODY if os.environ.get(name)]
    if named:
        raise StackFailure(
            f"the demo starts servers of its own, but {' and '.join(named)} names others",
            "Unset it, or start without --demo.",
            exit_code=2,
        )
    book = PortBook(state_dir / PORTS)
    book.release_taken((SINKS, MAIL))
    if not (state_dir / CLOCK_FILE).exists():
        keep(state_dir, BEGIN, 0)
    settings = {
        "CLOSEDLOOP_ESCALATION__POLICIES": str(_policies(state_dir)),
        "CLOSEDLOOP_NOTIFIER__EMAIL__HOST": "127.0.0.1",
        "CLOSEDLOOP_NOTIFIER__EMAIL__PORT": str(book.port(MAIL)),
        # Who kills the notifier to see what happens should not have to wait long for it.
        "CLOSEDLOOP_NOTIFIER__LEASE_SECONDS": "30",
    }
    return Additions(settings, (_sinks(state_dir, book),))


def _policies(state_dir: Path) -> Path:
    """The installation's own policies and those of the demo's company, in one folder."""
    folder = state_dir / "policies"
    folder.mkdir(exist_ok=True)
    for source in (CHECKOUT / "deploy" / "policies", Path(__file__).with_name("policies")):
        shutil.copytree(source, folder, dirs_exist_ok=True)
    return folder


def _sinks(state_dir: Path, book: PortBook) -> ServiceCommand:
    port = str(book.port(SINKS))
    mail = str(book.port(MAIL))
    where = str(state_dir / SINKS)
    return ServiceCommand(
        name=SINKS,
        argv=(sys.executable, "-m", "deploy.local.sinks", where, "--smtp-port", mail, "--http-port", port),
        env={"PYTHONPATH": str(CHECKOUT), "PYTHONSAFEPATH": "1"},
        url=f"http://127.0.0.1:{port}",
    )


def sinks_url(state_dir: Path) -> str:
    """Where the sinks of a demo that was staged there answer."""
    return f"http://127.0.0.1:{PortBook(state_dir / PORTS).port(SINKS)}"
