"""A header name that is not UTF-8 must not stop a partition."""

import pytest
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchBuilderPy

from shared.messaging.tolerant_records import TolerantRecords


class Malformed(str):
    """A name as a client of another language may write it."""

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


@pytest.fixture
def raw() -> bytes:
    builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, -1, 1_000_000)
    builder.append(0, 1000, b"k", b"first", [("ok", None)])
    builder.append(1, 1000, b"k", b"second", [(Malformed("x"), b"1")])
    builder.append(2, 1000, b"k", b"third", [("ok", b"\xff")])
    return bytes(builder.build())


def test_the_library_alone_would_stop_here(raw: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        list(DefaultRecordBatch(raw))


def test_every_record_of_the_batch_arrives(raw: bytes) -> None:
    batch = TolerantRecords(raw).next_batch()
    assert batch.validate_crc()
    arrived = {record.offset: record for record in batch}
    assert [bytes(arrived[offset].value) for offset in range(3)] == [b"first", b"second", b"third"]
    assert [name for name, _ in arrived[1].headers] == ["\ufffd\ufffd"]
    assert arrived[2].headers[0] == ("ok", b"\xff")
