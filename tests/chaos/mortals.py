"""Services that die behind every await of theirs once, and are started again as a supervisor would."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.guardian import Guardian
from deploy.local.process import ServerProcess
from shared.cli.installation import SERVICES
from shared.testing.crash_points import deaths
from tests.bench.installation import Installation

QUIET_SECONDS = 12.0  # nobody died for so long: what has not been reached is not on the way of this load


class Mortals:
    """All four services under one file of deaths: behind each await one of them dies, whichever comes there first."""

    def __init__(self, installation: Installation, folder: Path, occurrence: int) -> None:
        self._died_of = folder / f"died-{occurrence}.txt"
        self._guardian = Guardian()
        self._processes: list[ServerProcess] = []
        for name in SERVICES:
            victim = installation.processes[name]
            env = victim.environ()
            victim.kill()
            victim.wait()
            argv = [sys.executable, "-m", "shared.testing.crash_points", str(self._died_of), name, str(occurrence)]
            self._processes.append(ServerProcess(f"{name}-mortal", argv, env, folder))

    @property
    def dead(self) -> list[str]:
        return deaths(self._died_of)

    @property
    def quiet(self) -> bool:
        return self._died_of.exists() and time.time() - self._died_of.stat().st_mtime > QUIET_SECONDS

    def start(self) -> None:
        for process in self._processes:
            process.spawn(self._guardian)

    def stop(self) -> None:
        """Ends the processes without a word, as everything in this test ends."""
        for process in self._processes:
            process.kill()
        self._guardian.close()


@contextmanager
def mortal(installation: Installation, folder: Path, occurrence: int) -> Iterator[Mortals]:
    mortals = Mortals(installation, folder, occurrence)
    mortals.start()
    try:
        yield mortals
    finally:
        mortals.stop()
