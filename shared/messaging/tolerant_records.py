"""Lets a consumer get past a record whose header name is not UTF-8.

aiokafka decodes header names strictly while it unpacks a batch, so one such record, which any client can write,
would stop its partition for ever. Here the batch in question alone is unpacked again with the name's bad bytes
replaced; every other batch goes the library's fast way.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy


def install() -> None:
    """Makes every consumer of this process tolerant; safe to repeat."""
    fetcher.MemoryRecords = TolerantRecords


class TolerantRecords(_MemoryRecordsPy):  # type: ignore[misc]  # final by annotation, but the only door there is
    """The records of one fetched partition."""

    def next_batch(self, *arguments: Any) -> Any:
        raw = self._next_slice
        batch = super().next_batch(*arguments)
        return TolerantBatch(batch, raw) if hasattr(batch, "is_control_batch") else batch


class TolerantBatch:
    """A batch that goes on where the strict decoder stopped; the fetcher passes over records it has had."""

    def __init__(self, batch: Any, raw: memoryview) -> None:
        self._batch, self._raw = batch, raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._batch
        except UnicodeDecodeError:
            again = _DefaultRecordBatchPy(bytearray(self._raw))
            again._maybe_uncompress()
            again._buffer = _Replacing(again._buffer)
            yield from again


class _Replacing(bytearray):
    """Bytes whose slices decode with replacement characters."""

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        return _Replacing(found) if isinstance(place, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, "replace")
