"""JSON bodies: what may not come in, and what must come in word for word."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.body import MAX_BODY_BYTES, pointer, read_json, read_object
from shared.messaging.records import Rejected


def reason(raw: bytes | None) -> str | None:
    read = read_object(raw)
    return read.reason if isinstance(read, Rejected) else None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (None, "null_value"),
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"{} {}", "not_json"),
        (b'{"a":NaN}', "not_json"),
        (b'{"a":Infinity}', "not_json"),
        (b"{'a':1}", "not_json"),
        (b'{"a":"\x00"}', "not_json"),
        (b"\xef\xbb\xbf{}", "not_json"),
        (b"[]", "not_an_object"),
        (b"null", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b'{"a":"\xff"}', "not_utf8"),
        (b'{"\xff":1}', "not_utf8"),
        (b'{"a":"\xed\xa0\x80"}', "not_utf8"),
        (b"\xff\xfe{\x00}\x00", "not_utf8"),
        (b'{"a":"\\u0000"}', "text_invalid"),
        (b'{"\\u0000":1}', "text_invalid"),
        (b'{"a":[{"b\\u0000":1}]}', "text_invalid"),
        (b'{"a":"\\ud800"}', "text_invalid"),
        (b'{"a":"\\udfff!"}', "text_invalid"),
        (b'{"a":"\\ud800\\u0041"}', "text_invalid"),
        (b'{"a":"\\ud800"', "not_json"),
        (b'{"a":9223372036854775808}', "number_out_of_range"),
        (b'{"a":[-9223372036854775809]}', "number_out_of_range"),
        (b'{"a":' + b"9" * 5000 + b"}", "number_out_of_range"),
        (b'{"a":1e999}', "number_out_of_range"),
        (b'{"a":' + b"[" * 32 + b"]" * 32 + b"}", "too_deep"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "too_deep"),
        (b'{"a":' + b"[" * 500_000, "too_deep"),
        (b'{"a":"' + b"x" * MAX_BODY_BYTES + b'"}', "too_large"),
    ],
)
def test_what_storage_cannot_hold_is_refused_for_a_stable_reason(raw: bytes | None, expected: str) -> None:
    assert reason(raw) == expected


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":9223372036854775807,"b":-9223372036854775808}',
        b'{"a":1e300,"b":12345678901234567890.5}',
        b'{"a":"12345678901234567890123"}',
        b'{"a":"\\\\u0000","b":"\\ud83d\\ude00","c":"$100 $$NOW","d.e":{"":"", "$f":1}}',
        b'{"a":' + b"[" * 31 + b"]" * 31 + b"}",
        json.dumps({"a": [{"b": [[]]}] * 200}).encode(),
        '{"文":"投诉 \U0001f600"}'.encode(),
    ],
)
def test_what_storage_can_hold_is_read_as_any_parser_would(raw: bytes) -> None:
    assert read_object(raw) == json.loads(raw)


def test_a_body_of_exactly_the_limit_passes() -> None:
    assert read_json(b'"' + b"x" * (MAX_BODY_BYTES - 2) + b'"') == "x" * (MAX_BODY_BYTES - 2)


def test_the_detail_points_at_the_fault_and_quotes_nothing() -> None:
    secret = b'{"a":[{"b/c":"13800138000\\u0000"}]}'
    read = read_json(secret)
    assert read == Rejected("text_invalid", "/a/0/b~1c: NUL")
    for raw in (b'{"phone":"13800138000', b'{"phone":13800138000138001380}', b'{"phone":"13800138000\xff"}'):
        fault = read_json(raw)
        assert isinstance(fault, Rejected)
        assert "138" not in fault.detail


def test_pointers_are_cut_short() -> None:
    assert len(pointer("x" * 5000)) == 200


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=25,
)


def fits(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" not in value
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    if isinstance(value, dict):
        return all(fits(name) and fits(inner) for name, inner in value.items())
    return all(map(fits, value)) if isinstance(value, list) else True


@given(json_values, st.booleans())
def test_every_value_is_read_exactly_or_refused_exactly_if_it_does_not_fit(value: Any, escaped: bool) -> None:
    read = read_json(json.dumps(value, ensure_ascii=escaped).encode())
    assert (read == value) if fits(value) else isinstance(read, Rejected)


@given(st.binary(max_size=60))
def test_no_bytes_raise(raw: bytes) -> None:
    read_json(raw)
