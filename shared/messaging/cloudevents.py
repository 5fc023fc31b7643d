"""CloudEvents 1.0 over Kafka: binary and structured mode in, binary mode out.

Written here because the library takes any `ce_` header for binary mode and fails on headers that are not text.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from shared.events.catalogue import NAMESPACE, WireType
from shared.kernel.clock import to_milliseconds
from shared.messaging.body import MAX_BODY_BYTES, read_object
from shared.messaging.records import Envelope, Headers, InRecord, OutRecord, Rejected

STRUCTURED = b"application/cloudevents+json"
JSON = b"application/json"
REQUIRED = {"id": 512, "source": 512, "type": 256}  # and how long they may be
_MAX_OPTIONAL = 512
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NAME_LENGTH = len("content-type")
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_value = msgspec.json.Decoder().decode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
Attributes = Mapping[str, str]


def read_envelope(record: InRecord) -> Envelope | Rejected:
    """The attributes of `record`; in binary mode its value is not looked at.

    `time` defaults to the record's timestamp. Optional attributes that cannot be read count as absent.
    """
    if not _is_structured(record.headers):
        return _envelope(_from_headers(record.headers), record.timestamp)
    members = _structured_members(record.value)
    return members if isinstance(members, Rejected) else _envelope(_from_members(members), record.timestamp)


def read_data(record: InRecord) -> Mapping[str, Any] | Rejected:
    """The data of an event, which is a JSON object; reasons are those of `body.read_object`."""
    if not _is_structured(record.headers):
        return read_object(record.value)
    members = _structured_members(record.value)
    if isinstance(members, Rejected):
        return members
    raw = _structured_data(members)
    return raw if isinstance(raw, Rejected) else read_object(raw)


def write(topic: str, key: str, envelope: Envelope, data: bytes) -> OutRecord:
    """A record in binary mode; `topic` is the short name, `data` a JSON object."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", envelope.id.encode()),
        ("ce_source", envelope.source.encode()),
        ("ce_type", envelope.type.encode()),
        ("content-type", JSON),
        ("ce_dataschema", data_schema(envelope.type).encode()),
        ("ce_partitionkey", key.encode()),
    ]
    if envelope.time is not None:
        headers.append(("ce_time", rfc3339(envelope.time).encode()))
    if envelope.sequence is not None:
        headers.append(("ce_sequence", b"%010d" % envelope.sequence))
    for name, value in (
        ("ce_subject", envelope.subject),
        ("ce_correlationid", envelope.correlation_id),
        ("ce_causationid", envelope.causation_id),
        ("ce_traceparent", envelope.trace),
    ):
        if value is not None:
            headers.append((name, value.encode()))
    return OutRecord(topic, key.encode(), data, headers)


@lru_cache(maxsize=1024)
def data_schema(wire_type: str) -> str:
    """The absolute URI that names the schema of a type's data, for example `urn:closedloop:complaint.closed:v1`."""
    parsed = WireType.parse(wire_type)
    return f"urn:{NAMESPACE}:{parsed.name}:v{parsed.version}" if parsed else f"urn:{wire_type}"


def rfc3339(instant: datetime) -> str:
    """`instant` in UTC with milliseconds."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _is_structured(headers: Headers) -> bool:
    for name, value in headers:
        if len(name) == _NAME_LENGTH and name.lower() == "content-type" and value is not None:
            return value.partition(b";")[0].strip().lower() == STRUCTURED
    return False


def _from_headers(headers: Headers) -> Attributes:
    attributes = {}
    for name, raw in headers:
        if raw is not None and name.startswith(("ce_", "traceparent")):
            try:
                attributes[name.removeprefix("ce_")] = raw.decode()
            except UnicodeDecodeError:
                continue  # a required one is then missed; of any other the record can do without
    return attributes


def _structured_members(value: bytes | None) -> Mapping[str, msgspec.Raw] | Rejected:
    if value is None:
        return Rejected("null_value", "")
    if len(value) > 2 * MAX_BODY_BYTES:  # base64 takes a third more than the data that it carries
        return Rejected("too_large", f"{len(value)} bytes")
    try:
        return _members(value)
    except msgspec.ValidationError:
        return Rejected("envelope_invalid", "/: not an object")
    except _UNREADABLE:
        fault = read_object(value[:MAX_BODY_BYTES])
        return fault if isinstance(fault, Rejected) else Rejected("not_json", "")


def _from_members(members: Mapping[str, msgspec.Raw]) -> Attributes:
    attributes = {}
    for name, raw in members.items():
        if name in ("data", "data_base64"):
            continue
        try:
            value = _value(raw)
        except _UNREADABLE:
            continue
        if isinstance(value, str) or type(value) is int:
            attributes[name] = str(value)
    return attributes


def _structured_data(members: Mapping[str, msgspec.Raw]) -> bytes | Rejected:
    if "data" in members:
        return bytes(members["data"])
    if "data_base64" not in members:
        return Rejected("null_value", "/data")
    try:
        return base64.b64decode(_value(members["data_base64"]), validate=True)
    except (*_UNREADABLE, binascii.Error, TypeError, ValueError):
        return Rejected("envelope_invalid", "/data_base64: not base64")


def _envelope(attributes: Attributes, timestamp: datetime) -> Envelope | Rejected:
    for name, limit in REQUIRED.items():
        text = attributes.get(name, "")
        if not 0 < len(text) <= limit or _controls(text):
            return Rejected("envelope_invalid", f"/{name}: must be 1 to {limit} characters of UTF-8, none of control")
    if not attributes.get("specversion", "1.0").startswith("1."):
        return Rejected("envelope_invalid", "/specversion: not 1.x")
    time = _time(attributes["time"]) if "time" in attributes else timestamp
    if time is None:
        return Rejected("envelope_invalid", "/time: not RFC 3339")
    return Envelope(
        id=attributes["id"],
        source=attributes["source"],
        type=attributes["type"],
        subject=_optional(attributes, "subject"),
        time=time,
        sequence=_sequence(attributes.get("sequence", "")),
        correlation_id=_optional(attributes, "correlationid"),
        causation_id=_optional(attributes, "causationid"),
        trace=_optional(attributes, "traceparent"),
    )


def _time(text: str) -> datetime | None:
    try:
        instant = msgspec.convert(text, datetime)
        return to_milliseconds(instant) if instant.tzinfo else None
    except (msgspec.ValidationError, OverflowError):  # the latter: year 1 or 9999, shifted to UTC
        return None


def _sequence(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _optional(attributes: Attributes, name: str) -> str | None:
    text = attributes.get(name, "")
    return text if 0 < len(text) <= _MAX_OPTIONAL and not _controls(text) else None


def _controls(text: str) -> bool:
    return not text.isprintable() and _CONTROL.search(text) is not None  # the first test alone is much cheaper
