"""CloudEvents at the edge: both modes in, binary mode out, and headers as strange as Kafka allows."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.messaging.body import MAX_BODY_BYTES
from shared.messaging.cloudevents import data_schema, read_data, read_envelope, write
from shared.messaging.records import Envelope, InRecord, Rejected

RECEIVED = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
TYPE = "closedloop.complaint.submitted.v1"
REQUIRED: dict[str, bytes | None] = {"ce_id": b"1", "ce_source": b"crm", "ce_type": TYPE.encode()}
Header = tuple[str, bytes | None]


def a_record(headers: list[Header], value: bytes | None = b"{}") -> InRecord:
    return InRecord("complaints.inbox", 3, 7, b"key", value, headers, RECEIVED)


def binary(value: bytes | None = b"{}", **headers: bytes | None) -> InRecord:
    return a_record(list({**REQUIRED, **headers}.items()), value)


def structured(content_type: bytes = b"application/cloudevents+json", **members: Any) -> InRecord:
    body = {"specversion": "1.0", "id": "1", "source": "crm", "type": TYPE, **members}
    return a_record([("content-type", content_type)], json.dumps(body).encode())


def the_envelope(record: InRecord) -> Envelope:
    envelope = read_envelope(record)
    assert isinstance(envelope, Envelope), envelope
    return envelope


def rejection(record: InRecord) -> str:
    read = read_envelope(record)
    assert isinstance(read, Rejected)
    return f"{read.reason} {read.detail.partition(':')[0]}"


def test_what_is_written_is_read_again() -> None:
    envelope = Envelope(
        id="wo_1:0000000007",
        source="/closedloop/workflow",
        type="closedloop.workorder.accepted.v1",
        subject="wo_1",
        time=datetime(2026, 3, 2, 1, 2, 3, 456_000, tzinfo=UTC),
        sequence=7,
        correlation_id="cmp_1",
        causation_id="cmp_1:0000000001",
        trace="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    out = write("workorders", "wo_1", envelope, b'{"a":1}')
    record = InRecord(out.topic, 0, 0, out.key, out.value, out.headers, RECEIVED)
    assert the_envelope(record) == envelope
    assert read_data(record) == {"a": 1}
    assert dict(out.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"wo_1:0000000007",
        "ce_source": b"/closedloop/workflow",
        "ce_type": b"closedloop.workorder.accepted.v1",
        "ce_subject": b"wo_1",
        "ce_time": b"2026-03-02T01:02:03.456Z",
        "ce_dataschema": b"urn:closedloop:workorder.accepted:v1",
        "ce_partitionkey": b"wo_1",
        "ce_sequence": b"0000000007",
        "ce_correlationid": b"cmp_1",
        "ce_causationid": b"cmp_1:0000000001",
        "ce_traceparent": b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "content-type": b"application/json",
    }


def test_three_attributes_are_enough_and_time_is_then_the_records() -> None:
    assert the_envelope(binary()) == Envelope("1", "crm", TYPE, time=RECEIVED)


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/cloudevents+json",
        b"Application/CloudEvents+JSON; charset=utf-8",
        b" application/cloudevents+json ;a=b",
    ],
)
def test_structured_mode_is_told_by_the_media_type_alone(content_type: bytes) -> None:
    record = structured(content_type, data={"a": 1}, subject="s", sequence=5, time="2026-03-02T09:00:00+08:00")
    assert the_envelope(record) == Envelope("1", "crm", TYPE, "s", RECEIVED, 5)
    assert read_data(record) == {"a": 1}


@pytest.mark.parametrize("content_type", [None, b"", b"\xff", b"application/json", b"application/cloudevents"])
def test_anything_else_is_binary_mode(content_type: bytes | None) -> None:
    record = a_record([*REQUIRED.items(), ("content-type", content_type)], b'{"id":"other"}')
    assert the_envelope(record).id == "1"
    assert read_data(record) == {"id": "other"}


def test_ce_headers_do_not_make_a_structured_record_binary() -> None:
    record = structured(data={"a": 1})
    both = a_record([*record.headers, ("ce_id", b"of the header")], record.value)
    assert the_envelope(both).id == "1"


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"bad\x01", b"x" * 513])
@pytest.mark.parametrize("name", ["id", "source", "type"])
def test_a_required_attribute_that_cannot_be_read_rejects(name: str, value: bytes | None) -> None:
    assert rejection(binary(**{f"ce_{name}": value})) == f"envelope_invalid /{name}"


@pytest.mark.parametrize("name", ["id", "source", "type"])
@pytest.mark.parametrize("value", [None, "", [], {}, True])
def test_so_does_one_of_a_structured_record(name: str, value: Any) -> None:
    assert rejection(structured(**{name: value})) == f"envelope_invalid /{name}"


@pytest.mark.parametrize("value", [None, b"\xff", b"", b"\x00", b"x" * 600])
def test_other_headers_may_be_anything(value: bytes | None) -> None:
    record = binary(ce_subject=value, ce_sequence=value, ce_correlationid=value, ce_traceparent=value, x=value)
    assert the_envelope(record) == Envelope("1", "crm", TYPE, time=RECEIVED)


@pytest.mark.parametrize("text", ["yesterday", "2026-03-02", "2026-03-02T09:00:00", "0001-01-01T00:00:00+08:00", ""])
def test_a_time_that_is_no_instant_rejects(text: str) -> None:
    assert rejection(binary(ce_time=text.encode())) == "envelope_invalid /time"


def test_time_is_kept_in_utc_milliseconds() -> None:
    envelope = the_envelope(binary(ce_time=b"2026-03-02T09:00:00.123999+08:00"))
    assert envelope.time == datetime(2026, 3, 2, 1, 0, 0, 123_000, tzinfo=UTC)


@pytest.mark.parametrize(("text", "number"), [("0000000012", 12), ("x", None), ("-1", None), ("9" * 30, None)])
def test_sequence_is_a_number_or_nothing(text: str, number: int | None) -> None:
    assert the_envelope(binary(ce_sequence=text.encode())).sequence == number


def test_another_major_version_of_cloudevents_rejects() -> None:
    assert rejection(binary(ce_specversion=b"0.3")) == "envelope_invalid /specversion"


def test_a_plain_traceparent_header_counts_too() -> None:
    assert the_envelope(binary(traceparent=b"00-a-b-01")).trace == "00-a-b-01"


def test_the_value_of_a_binary_record_is_not_looked_at_for_its_envelope() -> None:
    assert the_envelope(binary(b"no json \xff")).type == TYPE


def test_structured_data_may_come_as_base64() -> None:
    assert read_data(structured(data_base64=base64.b64encode(b'{"a":1}').decode())) == {"a": 1}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (structured(), "null_value"),
        (structured(data=None), "not_an_object"),
        (structured(data="{}"), "not_an_object"),
        (structured(data={"a": 2**63}), "number_out_of_range"),
        (structured(data={"a": "\0"}), "text_invalid"),
        (structured(data_base64="%%%"), "envelope_invalid"),
        (structured(data_base64=7), "envelope_invalid"),
        (structured(data_base64=base64.b64encode(b"\xff").decode()), "not_utf8"),
        (structured(data={"a": "x" * MAX_BODY_BYTES}), "too_large"),
        (structured(data={"a": "x" * 2 * MAX_BODY_BYTES}), "too_large"),
        (binary(None), "null_value"),
        (binary(b"[1]"), "not_an_object"),
        (binary(b"{"), "not_json"),
    ],
)
def test_data_that_cannot_be_used_is_rejected(record: InRecord, reason: str) -> None:
    read = read_data(record)
    assert isinstance(read, Rejected)
    assert read.reason == reason


@pytest.mark.parametrize(
    ("value", "reason"),
    [(None, "null_value"), (b"", "not_json"), (b"[]", "envelope_invalid"), (b'{"id":"\xff"}', "envelope_invalid")],
)
def test_a_structured_record_without_a_readable_envelope_is_rejected(value: bytes | None, reason: str) -> None:
    read = read_envelope(a_record([("content-type", b"application/cloudevents+json")], value))
    assert isinstance(read, Rejected)
    assert read.reason == reason


def test_data_of_exactly_the_limit_passes_in_structured_mode_too() -> None:
    record = structured(data={"a": "x" * (MAX_BODY_BYTES - len('{"a": ""}'))})
    assert isinstance(read_data(record), dict)


def test_schemas_have_absolute_names() -> None:
    assert data_schema("closedloop.clock.at_risk.v2") == "urn:closedloop:clock.at_risk:v2"
    assert data_schema("foreign") == "urn:foreign"
