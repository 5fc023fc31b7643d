"""Following: every event of one ballot in its order, gaps parked and filled, nobody held back by another's hole."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.kernel.aggregate import Cause
from tests.ballot import BALLOT, Seal, Vote
from tests.integration.mechanism.polling import INBOX, NEWS, OUT, SEAL, STATION, Misprint, newspaper
from tests.integration.mechanism.servers import Sending, Servers, until, until_seen, vote


async def published(servers: Servers, *votes: Sending) -> list[Sending]:
    """What the station publishes of these votes, taken off another topic so that a test can send it as it likes."""
    offsets = await servers.send(INBOX, *votes)
    async with servers.running(STATION):
        await servers.until_committed("workflow", INBOX, offsets[-1])
    return [(record.key, record.value, list(record.headers)) for record in await servers.on_topic(OUT)]


def fronts(servers: Servers) -> dict[str, tuple[int, int]]:
    """Of each followed ballot: votes counted, and the last sequence applied."""
    return {
        document["_id"]: (json.loads(document["s"])["votes"] if document["s"] else 0, document["marks"][0][1])
        for document in servers.documents("front_1", "escalation")
    }


def parked(servers: Servers) -> list[tuple[str, int | None]]:
    found = servers.documents("parked", "escalation")
    return sorted((one["reason"], one["sequence"]) for one in found)


def age(servers: Servers, service: str, **fields: timedelta) -> None:
    """Makes parked records older, as if the time had passed."""
    update = {name: datetime.now(UTC) - by for name, by in fields.items()}
    servers.client[servers.database_prefix + service]["parked"].update_many({}, {"$set": update})


async def test_a_hole_in_the_middle_of_a_batch_holds_nobody_else_back(servers: Servers) -> None:
    events = await published(
        servers, vote("1"), vote("a", "bal_2"), vote("2"), vote("3"), vote("b", "bal_2"), vote("c", "bal_2")
    )
    await lose(servers, OUT, upto=6)
    one = [event for event in events if event[0] == b"bal_1"]
    two = [event for event in events if event[0] == b"bal_2"]
    offsets = await servers.send(OUT, two[0], one[0], one[2], two[1], two[2])
    async with servers.running(newspaper()):
        await servers.until_committed("escalation", OUT, offsets[-1])
        assert fronts(servers) == {"frt_1": (1, 1), "frt_2": (3, 3)}
        assert parked(servers) == [("gap", 3)]
        await servers.send(OUT, one[1])
        await until_seen(lambda: fronts(servers), lambda found: found["frt_1"] == (3, 3))
        await until_seen(lambda: parked(servers), lambda found: not found)


async def test_a_refused_unbound_or_unchanged_event_advances_like_any_other(servers: Servers) -> None:
    offsets = await servers.send(INBOX, vote("1"), vote("seal", kind=SEAL), vote("2"))
    async with servers.running(STATION), servers.running(newspaper()):
        await servers.until_committed("workflow", INBOX, offsets[-1])
        await until_seen(lambda: fronts(servers), lambda found: found == {"frt_1": (1, 2)})


async def test_a_gap_is_asked_for_and_filled_from_the_log(servers: Servers) -> None:
    async with servers.running(STATION) as owner:
        for number in range(5):
            await owner.execute(BALLOT, "bal_1", Vote(), Cause("/http", str(number)))
        await owner.execute(BALLOT, "bal_1", Seal(), Cause("/http", "seal"))
        await until(lambda: servers.events_of(OUT, "bal_1"), lambda found: len(found) == 6)
        await lose(servers, OUT, upto=4)
        async with servers.running(newspaper()) as follower:
            await until_seen(lambda: parked(servers), lambda found: found == [("gap", 5), ("gap", 6)])
            assert await servers.on_topic("republish.inbox") == []
            age(servers, "escalation", parked_at=timedelta(seconds=31))
            await follower.sweepers.ask_for_missing()
            await follower.sweepers.ask_for_missing()
            await until_seen(lambda: fronts(servers), lambda found: found == {"frt_1": (5, 6)}, seconds=30)
            await until_seen(lambda: parked(servers), lambda found: not found)
    (request,) = await servers.on_topic("republish.inbox")
    assert (request.key, request.value) == (b"bal_1", b'{"aggregate":"bal_1","from":1,"to":4}')
    assert await servers.events_of(NEWS, "frt_1") == [1, 2, 3, 4, 5]


async def lose(servers: Servers, topic: str, upto: int) -> None:
    """The topic loses its first records, as one whose retention was too short."""
    from aiokafka import TopicPartition
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.admin.records_to_delete import RecordsToDelete

    admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka)
    await admin.start()
    try:
        place = TopicPartition(servers.topic_prefix + topic, 0)
        await admin.delete_records({place: RecordsToDelete(before_offset=upto)})
    finally:
        await admin.close()


async def test_parked_records_follow_their_forerunner_at_once(servers: Servers) -> None:
    """A chain of gaps does not wait once more at each of its links, however long it has waited already."""
    events = await published(servers, *(vote(str(number)) for number in range(30)))
    await lose(servers, OUT, upto=30)
    await servers.send(OUT, *reversed(events[1:]))
    async with servers.running(newspaper()):
        await until_seen(lambda: parked(servers), lambda found: len(found) == 29)
        long = datetime.now(UTC) + timedelta(seconds=3600)
        lot = servers.client[f"{servers.database_prefix}escalation"]["parked"]
        lot.update_many({"sequence": {"$gt": 2}}, {"$set": {"next_try": long}})
        await servers.send(OUT, events[0])
        await until_seen(lambda: fronts(servers), lambda found: found == {"frt_1": (30, 30)}, seconds=15)


async def test_a_failed_event_is_not_asked_for_again(servers: Servers) -> None:
    """It is there; only the program cannot apply it."""
    misprint = Misprint(at={2})
    await servers.send(INBOX, vote("1"), vote("2"), vote("a", "bal_2"))
    async with servers.running(STATION), servers.running(newspaper(misprint)) as follower:
        await until_seen(lambda: parked(servers), lambda found: found == [("failed", 2)])
        await servers.send(INBOX, vote("3"))
        await until_seen(lambda: parked(servers), lambda found: found == [("failed", 2), ("gap", 3)])
        assert fronts(servers) == {"frt_1": (1, 1), "frt_2": (1, 1)}
        age(servers, "escalation", parked_at=timedelta(seconds=31))
        await follower.sweepers.ask_for_missing()
        misprint.at.clear()
        await until_seen(lambda: fronts(servers), lambda found: found["frt_1"] == (3, 3))
    assert await servers.on_topic("republish.inbox") == []


async def test_an_event_that_cannot_be_read_waits_for_a_better_copy(servers: Servers) -> None:
    """Dead-lettering it would leave a hole in the sequence for ever."""
    events = await published(servers, vote("1"), vote("2"), vote("3"))
    await lose(servers, OUT, upto=3)
    key, _, headers = events[1]
    await servers.send(OUT, events[0], (key, b"{ cut off", headers), events[2])
    async with servers.running(newspaper()):
        await until_seen(lambda: parked(servers), lambda found: len(found) == 2)
        found: list[Any] = [(one["reason"], one["detail"][:8]) for one in servers.documents("parked", "escalation")]
        assert ("invalid", "not_json") in found
        await servers.send(OUT, events[1])
        await until_seen(lambda: fronts(servers), lambda found: found == {"frt_1": (3, 3)})
    assert await servers.dead_letters("escalation") == []
