"""The demo as a person starts it: what the table says, that it is told again, and that kills do not change it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.player import PROGRESS_FILE
from shared.cli.condition import pid_of
from shared.cli.installation import CHECKOUT, SERVICES, Installation

PLAYED_SECONDS = 400.0
BECAME = {
    "H-1001": "closed, satisfied",
    "W-2001": "closed, satisfied",
    "W-2002": "dead letter: not_json",
    "A-3001": "closed, satisfied",
    "H-1002": "closed, satisfied",
    "W-2003": "closed, satisfied",
    "A-3002": "closed, unreachable",
    "R-4001": "closed, satisfied",
    "W-2004": "withdrawn",
    "K-5001": "closed, satisfied",
    "E-6001": "closed, satisfied",
}


class Demo:
    """`up --demo` in a process of its own, with a state directory of its own."""

    def __init__(self, state_dir: Path) -> None:
        self.installation = Installation(state_dir)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CLOSEDLOOP_")}
        self._environment = {**kept, "CLOSEDLOOP_STATE_DIR": str(state_dir), "PYTHONPATH": str(CHECKOUT)}
        self._talk = state_dir.with_suffix(".talk")
        self._up: subprocess.Popen[bytes] | None = None

    def up(self) -> None:
        with self._talk.open("ab") as talk:
            command = [sys.executable, "-m", "shared.cli", "up", "--demo"]
            self._up = subprocess.Popen(
                command, env=self._environment, cwd=CHECKOUT, stdout=talk, stderr=subprocess.STDOUT
            )

    def close(self) -> None:
        if self._up and self._up.poll() is None:
            self._up.terminate()
            self._up.wait(30)

    @property
    def said(self) -> str:
        return self._talk.read_text()

    def kill(self, *names: str) -> None:
        for name in names:
            pid = self._await(f"{name} to run", lambda name=name: pid_of(self.installation, name))
            os.kill(pid, signal.SIGKILL)

    def kill_all_at_once(self) -> None:
        assert self._up
        self._up.kill()
        self._up.wait()

    def play_until(self, step: str) -> None:
        """Returns as soon as the step is done, so in the middle of the next one."""
        self._await(f"step {step}", lambda: step in self._done())

    def _done(self) -> list[str]:
        file = self.installation.state_dir / PROGRESS_FILE
        return list(json.loads(file.read_text())["done"]) if file.exists() else []

    def table(self) -> dict[str, Any]:
        """Waits for the end of the play; what `demo` then says is the same that `up --demo` prints."""
        self._await("the end of the play", lambda: "Try next" in self.said)
        told = self.command("demo", "-o", "json")
        assert told.returncode == 0, told.stderr
        assert "✓" not in told.stderr, "a day that was played is only told"
        found: dict[str, Any] = json.loads(told.stdout)
        return found

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "shared.cli", *arguments]
        return subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=PLAYED_SECONDS, check=False
        )

    def _await(self, what: str, look: Any) -> Any:
        deadline = time.monotonic() + PLAYED_SECONDS
        while not (seen := look()):
            stopped = self._up is None or self._up.poll() is not None or "the demo stopped" in self.said
            assert not stopped, f"it stopped before {what}:\n{self.said}"
            assert time.monotonic() < deadline, f"still waiting for {what}:\n{self.said}"
            time.sleep(0.01)
        return seen


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, dict[str, Any]]]:
    """A demo that nobody disturbed, with its table."""
    demo = Demo(tmp_path_factory.mktemp("played") / "demo")
    demo.up()
    try:
        yield demo, demo.table()
    finally:
        demo.close()


def numbers(entries: list[dict[str, Any]], name: str, number: str) -> dict[str, int]:
    return {entry[name]: entry[number] for entry in entries}


def test_everything_that_came_in_is_accounted_for(played: tuple[Demo, dict[str, Any]]) -> None:
    _, table = played
    assert {entry["ref"]: entry["became"] for entry in table["came_in"]} == BECAME
    assert {entry["via"] for entry in table["came_in"]} == {"Kafka", "HTTP"}
    assert [entry["ref"] for entry in table["came_in"] if entry["copies"] == 2] == ["W-2001"]
    assert numbers(table["complaints"], "outcome", "complaints") == {
        "closed, satisfied": 8,
        "closed, unreachable": 1,
        "withdrawn": 1,
    }


def test_the_dissatisfied_one_took_a_second_cycle(played: tuple[Demo, dict[str, Any]]) -> None:
    _, table = played
    assert numbers(table["orders"], "order", "orders") == {
        "cancelled, cycle 1": 1,
        "closed, cycle 1": 8,
        "closed, cycle 2": 1,
    }


def test_what_was_late_was_breached_and_told_up_the_ladder(played: tuple[Demo, dict[str, Any]]) -> None:
    _, table = played
    assert numbers(table["breaches"], "clock", "times") == {"accept": 1, "callback": 1, "resolve": 1}
    told = {(mail["to"], mail["template"]) for mail in table["mails"]}
    assert {
        ("zhang-wei@operator.example", "at_risk"),
        ("wang-lei@operator.example", "at_risk"),
        ("wang-lei@operator.example", "breach"),
        ("sun-hao@operator.example", "breach"),
        ("ma.ling@customer.example", "closing_notice"),
    } <= told
    assert numbers(table["webhooks"], "event", "calls") == {
        "clock.at_risk": 3,
        "clock.breached": 3,
        "workorder.closed": 9,
        "workorder.escalated": 1,
        "workorder.redispatched": 1,
    }


def test_reconcile_finds_nothing_to_complain_about(played: tuple[Demo, dict[str, Any]]) -> None:
    demo, table = played
    assert "clean" in table["reconcile"]
    assert "What reconcile says" in demo.said


def test_kills_in_the_middle_do_not_change_the_table(
    played: tuple[Demo, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    _, undisturbed = played
    demo = Demo(tmp_path_factory.mktemp("disturbed") / "demo")
    demo.up()
    try:
        demo.play_until("resolve")
        demo.kill(*SERVICES, "sinks")
        demo.play_until("recall")
        demo.kill("kafka-1", "mongod-1")
        demo.play_until("leader")
        demo.kill_all_at_once()
        demo.up()
        table = demo.table()
        assert "clean" in table.pop("reconcile")
        assert table == {name: part for name, part in undisturbed.items() if name != "reconcile"}
    finally:
        demo.close()
