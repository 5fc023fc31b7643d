"""What is passed over by its type alone, and what is read without plain data on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest

from shared.kernel.aggregate import Facts
from shared.messaging import contract
from shared.messaging.bindings import Binding, Follow, On, Replica, Trigger
from shared.messaging.reading import Copying, Dead, Reader, Reading, Skipped, Work
from shared.messaging.records import Delivery, InRecord
from shared.persistence.parking import Parked
from tests.ballot import BALLOT, NOON

WANTED, KNOWN = "closedloop.workorder.closed.v1", "closedloop.workorder.accepted.v1"
FACTS = Facts(NOON)


@dataclass(frozen=True, slots=True)
class Seen:
    id: str
    number: int = 0


def seen(delivery: Delivery) -> tuple[str, Mapping[str, Any]]:
    return delivery.change.id, {"number": delivery.change.number, "data": dict(delivery.data)}


def nothing(_: Delivery) -> None:
    return None


ON = On(contract.change(Seen), nothing)
DIRECT = replace(ON, directly=msgspec.json.Decoder(Seen).decode)
REPLICA = Replica("workorders", "copies", {WANTED: DIRECT}, seen)
FOLLOW = Follow("workorders", BALLOT, lambda subject: subject)
TRIGGER = Trigger("workorders", BALLOT, {WANTED: ON})


def a_record(kind: str, value: bytes | None = b'{"id":"a"}', **headers: bytes | None) -> InRecord:
    named = {"ce_type": kind.encode(), "ce_id": b"1", "ce_source": b"/test", "ce_subject": b"bal_1", **headers}
    return InRecord("workorders", 0, 7, b"k", value, list(named.items()), NOON)


def structured(kind: str, data: object = None, **members: object) -> InRecord:
    value = msgspec.json.encode({"id": "1", "source": "/test", "type": kind, "data": data, **members})
    headers = [("ce_type", KNOWN.encode()), ("content-type", b"application/cloudevents+json")]
    return InRecord("workorders", 0, 7, b"k", value, headers, NOON)


def read(record: InRecord, *bindings: Binding) -> list[Reading]:
    return Reader(bindings).read(record, FACTS)


@pytest.mark.parametrize("bindings", [(REPLICA,), (TRIGGER,), (TRIGGER, REPLICA)])
def test_a_known_type_that_nobody_wants_is_not_looked_at(bindings: tuple[Binding, ...]) -> None:
    record = a_record(KNOWN, b"no json", ce_time=b"no time")
    assert read(record, *bindings) == [Skipped(record)]


def test_what_has_no_value_is_told_whatever_its_type_is() -> None:
    [dead] = read(a_record(KNOWN, None), TRIGGER)
    assert isinstance(dead, Dead)
    assert dead.reason == "null_value"


def test_a_follower_counts_what_nobody_wants() -> None:
    [work] = read(a_record(KNOWN, ce_sequence=b"0000000004"), FOLLOW)
    assert isinstance(work, Work)
    assert (work.aggregate_id, work.command) == ("bal_1", None)


def test_whoever_sends_to_a_foreign_topic_hears_of_a_wrong_type() -> None:
    [dead] = read(a_record(KNOWN), replace(TRIGGER, foreign=True))
    assert isinstance(dead, Dead)
    assert dead.reason == "type_not_accepted"


@pytest.mark.parametrize(
    ("kind", "later", "reason"),
    [
        ("closedloop.workorder.closed.v9", frozenset[str](), "unknown_type"),
        (KNOWN, frozenset({KNOWN}), "not_yet_supported"),
    ],
)
def test_a_type_that_may_be_wanted_one_day_is_parked(kind: str, later: frozenset[str], reason: str) -> None:
    [parked] = read(a_record(kind), replace(TRIGGER, later=later))
    assert isinstance(parked, Parked)
    assert parked.reason == reason


def test_the_type_of_a_structured_record_stands_in_its_value() -> None:
    [copying] = read(structured(WANTED, {"id": "a"}), REPLICA)
    assert isinstance(copying, Copying)
    record = structured(KNOWN)
    assert read(record, REPLICA) == [Skipped(record)]


def test_a_headers_last_word_counts_if_it_can_be_read() -> None:
    record = a_record(KNOWN)
    again = msgspec.structs.replace(record, headers=[*record.headers, ("ce_type", WANTED.encode())])
    garbled = msgspec.structs.replace(record, headers=[*record.headers, ("ce_type", b"\xff")])
    assert isinstance(read(again, REPLICA)[0], Copying)
    assert read(garbled, REPLICA) == [Skipped(garbled)]


def test_our_own_records_are_read_without_plain_data_on_the_way() -> None:
    [copying] = read(a_record(WANTED, b'{"id":"a","number":3,"more":[{}]}'), REPLICA)
    assert isinstance(copying, Copying)
    assert copying.copies == [("a", {"number": 3, "data": {}})]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b'{"id":"a","number":9223372036854775808}', "number_out_of_range"),
        (b'{"id":"a\\u0000"}', "text_invalid"),
        (b'{"id":"\\ud800"}', "text_invalid"),
        (b'{"id":"\xff"}', "not_utf8"),
        (b'{"id":"a"', "not_json"),
        (b"[]", "not_an_object"),
        (b'{"number":1}', "data_invalid"),
        (b'{"id":"' + b"x" * 900 * 1024 + b'"}', "too_large"),
    ],
)
def test_what_cannot_be_read_so_is_told_as_it_would_be_otherwise(value: bytes, reason: str) -> None:
    direct, detour = (read(a_record(WANTED, value), replace(REPLICA, on={WANTED: on})) for on in (DIRECT, ON))
    assert direct == detour
    assert isinstance(direct[0], Dead)
    assert direct[0].reason == reason
