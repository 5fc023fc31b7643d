"""The real `up` as a process of its own, for as long as a test needs it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.cli.condition import condition
from shared.cli.installation import CHECKOUT, Installation
from tests.e2e.outside import environment

START_SECONDS = 90.0


@contextmanager
def up(installation: Installation, **settings: str) -> Iterator[None]:
    """Ready when the block begins, ended behind it. `settings` are variables of its environment."""
    talk = installation.state_dir.with_suffix(".talk")
    env = {**environment(installation), **settings}
    with talk.open("wb") as stderr:
        process = subprocess.Popen([sys.executable, "-m", "shared.cli", "up"], cwd=CHECKOUT, env=env, stderr=stderr)
        try:
            _wait_until_ready(installation, process, talk)
            yield
        finally:
            process.terminate()
            process.wait(30)


def _wait_until_ready(installation: Installation, up: "subprocess.Popen[bytes]", talk: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while condition(installation)["state"] != "ready":
        waited = up.poll() is None and time.monotonic() < deadline
        assert waited, talk.read_text()
        time.sleep(0.2)
