"""Rules A: instants and numbers."""

from __future__ import annotations

from typing import Any

import pytest

from shared.cli.sla_compute import compute
from shared.cli.sla_lines import answer_line
from shared.kernel.sla_clock import share_of
from shared.kernel.working_time import SlaError, format_instant, parse_instant
from tests.unit.sla.asking import add, ask_compute, at_share, between, clock, every_day, office, play, rungs


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2025-03-03T14:00:00+08:00", "2025-03-03T06:00:00Z"),
        ("2025-03-03T06:00:00Z", "2025-03-03T06:00:00Z"),
        ("2025-03-03t06:00:00z", "2025-03-03T06:00:00Z"),
        ("2025-03-03T02:30:00-03:30", "2025-03-03T06:00:00Z"),
        ("2025-03-03T06:00:00-00:00", "2025-03-03T06:00:00Z"),
        ("2025-03-03T06:00:00.999999999999Z", "2025-03-03T06:00:00Z"),
        ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
    ],
)
def test_a1_an_instant_is_cut_to_its_whole_second_in_utc(text: str, instant: str) -> None:
    assert format_instant(parse_instant(text)) == instant


@pytest.mark.parametrize(
    "text",
    [
        "2025-03-03T06:00:00",
        "2025-03-03",
        "2025-03-03 06:00:00Z",
        "2025-03-03T06:00Z",
        "2025-03-03T24:00:00Z",
        "2025-02-29T06:00:00Z",
        "2025-13-01T06:00:00Z",
        "0000-01-01T06:00:00Z",
        "2025-03-03T06:60:00Z",
        "2025-06-30T23:59:60Z",
        "2025-03-03T06:00:00.Z",
        "2025-03-03T06:00:00+0800",
        "2025-03-03T06:00:00+24:00",
        "2025-03-03T06:00:00+08:60",
        "２025-03-03T06:00:00Z",
        " 2025-03-03T06:00:00Z",
        "2025-03-03T06:00:00Z\n",
        "",
        None,
        1741000000,
        True,
        ["2025-03-03T06:00:00Z"],
    ],
)
def test_a1_anything_else_is_no_instant(text: object) -> None:
    with pytest.raises(SlaError, match="request_invalid"):
        parse_instant(text)


def test_a1_the_fractions_are_gone_before_two_instants_are_compared() -> None:
    assert between(office(), "2025-03-03T10:00:00.9+08:00", "2025-03-03T10:00:00.1+08:00") == 0


@pytest.mark.parametrize("seconds", [-1, 1.0, 1.5, "1", True, False, None, [], {}])
def test_a2_seconds_are_an_integer_of_at_least_zero(seconds: Any) -> None:
    assert add(office(), "2025-03-03T10:00:00+08:00", seconds) == "request_invalid"


@pytest.mark.parametrize("count", [0, -1, 1.0, True, "1", None])
@pytest.mark.parametrize("unit", ["natural_days", "work_days"])
def test_a2_a_count_is_an_integer_of_at_least_one(count: Any, unit: str) -> None:
    request = {"id": 1, "calendar": office(), "op": "add", "unit": unit, "at": "2025-03-03T10:00:00Z"}
    assert ask_compute({**request, "count": count})["error"]["code"] == "request_invalid"


@pytest.mark.parametrize("percent", [-0.1, True, "50", None])
def test_a2_a_share_is_a_number_of_at_least_zero(percent: Any) -> None:
    answer = play(office(), clock(60, at_share(percent, "r")), "2025-03-03T10:00 start")
    assert answer["error"]["code"] == "request_invalid"


@pytest.mark.parametrize(
    ("budget", "percent", "share"),
    [
        (28_800, "50", 14_400),
        (28_800, "33.3", 9_591),
        (10_000, "0.01", 1),
        (10_000, "0.010000000000000000001", 2),
        (3, "33.333333333333333333", 1),
        (3, "33.333333333333333334", 2),
        (7, "100", 7),
        (7, "150", 11),
        (0, "75", 0),
        (7, "0.0", 0),
        (100, "1E+2", 100),
        (100, "1E-999999", 1),
        (1, "1E+999999", 10**30),
        (0, "1E+999999", 0),
        (1000, "0.1", 1),
        (1000, "55.1", 551),
    ],
)
def test_a3_a_share_is_exact_and_rounded_up(budget: int, percent: str, share: int) -> None:
    assert share_of(budget, percent) == share


def test_a3_the_share_is_the_decimal_in_the_line_not_the_nearest_binary_number() -> None:
    # 55.1 as a binary float is a little more than 55.1 and would make it 552 seconds
    answer = play(every_day("UTC", "00:00-24:00"), clock(1000, at_share(55.1)), "2025-03-03T08:00 start")
    assert rungs(answer)["55.1%"] == ("pending", "2025-03-03T00:09:11Z")


@pytest.mark.parametrize(
    "changes",
    [
        {"at": "yesterday"},
        {"unit": "weeks"},
        {"unit": None},
        {"unit": ["business"]},
        {"op": "multiply"},
        {"op": {}},
        {"op": "between", "unit": "natural_days", "to": "2025-03-04T00:00:00Z", "count": 1},
        {"op": "sub", "unit": "work_days", "count": 1},
        {"op": "between"},
        {"op": "between", "to": "2025-03-03T09:59:59Z"},
        {"op": "between", "to": "2025-03-03T09:59:59Z", "unit": "natural"},
        {"unit": "natural", "seconds": 400_000 * 366 * 86_400},
        {"unit": "natural", "seconds": 10**40},
        {"op": "sub", "unit": "natural", "seconds": 2026 * 366 * 86_400},
        {"unit": "natural_days", "count": 10**40},
        {"unit": "natural_days", "count": 1, "roll_to_working_day": "yes"},
        {"calendar": None},
        {"calendar": "CN"},
    ],
)
def test_a4_a_bad_request_says_so(changes: dict[str, Any]) -> None:
    request = {
        "id": 7,
        "calendar": office(),
        "op": "add",
        "unit": "business",
        "at": "2025-03-03T10:00:00Z",
        "seconds": 1,
    }
    answer = ask_compute({**request, **changes})
    assert answer["id"] == 7
    assert answer["error"]["code"] == "request_invalid"


@pytest.mark.parametrize("field", ["id", "calendar", "op", "unit", "at", "seconds"])
def test_a4_a_missing_field_is_a_bad_request(field: str) -> None:
    request = {
        "id": 7,
        "calendar": office(),
        "op": "add",
        "unit": "natural",
        "at": "2025-03-03T10:00:00Z",
        "seconds": 1,
    }
    del request[field]
    assert ask_compute(request)["error"]["code"] == "request_invalid"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"nonsense",
        b"[1]",
        b"null",
        b'"text"',
        b'{"id": 1,',
        b'{"id": NaN}',
        b'{"id": "\xff"}',
        b'{"id": 1, "note": "\xff"}',
        b"[" * 100_000,
        b'{"id":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_a4_a_line_that_is_no_object_gets_an_error_line_without_id(line: bytes) -> None:
    answer = answer_line(line, compute)
    assert answer.startswith(b'{"id":null,"error":{"code":"request_invalid"')
    assert answer.count(b"\n") == 1


def test_a4_the_id_comes_back_as_it_was_written() -> None:
    for line_id in (b'"a\\u00e9"', b"1.50", b"123456789012345678901234567890", b"null", b'{"a":[1]}'):
        assert answer_line(b'{"id": ' + line_id + b"}", compute).startswith(b'{"id":' + line_id + b",")


def test_a4_an_integer_too_long_to_read_is_a_bad_request_of_its_line() -> None:
    answer = answer_line(b'{"id": 5, "calendar": {}, "seconds": 1' + b"0" * 5000 + b"}", compute)
    assert answer.startswith(b'{"id":5,"error":{"code":"request_invalid"')


def test_a4_of_a_key_written_twice_the_last_counts() -> None:
    assert answer_line(b'{"id": 1, "id": 2}', compute).startswith(b'{"id":2,')


def test_a4_the_request_is_checked_before_the_calendar_and_the_calendar_before_its_coverage() -> None:
    broken = office(zone="Mars/Olympus")
    assert add(broken, "no instant", 1) == "request_invalid"
    assert add(broken, "2099-01-01T00:00:00Z", 1) == "calendar_invalid"
