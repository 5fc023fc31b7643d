"""Dead letters keep the record whole and lead back to where it came from."""

from datetime import UTC, datetime

from shared.messaging.dead_letters import Letter, dead_letter, original, read_letter
from shared.messaging.records import InRecord, OutRecord

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
RECORD = InRecord(
    "closedloop.complaints.inbox", 3, 77, b"k", b"\xff", [("ce_id", b"1"), ("odd", None), ("bad", b"\xff")], AT
)


def received(record: OutRecord) -> InRecord:
    return InRecord(record.topic, 0, 5, record.key, record.value, record.headers, AT)


def letter(record: InRecord = RECORD, reason: str = "not_json") -> Letter:
    found = read_letter(received(dead_letter("intake", record, reason, "byte 0", AT)))
    assert found
    return found


def test_a_dead_letter_is_the_record_with_where_and_why() -> None:
    written = dead_letter("intake", RECORD, "not_json", "byte 0", AT)
    assert (written.topic, written.key, written.value) == ("intake.dead-letters", b"k", b"\xff")
    assert list(written.headers) == [
        *RECORD.headers,
        ("dl_reason", b"not_json"),
        ("dl_detail", b"byte 0"),
        ("dl_topic", b"closedloop.complaints.inbox"),
        ("dl_partition", b"3"),
        ("dl_offset", b"77"),
        ("dl_at", b"2026-03-02T01:00:00.000Z"),
        ("dl_attempts", b"1"),
    ]


def test_it_tells_what_it_is() -> None:
    found = letter()
    assert (found.id, found.service, found.reason) == ("intake.dead-letters/0/5", "intake", "not_json")
    assert (found.detail, found.origin, found.attempts) == ("byte 0", "closedloop.complaints.inbox/3/77", 1)


def test_it_leads_back_to_the_very_record_which_remembers_the_attempts() -> None:
    headers = [*RECORD.headers, ("dl_attempts", b"1")]
    assert original(letter(), "closedloop.") == OutRecord("complaints.inbox", b"k", b"\xff", headers)


def test_dead_again_after_redriving_it_carries_the_newest_reason_and_counts_on() -> None:
    once = letter(reason="unknown_source")
    twice = letter(received(original(once, "closedloop.")))
    assert (twice.reason, twice.attempts) == ("not_json", 2)
    assert [name for name, _ in twice.record.headers].count("dl_attempts") == 1


def test_attempts_that_a_stranger_made_up_count_as_none() -> None:
    for made_up in (b"-3", b"many", b"9" * 20, None):
        headers = [("dl_attempts", made_up)]
        assert letter(InRecord("closedloop.complaints.inbox", 0, 0, b"k", b"", headers, AT)).attempts == 1


def test_a_detail_is_cut_short() -> None:
    assert len(dict(dead_letter("intake", RECORD, "not_json", "文" * 5000, AT).headers)["dl_detail"] or b"") == 1500


def test_a_record_with_neither_key_nor_value_can_still_be_kept() -> None:
    nothing = InRecord("closedloop.complaints.inbox", 0, 0, None, None, [], AT)
    written = dead_letter("intake", nothing, "null_value", "", AT)
    assert (written.key, written.value) == (b"", None)


def test_what_is_no_dead_letter_is_not_taken_for_one() -> None:
    assert read_letter(RECORD) is None
