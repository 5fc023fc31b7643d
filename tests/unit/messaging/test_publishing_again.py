"""What is sent again after an error: the failed records, and whatever follows them under their keys."""

from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.publisher import _from_first_of_each_key
from shared.messaging.records import OutRecord

keys = st.sampled_from([None, b"a", b"b"])


def records_with(given_keys: list[bytes | None]) -> dict[int, OutRecord]:
    return {index: OutRecord("t", key, b"", []) for index, key in enumerate(given_keys)}


def test_acknowledged_records_go_again_only_behind_a_failed_one_of_their_key() -> None:
    records = records_with([b"a", b"b", b"a", b"b", b"a", None, None])
    assert list(_from_first_of_each_key(records, {2, 5})) == [2, 4, 5]


def test_nothing_failed_nothing_goes_again() -> None:
    assert _from_first_of_each_key(records_with([b"a", None]), set()) == {}


@given(st.lists(keys, max_size=12), st.data())
def test_the_last_appearance_of_every_key_is_in_order(given_keys: list[bytes | None], data: st.DataObject) -> None:
    records = records_with(given_keys)
    failed = {index for index in records if data.draw(st.booleans())}
    again = _from_first_of_each_key(records, failed)
    assert failed <= set(again)
    topic = [index for index in records if index not in failed] + list(again)
    for key in {key for key in given_keys if key is not None}:
        of_key = [index for index in topic if records[index].key == key]
        last_appearances = list(dict.fromkeys(reversed(of_key)))[::-1]
        assert last_appearances == sorted(last_appearances)
