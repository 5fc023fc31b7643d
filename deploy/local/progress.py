"""What a person sees while the stack starts: one tick per step on stderr, with a moving line on a terminal."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:  # loaded only on a terminal
    from rich.status import Status


class Progress:
    """Ticks, safe to use from several threads; a context: the moving line is shown inside it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status("starting", spinner="dots")
            self._status.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()
            self._status = None

    def turn_to(self, text: str) -> None:
        """What the moving line says from now on."""
        with self._lock:
            if self._status:
                self._status.update(text)

    def say(self, text: str) -> None:
        """One line."""
        with self._lock:
            if self._status:
                self._status.console.print(text, markup=False, highlight=False)
            else:
                sys.stderr.write(text + "\n")
                sys.stderr.flush()

    def done(self, step: str, seconds: float) -> None:
        """A tick: the step and what it took."""
        self.say(f"  ✓ {step:<24} {seconds:6.1f} s")

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Ticks `name` when the block ends without an error."""
        began = time.monotonic()
        yield
        self.done(name, time.monotonic() - began)
