"""The launcher, run for real over a small checkout whose `python` only notes what it is asked to do."""

import hashlib
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from shared.cli.installation import CHECKOUT

NOTING_PYTHON = """#!/bin/sh
echo "$PYTHONPATH|$PWD|$*" >> "$(dirname "$0")/calls"
"""


class Checkout:
    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copy(CHECKOUT / "closedloop", root)
        (root / "requirements.lock").write_text("run\n")
        (root / "requirements-test.lock").write_text("test\n")
        self.bin = root / ".venv" / "bin"
        self.bin.mkdir(parents=True)
        for name in ("python", "pip"):
            program = self.bin / name
            program.write_text(NOTING_PYTHON)
            program.chmod(program.stat().st_mode | stat.S_IEXEC)

    @property
    def stamp(self) -> Path:
        return self.root / ".venv" / "closedloop.stamp"

    def installed(self, level: str, lock: str) -> None:
        digest = hashlib.sha256((self.root / lock).read_bytes()).hexdigest()
        self.stamp.write_text(f"{level} {digest}\n")

    def start(self, *arguments: str, cwd: Path | None = None) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, str(self.root / "closedloop"), *arguments],
            cwd=cwd or self.root,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, cwd: Path | None = None) -> str:
        process = self.start(*arguments, cwd=cwd)
        talk = process.communicate(timeout=30)[1]
        assert process.returncode == 0, talk
        return talk

    def calls(self) -> list[str]:
        return (self.bin / "calls").read_text().splitlines()

    def installs_of(self, lock: str) -> int:
        return sum(call.endswith(f"--require-hashes -r {self.root / lock}") for call in self.calls())


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root = tmp_path / "checkout"
    root.mkdir()
    return Checkout(root)


def test_a_current_environment_only_runs_the_command_from_any_directory(checkout: Checkout, tmp_path: Path) -> None:
    checkout.installed("run", "requirements.lock")
    checkout.run("status", "-o", "json", cwd=tmp_path)
    assert checkout.calls() == [f"{checkout.root}|{tmp_path}|-m shared.cli status -o json"]


def test_a_changed_lock_is_installed_once(checkout: Checkout) -> None:
    checkout.installed("run", "requirements.lock")
    (checkout.root / "requirements.lock").write_text("other\n")
    checkout.run("status")
    checkout.run("status")
    assert checkout.installs_of("requirements.lock") == 1


def test_without_uv_pip_installs_the_same_hashed_lock(checkout: Checkout) -> None:
    talk = checkout.run("status")
    assert "going on with pip" not in talk  # uv is silently absent here, not broken
    assert checkout.installs_of("requirements.lock") == 1


def test_test_adds_its_packages_and_later_commands_keep_them(checkout: Checkout) -> None:
    checkout.installed("run", "requirements.lock")
    checkout.run("test")
    checkout.run("status")
    assert checkout.installs_of("requirements-test.lock") == 1
    assert checkout.installs_of("requirements.lock") == 0


def test_commands_at_the_same_time_install_once(checkout: Checkout) -> None:
    started = [checkout.start("status") for _ in range(4)]
    for process in started:
        process.communicate(timeout=30)
    assert checkout.installs_of("requirements.lock") == 1
    assert sum(call.endswith("-m shared.cli status") for call in checkout.calls()) == 4
