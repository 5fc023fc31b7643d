"""Plays the day on a running installation: from the step where it was left, one player at a time, and tells of it."""

import asyncio
import fcntl
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.demo.day import DAY, Step
from deploy.demo.eventually import NotSeen
from deploy.demo.ledger import read_ledger
from deploy.demo.office import Json, Refused
from deploy.demo.play import Play, playing
from deploy.demo.staging import sinks_url
from deploy.local.progress import Progress
from shared.cli.installation import CHECKOUT

PROGRESS_FILE = "demo.json"
LOCK_FILE = "demo.lock"
RECONCILE_SECONDS = 120
DemoStopped = (NotSeen, Refused)
"""What a play can end with; the text says what was expected and what was seen."""


class Script:
    """Which steps are done, kept in the state directory after each."""

    def __init__(self, state_dir: Path) -> None:
        self._file = state_dir / PROGRESS_FILE
        self.done: list[str] = json.loads(self._file.read_text())["done"] if self._file.exists() else []

    @property
    def left(self) -> list[Step]:
        return [step for step in DAY if step.name not in self.done]

    def finish(self, step: Step) -> None:
        self.done.append(step.name)
        draft = self._file.with_suffix(".new")
        draft.write_text(json.dumps({"done": self.done}))
        draft.replace(self._file)


@contextmanager
def only_player(state_dir: Path) -> Iterator[None]:
    """Waits while another process plays the same demo."""
    with (state_dir / LOCK_FILE).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def play_day(state_dir: Path, condition: Mapping[str, Any], progress: Progress) -> Json:
    """Plays what is left of the day, then reads what became of it. Raises NotSeen and Refused."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is away is waited for
    with only_player(state_dir):
        script = Script(state_dir)
        async with playing(state_dir, condition, sinks_url(state_dir)) as play:
            if script.left:
                await play.hold_time()
            for step in script.left:
                await _play_step(play, step, progress)
                script.finish(step)
            return await read_ledger(play.office, play.system)


async def _play_step(play: Play, step: Step, progress: Progress) -> None:
    began = time.monotonic()
    progress.turn_to(step.told)
    play.step = f"demo-{step.name}"
    try:
        await play.move_to(step.at)
        await step.play(play)
        await play.stillness.reached(step.at)
    except DemoStopped as error:
        raise type(error)(f"step {step.name} ({step.told}): {error}") from error
    progress.say(f"  ✓ {step.at:%a %d %b %H:%M}  {step.told:<72} {time.monotonic() - began:5.1f} s")


async def reconcile(state_dir: Path) -> str:
    """The verdict of `closedloop reconcile` over everything that was recorded."""
    environment = {**os.environ, "CLOSEDLOOP_STATE_DIR": str(state_dir), "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-m", "shared.cli", "reconcile"]
    try:
        done = await asyncio.to_thread(
            subprocess.run, command, env=environment, capture_output=True, text=True, timeout=RECONCILE_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"no verdict within {RECONCILE_SECONDS} s"
    said = (done.stdout or done.stderr).strip()
    return said or f"exit status {done.returncode}"
