"""Where an installation lives on disk, who holds it, and what it says about itself."""

import fcntl
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

CHECKOUT = Path(__file__).resolve().parents[2]
SERVICES = ("intake", "workflow", "escalation", "notifier")
MARKER = ".closedloop-state"


@dataclass(frozen=True)
class Installation:
    """One state directory: data, logs, ports and keys of one running (or stopped) system."""

    state_dir: Path

    @property
    def logs(self) -> Path:
        return self.state_dir / "logs"

    @property
    def marker(self) -> Path:
        """Proves that we made the directory, so that `down --purge` may empty it."""
        return self.state_dir / MARKER

    def create(self) -> None:
        """Makes the directory; what is in it is for its owner only (it holds signing keys and customers' data)."""
        self.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.logs.mkdir(exist_ok=True)
        if not self.marker.exists():
            self.marker.write_text("made by closedloop; `./closedloop down --purge` empties this directory\n")

    def hold(self) -> TextIO | None:
        """Becomes the one that runs this installation until the process ends; None when another one is."""
        handle = (self.state_dir / "up.lock").open("a+")
        # `holder` takes the lock for a moment to look: only one who keeps it counts.
        for _ in range(10):
            with suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(0.03)
        else:
            handle.close()
            return None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        return handle

    def holder(self) -> int | None:
        """The process id of the `up` that runs this installation, None when nobody does."""
        try:
            with (self.state_dir / "up.lock").open() as handle:
                try:
                    fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(handle.read() or 0)
                return None
        except FileNotFoundError:
            return None

    def record(self, facts: dict[str, Any]) -> None:
        """Writes what `status` tells: endpoints, ports, phase. Replaced as a whole, never half."""
        draft = self.state_dir / "installation.json.new"
        draft.write_text(json.dumps(facts, indent=1))
        draft.replace(self.state_dir / "installation.json")

    def recorded(self) -> dict[str, Any]:
        """What the last `up` recorded; empty when there was none."""
        with suppress(FileNotFoundError):
            found: dict[str, Any] = json.loads((self.state_dir / "installation.json").read_text())
            return found
        return {}


def find_installation(*, demo: bool = False) -> Installation:
    """The installation that a command means.

    CLOSEDLOOP_STATE_DIR if set; else the checkout's own, or its demo when that is asked for or is the only one
    running.
    """
    chosen = os.environ.get("CLOSEDLOOP_STATE_DIR")
    if chosen:
        return Installation(Path(chosen).expanduser().resolve())
    ordinary = Installation(CHECKOUT / ".closedloop")
    demonstration = Installation(ordinary.state_dir / "demo")
    if demo or (demonstration.holder() and not ordinary.holder()):
        return demonstration
    return ordinary
