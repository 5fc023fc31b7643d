"""Ends the watched process groups when the process that started them is gone, however it went (SIGKILL too).

The guardian is a tiny process that only reads a pipe: `+<group>` and `-<group>` lines, and the end of the pipe,
which the kernel delivers when the owner dies. Its file is run directly, with the standard library only.
"""

import os
import signal
import subprocess
import sys
import time
from typing import IO

GRACE_SECONDS = 5.0


class Guardian:
    """The owner's end of the pipe."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this very file
            [sys.executable, "-I", "-S", __file__], stdin=subprocess.PIPE, start_new_session=True, text=True
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def watch(self, group: int) -> None:
        """From now on `group` does not outlive this process."""
        self._say(f"+{group}")

    def release(self, group: int) -> None:
        """`group` has ended."""
        self._say(f"-{group}")

    def close(self) -> None:
        """Ends the guardian, and with it whatever is still watched."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()

    def _say(self, line: str) -> None:
        if self._process.stdin:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()


def guard(orders: IO[str]) -> None:
    """Reads orders until the pipe ends, then ends the groups that are left."""
    groups: set[int] = set()
    for line in orders:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    deadline = time.monotonic() + GRACE_SECONDS
    for group in groups:
        _send(group, signal.SIGTERM)
    while time.monotonic() < deadline and any(_send(group, 0) for group in groups):
        time.sleep(0.05)
    for group in groups:
        _send(group, signal.SIGKILL)


def _send(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    guard(sys.stdin)
