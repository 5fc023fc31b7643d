"""CloudEvents 1.0 over Kafka: binary and structured mode in, binary mode out.

Written here because the library takes any `ce_` header for binary mode and fails on headers that are not text.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from shared.events.catalogue import NAMESPACE, WireType
from shared.kernel.clock import to_milliseconds
from shared.messaging.body import MAX_BODY_BYTES, UNREADABLE, read_as, read_object
from shared.messaging.records import Envelope, Headers, InRecord, OutRecord, Rejected

T = TypeVar("T")
STRUCTURED = b"application/cloudevents+json"
JSON = b"application/json"
REQUIRED = {"id": 512, "source": 512, "type": 256}  # and how long they may be
_MAX_OPTIONAL = 512
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NAME_LENGTH = len("content-type")
_ATTRIBUTES = {
    **{f"ce_{name}": name for name in ("specversion", "time", "subject", "sequence", *REQUIRED)},
    **{f"ce_{name}": name for name in ("correlationid", "causationid", "traceparent")},
    "traceparent": "traceparent",
}
"""Those that are looked at, by header."""
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_value = msgspec.json.Decoder().decode
Attributes = Mapping[str, str]


def read_envelope(record: InRecord) -> Envelope | Rejected:
    """The attributes of `record`; in binary mode its value is not looked at.

    `time` defaults to the record's timestamp. Optional attributes that cannot be read count as absent.
    """
    attributes = _from_headers(record.headers)
    if attributes is not None:
        return _envelope(attributes, record.timestamp)
    members = _structured_members(record.value)
    return members if isinstance(members, Rejected) else _envelope(_from_members(members), record.timestamp)


def type_in_headers(record: InRecord) -> bytes | None:
    """The type that `read_envelope` would find if the rest is in order; None where the headers do not tell."""
    found, mode = None, None
    for name, value in record.headers:
        if name == "ce_type":
            found = value
        elif mode is None and _is_content_type(name):
            mode = value
    return None if found is None or _names_structured(mode) else found


def read_data(record: InRecord) -> Mapping[str, Any] | Rejected:
    """The data of an event, which is a JSON object; reasons are those of `body.read_object`."""
    if not _is_structured(record.headers):
        return read_object(record.value)
    members = _structured_members(record.value)
    if isinstance(members, Rejected):
        return members
    raw = _structured_data(members)
    return raw if isinstance(raw, Rejected) else read_object(raw)


def read_directly(record: InRecord, decode: Callable[[bytes], T]) -> T | None:
    """The data as `decode` reads it (see `body.read_as`); None where only `read_data` can tell what there is."""
    if record.value is None or _is_structured(record.headers):
        return None
    return read_as(record.value, decode)


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
        if value is not None and _is_content_type(name):
            return _names_structured(value)
    return False


def _is_content_type(name: str) -> bool:
    return len(name) == _NAME_LENGTH and name.lower() == "content-type"


def _names_structured(media_type: bytes | None) -> bool:
    if media_type is None or media_type == JSON:
        return False
    return media_type.partition(b";")[0].strip().lower() == STRUCTURED


def _from_headers(headers: Headers) -> Attributes | None:
    """None: the headers say that the attributes stand in the value."""
    attributes, mode = {}, None
    for header, raw in headers:
        name = _ATTRIBUTES.get(header)
        if name is not None and raw is not None:
            try:
                attributes[name] = raw.decode()
            except UnicodeDecodeError:
                continue  # a required one is then missed; of any other the record can do without
        elif mode is None and raw is not None and _is_content_type(header):
            mode = raw
    return None if _names_structured(mode) else attributes


def _structured_members(value: bytes | None) -> Mapping[str, msgspec.Raw] | Rejected:
    if value is None:
        return Rejected("null_value", "")
    if len(value) > 2 * MAX_BODY_BYTES:  # base64 takes a third more than the data that it carries
        return Rejected("too_large", f"{len(value)} bytes")
    try:
        return _members(value)
    except msgspec.ValidationError:
        return Rejected("envelope_invalid", "/: not an object")
    except UNREADABLE:
        fault = read_object(value[:MAX_BODY_BYTES])
        return fault if isinstance(fault, Rejected) else Rejected("not_json", "")


def _from_members(members: Mapping[str, msgspec.Raw]) -> Attributes:
    attributes = {}
    for name, raw in members.items():
        if name in ("data", "data_base64"):
            continue
        try:
            value = _value(raw)
        except UNREADABLE:
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
    except (*UNREADABLE, binascii.Error, TypeError, ValueError):
        return Rejected("envelope_invalid", "/data_base64: not base64")


def _envelope(attributes: Attributes, timestamp: datetime) -> Envelope | Rejected:
    for name, limit in REQUIRED.items():
        text = attributes.get(name, "")
        if not (0 < len(text) <= limit and (text.isprintable() or not _CONTROL.search(text))):
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
        if instant.tzinfo is UTC and not instant.microsecond % 1000:
            return instant  # as we write it ourselves
        return to_milliseconds(instant) if instant.tzinfo else None
    except (msgspec.ValidationError, OverflowError):  # the latter: year 1 or 9999, shifted to UTC
        return None


def _sequence(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _optional(attributes: Attributes, name: str) -> str | None:
    text = attributes.get(name)
    if text and len(text) <= _MAX_OPTIONAL and (text.isprintable() or not _CONTROL.search(text)):
        return text  # the first test of the characters alone is much cheaper
    return None
