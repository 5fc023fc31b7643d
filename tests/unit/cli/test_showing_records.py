"""`tail`: any record on a topic can be shown, whatever is in it."""

from datetime import UTC, datetime

from shared.cli.tail import record_json, record_line
from shared.messaging.cloudevents import write
from shared.messaging.records import Envelope, InRecord, OutRecord

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
ENVELOPE = Envelope("wo_1:0000000003", "/closedloop/workflow", "closedloop.workorder.accepted.v1", "wo_1", AT, 3)


def received(record: OutRecord) -> InRecord:
    return InRecord(record.topic, 2, 7, record.key, record.value, record.headers, AT)


def test_an_event_is_one_line() -> None:
    line = record_line(received(write("workorders", "wo_1", ENVELOPE, b"{}")))
    assert line.split() == ["2026-03-02T01:00:00.000Z", "workorder.accepted", "wo_1", "3", "workorders"]


def test_an_event_is_one_document_with_its_place() -> None:
    shown = record_json(received(write("workorders", "wo_1", ENVELOPE, b'{"a":1}')))
    assert (shown["topic"], shown["partition"], shown["offset"]) == ("workorders", 2, 7)
    assert (shown["id"], shown["sequence"], shown["data"]) == ("wo_1:0000000003", 3, {"a": 1})


def test_what_is_no_event_is_shown_as_what_it_is() -> None:
    stray = InRecord("complaints.inbox", 0, 9, None, b"\xff\x1b", [("ce_id", None)], AT)
    assert "unreadable: envelope_invalid" in record_line(stray)
    assert record_line(stray).endswith("complaints.inbox/0/9")
    assert record_json(stray)["error"].startswith("envelope_invalid")


def test_data_that_cannot_be_read_do_not_hide_the_envelope() -> None:
    shown = record_json(received(write("workorders", "wo_1", ENVELOPE, b"\xff")))
    assert shown["type"] == ENVELOPE.type
    assert shown["error"].startswith("not_")
    forgotten = InRecord("customers.inbox", 0, 0, b"c1", None, write("x", "k", ENVELOPE, b"{}").headers, AT)
    assert record_json(forgotten)["data"] is None
