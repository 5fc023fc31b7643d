"""A file of ours that may change while we run: read again when it does."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from shared.runtime.context import Unavailable
from shared.runtime.logging import get_logger

T = TypeVar("T")
log = get_logger()


class WatchedFile(Generic[T]):
    """`read` makes the value from the file's bytes and raises ValueError when they make none."""

    def __init__(self, path: Path, read: Callable[[bytes], T]) -> None:
        self._path, self._read = path, read
        self._stamp: tuple[int, int, int] | None = None
        self._value: T | None = None

    def value(self) -> T:
        """What the file says now, or said before it was damaged. Raises Unavailable if it never said anything."""
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp != self._stamp:
                self._stamp, self._value = stamp, self._read(self._path.read_bytes())
        except (OSError, ValueError) as error:
            log.warning("file_unreadable", path=str(self._path), error=type(error).__name__)
        if self._value is None:
            raise Unavailable(f"{self._path} cannot be read")
        return self._value
