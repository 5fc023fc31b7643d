"""JSON from outside, let in only if log, projection and topics can hold every part of it (pure, no I/O)."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from shared.messaging.records import Rejected

T = TypeVar("T")
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoders of msgspec raise for bytes that they cannot make sense of."""
MAX_BODY_BYTES = 900 * 1024
MAX_DEPTH = 32
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

# Cheap signs that a decoded body may hold a NUL or an integer beyond 64 bits; only then is every value looked at.
_ESCAPED_NUL = rb"\u0000"
_ONLY_DIGITS = bytes(ord("0") if chr(byte) in "0123456789" else ord(" ") for byte in range(256))
_LONG_NUMBER = b"0" * 19
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_CONTAINERS = (dict, list)
_decode = msgspec.json.Decoder().decode


def read_object(raw: bytes | None) -> Mapping[str, Any] | Rejected:
    """The JSON object in `raw`; a body of another shape is rejected as `not_an_object`."""
    if raw is None:
        return Rejected("null_value", "")
    value = read_json(raw)
    if isinstance(value, dict | Rejected):
        return value
    return Rejected("not_an_object", f"/: {type(value).__name__}")


def read_json(raw: bytes) -> Any | Rejected:
    """Any JSON value that BSON can hold too; no detail ever quotes the content.

    Reasons: `too_large` (over 900 KiB), `not_utf8`, `not_json`, `too_deep` (over 32 levels), `number_out_of_range`
    (an integer beyond 64 bits), `text_invalid` (NUL or a lone surrogate).
    """
    if len(raw) > MAX_BODY_BYTES:
        return Rejected("too_large", f"{len(raw)} bytes, {MAX_BODY_BYTES} allowed")
    try:
        value = _decode(raw)
    except RecursionError:
        return Rejected("too_deep", f"over {MAX_DEPTH} levels")
    except UnicodeDecodeError as error:
        return Rejected("not_utf8", error.reason)
    except msgspec.ValidationError as error:  # raised without a schema only for numbers
        return Rejected("number_out_of_range", str(error))
    except msgspec.DecodeError as error:
        return _unreadable(raw, error)
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _too_deep(value):
        return Rejected("too_deep", f"over {MAX_DEPTH} levels")
    return value if _harmless(raw) else _fault(value) or value


def read_as(raw: bytes, decode: Callable[[bytes], T]) -> T | None:
    """What `decode` makes of a body: a decoder of msgspec for a class without free-form parts.

    None where the body does not fit, and where `read_json` might reject what is read of it.
    """
    if len(raw) > MAX_BODY_BYTES or not _harmless(raw):
        return None
    try:
        return decode(raw)
    except UNREADABLE:
        return None


def pointer(*steps: object) -> str:
    """A JSON pointer (RFC 6901), shortened: the names in it may come from outside."""
    path = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return path if len(path) <= 200 else path[:199] + "…"


def _harmless(raw: bytes) -> bool:
    """Cheap; whether no value in it can be a text with NUL or an integer beyond 64 bits."""
    return _ESCAPED_NUL not in raw and _LONG_NUMBER not in raw.translate(_ONLY_DIGITS)


def _unreadable(raw: bytes, error: msgspec.DecodeError) -> Rejected:
    try:
        raw.decode()
    except UnicodeDecodeError as fault:
        return Rejected("not_utf8", f"{fault.reason} (byte {fault.start})")
    if _ESCAPED_SURROGATE.search(raw) and _readable_without_surrogates(raw):
        return Rejected("text_invalid", "a lone surrogate")
    return Rejected("not_json", str(error))


def _readable_without_surrogates(raw: bytes) -> bool:
    try:
        _decode(_ESCAPED_SURROGATE.sub(rb"\\u00", raw))
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _too_deep(value: Any) -> bool:
    level: list[Any] = [[value]]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _CONTAINERS
        ]
        if not level:
            return False
    return True


def _fault(value: Any, *path: object) -> Rejected | None:
    """The first part of `value` that may not pass. Recursion is bounded: `value` is not too deep."""
    kind = type(value)
    if kind is str and "\0" in value:
        return Rejected("text_invalid", f"{pointer(*path)}: NUL")
    if kind is int and not INT64_MIN <= value <= INT64_MAX:
        return Rejected("number_out_of_range", f"{pointer(*path)}: integer beyond 64 bits")
    if kind is dict and any("\0" in name for name in value):
        return Rejected("text_invalid", f"{pointer(*path)}: NUL in a name")
    if kind not in _CONTAINERS:
        return None
    inside = value.items() if kind is dict else enumerate(value)
    return next((fault for step, inner in inside if (fault := _fault(inner, *path, step))), None)
