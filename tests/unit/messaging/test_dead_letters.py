"""Dead letters keep the record whole and lead back to where it came from."""

from datetime import UTC, datetime

import pytest

from shared.messaging.dead_letters import dead_letter, original
from shared.messaging.records import InRecord, OutRecord

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
RECORD = InRecord("complaints.inbox", 3, 77, b"k", b"\xff", [("ce_id", b"1"), ("odd", None), ("bad", b"\xff")], AT)


def received(record: OutRecord) -> InRecord:
    return InRecord(record.topic, 0, 0, record.key, record.value, record.headers, AT)


def test_a_dead_letter_is_the_record_with_where_and_why() -> None:
    letter = dead_letter("intake", RECORD, "not_json", "byte 0", AT)
    assert (letter.topic, letter.key, letter.value) == ("intake.dead-letters", b"k", b"\xff")
    assert list(letter.headers) == [
        *RECORD.headers,
        ("dl_reason", b"not_json"),
        ("dl_detail", b"byte 0"),
        ("dl_topic", b"complaints.inbox"),
        ("dl_partition", b"3"),
        ("dl_offset", b"77"),
        ("dl_at", b"2026-03-02T01:00:00.000Z"),
        ("dl_attempts", b"1"),
    ]


def test_it_leads_back_to_the_very_record() -> None:
    back = original(received(dead_letter("intake", RECORD, "not_json", "byte 0", AT)))
    assert back == OutRecord("complaints.inbox", b"k", b"\xff", list(RECORD.headers))


def test_dead_again_it_carries_only_the_newest_reason() -> None:
    once = received(dead_letter("intake", RECORD, "unknown_source", "", AT))
    headers = dict(dead_letter("intake", once, "not_json", "", AT, attempts=2).headers)
    assert headers["dl_reason"] == b"not_json"
    assert headers["dl_attempts"] == b"2"


def test_a_detail_is_cut_short() -> None:
    assert len(dict(dead_letter("intake", RECORD, "not_json", "文" * 5000, AT).headers)["dl_detail"] or b"") == 1500


def test_a_record_with_neither_key_nor_value_can_still_be_kept() -> None:
    nothing = InRecord("complaints.inbox", 0, 0, None, None, [], AT)
    letter = dead_letter("intake", nothing, "null_value", "", AT)
    assert (letter.key, letter.value) == (b"", None)


def test_what_is_no_dead_letter_leads_nowhere() -> None:
    with pytest.raises(ValueError, match="no dead letter"):
        original(RECORD)
