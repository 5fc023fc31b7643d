"""The life of an installation: restarts, a killed supervisor, a second start, a clean end."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from shared.cli.condition import condition
from shared.cli.installation import CHECKOUT, Installation

UP = Path(__file__).with_name("stand_in_up.py")


class Running:
    """An `up` in a process of its own."""

    def __init__(self, state_dir: Path) -> None:
        self.installation = Installation(state_dir)
        self.environment = {**os.environ, "CLOSEDLOOP_STATE_DIR": str(state_dir), "PYTHONPATH": str(CHECKOUT)}
        self._talk = state_dir.with_suffix(".talk")
        self._up: subprocess.Popen[bytes] | None = None

    def up(self) -> None:
        with self._talk.open("ab") as talk:
            self._up = subprocess.Popen(
                [sys.executable, str(UP), str(self.installation.state_dir)], env=self.environment, stderr=talk
            )
        self.wait_for(lambda found: found["state"] == "ready")

    def signal(self, number: signal.Signals) -> int:
        assert self._up
        self._up.send_signal(number)
        return self._up.wait(30)

    def close(self) -> None:
        if self._up and self._up.poll() is None:
            self._up.terminate()
            self._up.wait(30)

    def now(self) -> dict[str, Any]:
        return condition(self.installation)

    def wait_for(self, is_it: Callable[[dict[str, Any]], bool], seconds: float = 60) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while not is_it(found := self.now()):
            assert time.monotonic() < deadline, f"still {found}\n{self._talk.read_text()}"
        return found

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "shared.cli", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("life") / "state")
    running.up()
    yield running
    running.close()


def pids(found: dict[str, Any]) -> dict[str, int]:
    return {**{name: service["pid"] for name, service in found["services"].items()}, **found["servers"]}


def addresses(found: dict[str, Any]) -> tuple[Any, ...]:
    return found["kafka"], found["mongo"], [service["url"] for service in found["services"].values()]


@pytest.mark.parametrize("name", ["workflow", "kafka-1", "mongod-1"])
def test_whatever_is_killed_comes_back_where_it_was(running: Running, name: str) -> None:
    before = running.now()
    os.kill(pids(before)[name], signal.SIGKILL)
    after = running.wait_for(lambda found: found["state"] == "ready" and pids(found)[name] != pids(before)[name])
    assert addresses(after) == addresses(before)
    # Nothing else was touched.
    assert {key: pid for key, pid in pids(after).items() if key != name} == {
        key: pid for key, pid in pids(before).items() if key != name
    }


def test_status_tells_everything_as_json(running: Running) -> None:
    found = json.loads(running.command("status", "-o", "json").stdout)
    assert found["state"] == "ready"
    assert found["mode"] == "embedded"
    assert found["state_dir"] == str(running.installation.state_dir)
    assert set(found["services"]) == {"intake", "workflow", "escalation", "notifier"}
    assert all(service.keys() == {"url", "pid", "ready"} for service in found["services"].values())


def test_a_second_up_says_who_holds_it_and_succeeds(running: Running) -> None:
    second = running.command("up")
    assert second.returncode == 0, second.stderr
    assert f"already held by process {running.installation.holder()}" in second.stderr


def test_a_killed_up_leaves_nobody_behind_and_the_next_one_resumes(running: Running) -> None:
    before = running.now()
    running.signal(signal.SIGKILL)
    wait_until_gone(list(pids(before).values()))
    assert running.now()["state"] == "stopped"
    running.up()
    assert addresses(running.now()) == addresses(before)


def test_an_up_right_after_a_killed_one_waits_for_what_is_still_ending(running: Running) -> None:
    before = running.now()
    running.signal(signal.SIGKILL)
    running.up()
    assert addresses(running.now()) == addresses(before)
    assert not set(pids(running.now()).values()) & set(pids(before).values())


def test_ctrl_c_stops_everything_and_down_then_purges(running: Running) -> None:
    before = running.now()
    running.signal(signal.SIGINT)
    assert not [pid for pid in pids(before).values() if is_alive(pid)]
    assert running.command("down", "--purge").returncode == 0
    assert not running.installation.state_dir.exists()


def test_purge_refuses_a_directory_that_it_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "letters").write_text("dear")
    refused = Running(tmp_path).command("down", "--purge")
    assert refused.returncode == 1
    assert (tmp_path / "letters").exists()


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until_gone(processes: list[int]) -> None:
    deadline = time.monotonic() + 20
    while alive := [pid for pid in processes if is_alive(pid)]:
        assert time.monotonic() < deadline, f"still alive: {alive}"
