"""One server process of ours: its own session, a log file, and a record on disk that proves its identity."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from deploy.local.failure import StackFailure
from deploy.local.guardian import Guardian

LOG_CAP_BYTES = 8 << 20
LEFTOVER_GRACE_SECONDS = 8.0


class ServerProcess:
    """A process that may be started again under the same name.

    A process id alone proves nothing after a restart of the machine; the record keeps the start time beside it, so
    that only a process that we started is ever stopped.
    """

    def __init__(self, name: str, argv: Sequence[str], env: Mapping[str, str], state_dir: Path) -> None:
        self.name = name
        self.log = state_dir / "logs" / f"{name}.log"
        self._argv = list(argv)
        self._env = dict(env)
        self.record = state_dir / "run" / f"{name}.json"
        self._popen: subprocess.Popen[bytes] | None = None
        self._guardian: Guardian | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs, else None."""
        if self._popen:
            return self._popen.pid if self._popen.poll() is None else None
        return recorded_pid(self.record)

    def extend_env(self, env: Mapping[str, str]) -> None:
        """Adds to the environment of the next start."""
        self._env.update(env)

    def spawn(self, guardian: Guardian) -> None:
        """Starts it; a leftover of an earlier run is ended first."""
        end_leftover(self.record)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.record.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_CAP_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(  # noqa: S603 - commands of our own
                self._argv,
                env={**os.environ, **self._env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        guardian.watch(self._popen.pid)
        self._guardian = guardian
        started = psutil.Process(self._popen.pid).create_time()
        self.record.write_text(json.dumps({"pid": self._popen.pid, "started": started}))

    def reap(self) -> int | None:
        """The exit status if it has ended since it was started, else None."""
        status = self._popen.poll() if self._popen else None
        if status is not None and self._guardian and self._popen:
            self._guardian.release(self._popen.pid)
            self._guardian = None
        return status

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the process and its children; nothing when it is gone."""
        pid = self.pid
        if pid:
            _signal_group(pid, number)

    def kill(self) -> None:
        """`kill -9`, and waits until it is gone."""
        self.signal(signal.SIGKILL)
        self.wait_gone(10)

    def wait_gone(self, seconds: float) -> bool:
        """Waits until the process has ended; False when it still runs after `seconds`."""
        gone = wait_until(lambda: self.pid is None, seconds)
        self.reap()
        return gone

    def wait_ready(self, is_ready: Callable[[], bool], seconds: float) -> None:
        """Waits for `is_ready`; fails with the end of the log when the process ends or time is up."""
        ready = wait_until(lambda: self.pid is None or is_ready(), seconds)
        if self.pid is None:
            self._fail("ended while starting")
        if not ready:
            self._fail(f"is not ready after {seconds:.0f} s")

    def _fail(self, what: str) -> None:
        lines = self.log.read_text(errors="replace").splitlines()[-5:]
        tail = "".join(f"\n    {line[:300]}" for line in lines)
        raise StackFailure(
            f"{self.name} {what}{tail}", f"The whole log is {self.log}; `./closedloop doctor` checks more."
        )


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Asks `condition` every 20 ms; False when it did not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def recorded_pid(record: Path) -> int | None:
    """The process id in the record, if exactly that process still runs."""
    try:
        known = json.loads(record.read_text())
        process = psutil.Process(known["pid"])
        same = abs(process.create_time() - known["started"]) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, ValueError, psutil.Error):
        return None
    return process.pid if same else None


def end_leftover(record: Path) -> bool:
    """Ends the process of the record if it still runs, by force after 8 s; whether there was one."""
    pid = recorded_pid(record)
    if pid is None:
        return False
    _signal_group(pid, signal.SIGTERM)
    if not wait_until(lambda: recorded_pid(record) is None, LEFTOVER_GRACE_SECONDS):
        _signal_group(pid, signal.SIGKILL)
        wait_until(lambda: recorded_pid(record) is None, LEFTOVER_GRACE_SECONDS)
    return True


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return  # it ended between the look and the signal
