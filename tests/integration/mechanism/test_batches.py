"""One batch: one document per aggregate, one decision per cause, and nobody pays for a neighbour's fault."""

from typing import Any

from tests.integration.mechanism.polling import INBOX, OUT, STATION
from tests.integration.mechanism.servers import Servers, decisions, until, vote


async def test_a_batch_is_one_document_per_aggregate_published_and_committed(servers: Servers) -> None:
    offsets = await servers.send(INBOX, vote("1"), vote("2", "bal_2"), vote("3"), vote("4", votes=2))
    async with servers.running(STATION):
        await servers.until_committed("workflow", INBOX, offsets[-1])
    assert decisions(servers.documents("log")) == [("bal_1:0000000001", [1, 2, 3]), ("bal_2:0000000001", [1])]
    assert await servers.events_of(OUT, "bal_1") == [1, 2, 3, 4]
    assert servers.ballot()["s"]["votes"] == 4


async def test_a_record_that_cannot_be_stored_is_dead_lettered_alone(servers: Servers) -> None:
    """20 MB of events from one record: no document can hold them."""
    giant: dict[str, Any] = {"votes": 40, "text": "x" * 500_000}
    offsets = await servers.send(INBOX, vote("1"), vote("giant", **giant), vote("2"), vote("3", "bal_2"), vote("4"))
    async with servers.running(STATION):
        await servers.until_committed("workflow", INBOX, offsets[-1])
    letters = await servers.dead_letters()
    assert [(letter["reason"], letter["offset"]) for letter in letters] == [("not_storable", str(offsets[1]))]
    assert servers.ballot()["s"]["votes"] == 3
    assert servers.ballot("bal_2")["s"]["votes"] == 1


async def test_a_copy_of_a_record_is_dropped_wherever_it_stands(servers: Servers) -> None:
    offsets = await servers.send(INBOX, vote("1"), vote("1"), vote("2"))
    async with servers.running(STATION):
        await servers.until_committed("workflow", INBOX, offsets[-1])
        (last,) = await servers.send(INBOX, vote("1"))
        await servers.until_committed("workflow", INBOX, last)
    assert await servers.events_of(OUT, "bal_1") == [1, 2]
    assert servers.documents("parked") == []
    assert await servers.dead_letters() == []


async def test_a_refusal_is_dead_lettered_once_and_its_copy_dropped(servers: Servers) -> None:
    offsets = await servers.send(INBOX, vote("1"), vote("2", votes=0), vote("2", votes=0))
    async with servers.running(STATION):
        await servers.until_committed("workflow", INBOX, offsets[-1])
    assert [letter["reason"] for letter in await servers.dead_letters()] == ["no_votes"]
    assert decisions(servers.documents("log")) == [("bal_1:0000000001", [1, 2])]


async def test_a_bug_in_a_handler_stops_its_own_record_only(servers: Servers) -> None:
    """`Vote(**data)` raises TypeError for a field that no vote has: the handler should have checked."""
    offsets = await servers.send(INBOX, vote("1"), vote("2", surprise=True), vote("3", "bal_2"))
    async with servers.running(STATION):
        await servers.until_committed("workflow", INBOX, offsets[-1])

        async def parked() -> list[Any]:
            return [(one["reason"], one["detail"], one["offset"]) for one in servers.documents("parked")]

        await until(parked, lambda found: found == [("failed", "TypeError", offsets[1])])
    assert servers.ballot()["s"]["votes"] == 1
    assert servers.ballot("bal_2")["s"]["votes"] == 1


async def test_records_that_together_are_too_large_make_several_documents(servers: Servers) -> None:
    heavy: dict[str, Any] = {"votes": 10, "text": "x" * 500_000}
    offsets = await servers.send(INBOX, *(vote(str(number), **heavy) for number in range(5)))
    async with servers.running(STATION):
        await servers.until_committed("workflow", INBOX, offsets[-1])
    assert await servers.dead_letters() == []
    assert decisions(servers.documents("log")) == [
        ("bal_1:0000000001", [1, 2]),
        ("bal_1:0000000003", [3, 4]),
        ("bal_1:0000000005", [5]),
    ]
    assert servers.ballot()["s"]["votes"] == 50
    assert await servers.events_of(OUT, "bal_1") == list(range(1, 51))
