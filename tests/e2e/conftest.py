"""The installation that the contract suites share: the real `up`, in test mode, with its time standing still."""

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from shared.cli.condition import condition
from shared.cli.installation import CHECKOUT, Installation
from tests.e2e.outside import Outside, environment

START_SECONDS = 90.0


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(tmp_path_factory.mktemp("contract") / "state")
    talk = installation.state_dir.with_suffix(".talk")
    with talk.open("wb") as stderr:
        up = subprocess.Popen(
            [sys.executable, "-m", "shared.cli", "up"], cwd=CHECKOUT, env=environment(installation), stderr=stderr
        )
        try:
            _wait_until_ready(installation, up, talk)
            yield installation
        finally:
            up.terminate()
            up.wait(30)


@pytest_asyncio.fixture(scope="session")
async def outside(installation: Installation) -> AsyncIterator[Outside]:
    outside = Outside(installation, condition(installation))
    await outside.open()
    try:
        await outside.move(rate=0)
        await outside.move(set=(await outside.now()).replace(microsecond=0).isoformat())
        yield outside
    finally:
        await outside.close()


def _wait_until_ready(installation: Installation, up: "subprocess.Popen[bytes]", talk: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while condition(installation)["state"] != "ready":
        waited = up.poll() is None and time.monotonic() < deadline
        assert waited, talk.read_text()
        time.sleep(0.2)
