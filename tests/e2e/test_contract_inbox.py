"""What the system reads: foreign records in both modes, their quirks, and what becomes of those it cannot use."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.outside import Outside
from tests.e2e.seen import Seen

DEAD_LETTER = {"dl_reason", "dl_detail", "dl_topic", "dl_partition", "dl_offset", "dl_at", "dl_attempts"}


def received(number: str) -> Any:
    return lambda seen: seen.kind == "complaint.received" and seen.data["complaint"]["external_id"] == number


async def submitted(outside: Outside, number: str, source: str = "crm", **changed: Any) -> Seen:
    data = await outside.complaint(external_id=number, **changed)
    await outside.send("complaints.inbox", "complaint.submitted", data, source=source)
    return await outside.record("complaints", received(number))


def attributes(**changed: str) -> dict[str, str]:
    least = {"specversion": "1.0", "id": uuid4().hex, "source": "crm", "type": "closedloop.complaint.submitted.v1"}
    return {**least, **changed}


def binary(**changed: str) -> list[tuple[str, bytes | None]]:
    return [(f"ce_{name}", value.encode()) for name, value in attributes(**changed).items()]


async def test_binary_mode_without_a_content_type_is_read(outside: Outside) -> None:
    seen = await submitted(outside, "bin-1", source="/crm/nanjing")
    assert seen.data["complaint"]["source"] == "/crm/nanjing"
    assert seen.data["complaint"]["status"] == "received"


@pytest.mark.parametrize(
    "content_type", ["application/cloudevents+json", "Application/CloudEvents+JSON; charset=UTF-8"]
)
async def test_structured_mode_is_told_by_the_content_type(outside: Outside, content_type: str) -> None:
    number = f"structured-{uuid4().hex[:6]}"
    event = {**attributes(), "data": await outside.complaint(external_id=number)}
    await outside.send_raw("complaints.inbox", json.dumps(event).encode(), [("content-type", content_type.encode())])
    assert (await outside.record("complaints", received(number))).headers["ce_causationid"] == event["id"]


@pytest.mark.parametrize("content_type", [b"application/json", b"text/plain", b"\xff", None])
async def test_any_other_content_type_is_binary_mode(outside: Outside, content_type: bytes | None) -> None:
    number = f"typed-{uuid4().hex[:6]}"
    value = json.dumps(await outside.complaint(external_id=number)).encode()
    await outside.send_raw("complaints.inbox", value, [*binary(), ("Content-Type", content_type)])
    await outside.record("complaints", received(number))


async def test_a_null_key_and_unreadable_headers_are_accepted(outside: Outside) -> None:
    value = json.dumps(await outside.complaint(external_id="odd-1")).encode()
    odd: list[tuple[str, bytes | None]] = [("trace", None), ("ce_subject", b"\xff\xfe"), ("ce_x", None)]
    await outside.send_raw("complaints.inbox", value, [*binary(), *odd], key=None)
    await outside.record("complaints", received("odd-1"))


async def test_unknown_fields_are_ignored(outside: Outside) -> None:
    seen = await submitted(outside, "more-1", weather="fine", customer={"id": "c-1", "shoe_size": 43})
    assert "weather" not in seen.data["change"]


async def test_what_the_source_leaves_out_comes_from_the_customer_replica(outside: Outside) -> None:
    who = {"id": "c-replica", "name": "张三", "phone": "13700000000"}
    profile = {**who, "tier": "gold", "region": "js/nanjing", "language": "zh"}
    await outside.send("customers.inbox", "customer.profile_changed", profile, key=b"c-replica")
    await outside.customer("c-replica", lambda answer: answer.status_code == 200)
    seen = await submitted(outside, "replica-1", customer={"id": "c-replica", "phone": "13711111111"})
    customer = seen.data["change"]["customer"]
    assert (customer["name"], customer["tier"], customer["region"]) == ("张三", "gold", "js/nanjing")
    assert customer["phone"] == "13711111111"
    await outside.send_raw("customers.inbox", None, [], key=b"c-replica")
    await outside.customer("c-replica", lambda answer: answer.status_code == 404)


async def test_defaults_are_filled_in(outside: Outside) -> None:
    web = (await submitted(outside, "default-1")).data["change"]
    assert (web["acknowledged"], web["remedy_sought"], web["customer"]["tier"]) == (False, "unknown", "standard")
    phone = await submitted(outside, "default-2", channel="phone")
    assert phone.data["change"]["acknowledged"] is True
    assert phone.data["complaint"]["priority"] == "P3"


async def test_an_exact_repetition_makes_no_second_complaint(outside: Outside) -> None:
    data = await outside.complaint(external_id="twice-1")
    for _ in range(2):
        await outside.send("complaints.inbox", "complaint.submitted", data)
    event_id = await outside.send("complaints.inbox", "complaint.submitted", data)
    await outside.send("complaints.inbox", "complaint.submitted", data, id=event_id)
    await submitted(outside, "twice-2")
    assert len(await outside.records("complaints", received("twice-1"), 1)) == 1
    assert not outside.so_far("intake.dead-letters", lambda seen: "twice-1" in str(seen.value))


async def test_the_same_number_of_two_sources_is_two_complaints(outside: Outside) -> None:
    first = await submitted(outside, "same-number", source="crm")
    data = await outside.complaint(external_id="same-number")
    await outside.send("complaints.inbox", "complaint.submitted", data, source="app")
    second = (await outside.records("complaints", received("same-number"), 2))[1]
    assert first.subject != second.subject


async def test_the_same_number_with_other_content_is_a_contradiction(outside: Outside) -> None:
    await submitted(outside, "contra-1")
    other = await outside.complaint(external_id="contra-1", subject="Something else")
    event_id = await outside.send("complaints.inbox", "complaint.submitted", other)
    assert (await outside.dead_letter("intake", event_id)).headers["dl_reason"] == "conflicting_duplicate"


async def test_a_dead_letter_is_the_record_as_it_came_with_its_origin(outside: Outside) -> None:
    data = {**await outside.complaint(), "channel": "pigeon"}
    headers = [*binary(id="bad-1"), ("own", b"kept")]
    value = json.dumps(data).encode()
    partition, offset = await outside.send_raw("complaints.inbox", value, headers, key=b"their-key")
    letter = await outside.dead_letter("intake", "bad-1")
    assert set(letter.headers) >= DEAD_LETTER
    assert (letter.key, letter.value, letter.headers["own"]) == (b"their-key", value, "kept")
    assert letter.headers["dl_topic"] == "closedloop.complaints.inbox"
    assert (letter.headers["dl_partition"], letter.headers["dl_offset"]) == (str(partition), str(offset))
    assert letter.headers["dl_attempts"] == "1"
    assert "/channel" in letter.headers["dl_detail"]


BAD_VALUES: dict[str, bytes] = {
    "not_json": b"{'channel': 'web'",
    "not_utf8": b'{"channel": "\xff"}',
    "not_an_object": b"[1, 2]",
    "too_deep": b'{"a":' * 40 + b"1" + b"}" * 40,
    "number_out_of_range": b'{"n": 9223372036854775808}',
    "text_invalid": b'{"subject": "\\ud800"}',
    "too_large": b'{"x": "' + b"a" * (901 * 1024) + b'"}',
    "data_invalid": b"{}",
}


@pytest.mark.parametrize("reason", BAD_VALUES)
async def test_what_cannot_be_used_is_dead_lettered_once_and_its_neighbours_are_not(
    outside: Outside, reason: str
) -> None:
    event_id = f"{reason}-{uuid4().hex[:6]}"
    await outside.send_raw("complaints.inbox", BAD_VALUES[reason], binary(id=event_id))
    await submitted(outside, f"after-{reason}")
    letter = await outside.dead_letter("intake", event_id)
    assert letter.headers["dl_reason"] == reason
    assert len(outside.so_far("intake.dead-letters", lambda seen: seen.headers.get("ce_id") == event_id)) == 1


async def test_a_null_value_and_a_missing_required_attribute_are_dead_lettered(outside: Outside) -> None:
    await outside.send_raw("complaints.inbox", None, binary(id="null-1"))
    assert (await outside.dead_letter("intake", "null-1")).headers["dl_reason"] == "null_value"
    typeless = [(name, value) for name, value in binary(id="typeless-1") if name != "ce_type"]
    await outside.send_raw("complaints.inbox", b"{}", typeless)
    assert "/type" in (await outside.dead_letter("intake", "typeless-1")).headers["dl_detail"]
    await outside.send_raw("complaints.inbox", b"{}", [("ce_id", b"x")], key=b"sourceless")
    await outside.record("intake.dead-letters", lambda seen: seen.key == b"sourceless")


async def test_a_regulator_needs_a_case_and_times_need_an_offset(outside: Outside) -> None:
    for number, changed, pointer in (
        ("reg-1", {"channel": "regulator"}, "/regulator_case"),
        ("time-1", {"received_at": "2025-03-01T22:00:00"}, "/received_at"),
        ("long-1", {"subject": "x" * 201}, "/subject"),
        ("long-2", {"external_id": "x" * 65}, "/external_id"),
        ("flag-1", {"severity_flags": ["sparkling"]}, "/severity_flags/0"),
    ):
        data = await outside.complaint(**{"external_id": number, **changed})
        event_id = await outside.send("complaints.inbox", "complaint.submitted", data)
        assert pointer in (await outside.dead_letter("intake", event_id)).headers["dl_detail"]


@pytest.mark.parametrize(
    "kind", ["complaint.urged", "complaint.supplemented", "feedback.submitted", "no.such", "complaint.submitted.v9"]
)
async def test_types_that_are_for_later_or_unknown_hold_back_nobody_and_are_no_dead_letters(
    outside: Outside, kind: str
) -> None:
    number = f"later-{uuid4().hex[:6]}"
    event_id = await outside.send("complaints.inbox", kind, {"external_id": number, "text": "hurry"})
    await submitted(outside, number)
    assert not outside.so_far("intake.dead-letters", lambda seen: seen.headers.get("ce_id") == event_id)


async def test_a_withdrawal_is_decided_by_the_order_and_the_complaint_follows(outside: Outside) -> None:
    complaint = (await submitted(outside, "away-1")).subject
    await outside.send("complaints.inbox", "complaint.withdrawn", {"external_id": "away-1", "text": "solved itself"})
    kinds = [seen.kind for seen in await outside.events("complaints", complaint, "complaint.withdrawn")]
    assert kinds[-1] == "complaint.withdrawn"
    order = complaint.replace("cmp_", "wo_")
    cancelled = await outside.record("workorders", lambda s: s.subject == order and s.kind == "workorder.cancelled")
    assert cancelled.data["work_order"]["status"] == "cancelled"


async def test_a_withdrawal_may_name_our_id_but_only_the_source_itself_withdraws(outside: Outside) -> None:
    complaint = (await submitted(outside, "away-2")).subject
    said = {"complaint_id": complaint}
    strange = await outside.send("complaints.inbox", "complaint.withdrawn", said, source="somebody-else")
    assert (await outside.dead_letter("intake", strange)).headers["dl_reason"] == "forbidden"
    await outside.send("complaints.inbox", "complaint.withdrawn", said)
    await outside.events("complaints", complaint, "complaint.withdrawn")


async def test_what_is_asked_for_again_is_published_again_word_for_word(outside: Outside) -> None:
    order = await outside.settled()
    asked = {"aggregate": order, "from": 1, "to": 2}
    await outside.send("republish.inbox", "republish.requested", asked, source="/warehouse", key=order.encode())
    for sequence in ("0000000001", "0000000002"):
        first, again = await outside.records(
            "workorders", lambda s, n=sequence: s.subject == order and s.headers["ce_sequence"] == n, 2
        )
        assert first == again


async def test_a_bad_profile_is_dead_lettered(outside: Outside) -> None:
    bad = await outside.send("customers.inbox", "customer.profile_changed", {"id": "c-bad"}, key=b"c-bad")
    assert (await outside.dead_letter("intake", bad)).headers["dl_reason"] == "data_invalid"
