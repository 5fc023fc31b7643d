"""Events on a topic and decisions in a log, held against each other."""

from dataclasses import replace

import msgspec

from shared.messaging.records import InRecord, OutRecord
from shared.reconcile.histories import History
from shared.reconcile.published import Published, rendered
from tests.ballot import BALLOT, NOON, a_vote
from tests.unit.reconcile.ballots import a_history

KINDS = {BALLOT.prefix: BALLOT}


async def a_ballot() -> History:
    return await a_history([a_vote("1", votes=2)], [a_vote("2")])


def records_of(history: History) -> list[InRecord]:
    records = [record for each in history.steps for record in rendered(history, each, "test").values()]
    return [on_topic(record, offset) for offset, record in enumerate(records)]


def on_topic(record: OutRecord, offset: int) -> InRecord:
    return InRecord(record.topic, 0, offset, record.key, record.value, record.headers, NOON)


def compared(history: History, records: list[InRecord], shortened: bool = False) -> list[str]:
    published = Published()
    published.decided(history, "test")
    for record in records:
        published.found(record, proven=True)
    published.compare({k: v for each in history.steps for k, v in rendered(history, each, "test").items()})
    published.finish(KINDS, lambda topic, key: shortened)
    assert all(one.invariant == "I2" for one in published.violations)
    return [f"{one.subject} {one.detail}" for one in published.violations]


async def test_a_log_and_its_topic_agree_and_copies_do_no_harm() -> None:
    history = await a_ballot()
    records = records_of(history)
    assert compared(history, [*records, *records]) == []


async def test_an_event_that_is_not_on_the_topic_is_named() -> None:
    history = await a_ballot()
    assert compared(history, [r for n, r in enumerate(records_of(history)) if n != 1]) == [
        "bal_1:0000000002 is not on workorders"
    ]


async def test_an_event_that_may_still_be_on_its_way_is_not() -> None:
    history = await a_ballot()
    history.steps[-1] = replace(history.steps[-1], in_flight=True)
    assert compared(history, records_of(history)[:2]) == []


async def test_an_event_without_a_decision_is_named() -> None:
    history = await a_ballot()
    stranger = on_topic(rendered(history, history.steps[0], "test")["bal_1:0000000001"], 7)
    headers = [(name, b"bal_9:0000000001" if name == "ce_id" else value) for name, value in stranger.headers]
    assert compared(history, [*records_of(history), msgspec.structs.replace(stranger, headers=headers)]) == [
        "bal_9:0000000001 workorders/0/7 has no decision"
    ]


async def test_a_difference_is_named_by_its_place_and_never_quoted() -> None:
    history = await a_ballot()
    first, *others = records_of(history)
    data = msgspec.json.decode(first.value or b"")
    data["ballot"]["votes"] = 77
    changed = msgspec.structs.replace(first, value=msgspec.json.encode(data))
    assert compared(history, [changed, *others]) == ["bal_1:0000000001 /ballot/votes differs from what was decided"]
    assert compared(history, [msgspec.structs.replace(first, key=b"other"), *others]) == [
        "bal_1:0000000001 its key differs from what was decided"
    ]


async def test_a_record_from_before_a_field_was_added_is_the_same_event() -> None:
    history = await a_ballot()
    first, *others = records_of(history)
    data = msgspec.json.decode(first.value or b"")
    del data["change"]["text"]
    assert compared(history, [msgspec.structs.replace(first, value=msgspec.json.encode(data)), *others]) == []


async def test_what_expired_is_the_oldest_and_nothing_else() -> None:
    history = await a_ballot()
    records = records_of(history)
    assert compared(history, records[2:], shortened=True) == []
    assert compared(history, [records[0], records[2]], shortened=True) == ["bal_1:0000000002 is not on workorders"]
