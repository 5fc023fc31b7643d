"""Indexes and schemas of the database: drift is told, projections are rebuilt, newer ones are left alone."""

from dataclasses import replace

import pytest

from shared.persistence.schema import RUNTIME_INDEXES, ensure_indexes, index_drift
from shared.runtime.context import Unavailable
from tests.ballot import BALLOT
from tests.integration.mechanism.polling import INBOX, OUT, STATION, station
from tests.integration.mechanism.servers import Servers, until_seen, vote


async def test_what_differs_from_the_declared_indexes_is_told_in_words(servers: Servers) -> None:
    service = servers.service(STATION)
    assert await ensure_indexes(service.database, RUNTIME_INDEXES) == []
    await service.database.collection("parked").create_index([("surprise", 1)])
    await service.database.collection("tombstones").create_index([("at", -1)])
    declared = (*RUNTIME_INDEXES, ("parked", [("wanted", 1)], {}))
    assert await index_drift(service.database, declared) == [
        "index missing: parked wanted 1",
        "index not declared: parked surprise 1",
        "index not declared: tombstones at -1",
    ]
    await service.publisher.stop()
    await service.close()


async def test_an_index_with_other_options_than_declared_is_told_and_stops_nobody(servers: Servers) -> None:
    """Mongo refuses to make it again; the service must start nevertheless."""
    other = servers.client[f"{servers.database_prefix}workflow"]["tombstones"]
    other.create_index([("at", 1)], expireAfterSeconds=1)
    offsets = await servers.send(INBOX, vote("1"))
    async with servers.running(STATION) as service:
        await servers.until_committed("workflow", INBOX, offsets[-1])
        assert await index_drift(service.database, RUNTIME_INDEXES) == ["index different: tombstones at 1"]


async def test_a_new_schema_is_rebuilt_from_the_log_before_the_service_works(servers: Servers) -> None:
    offsets = await servers.send(INBOX, *(vote(str(n), f"bal_{n % 7}") for n in range(50)))
    async with servers.running(STATION):
        await servers.until_committed("workflow", INBOX, offsets[-1])
    old = servers.documents("ballot_1")
    servers.client[f"{servers.database_prefix}workflow"]["ballot_1"].delete_one(
        {"_id": "bal_0"}
    )  # the log is the truth
    newer = station(replace(BALLOT, schema=2, index=lambda snapshot: {"twice": 2 * (snapshot.state or 0).votes}))  # type: ignore[union-attr]  # ballots have a state
    async with servers.running(newer):
        rebuilt = servers.documents("ballot_2")
    assert [one["s"] for one in rebuilt] == [one["s"] for one in old]
    assert [one["twice"] for one in rebuilt] == [2 * one["votes"] for one in old]
    assert [one["schema"] for one in rebuilt] == [2] * 7


async def test_a_program_older_than_the_schema_is_not_ready_and_takes_no_work(servers: Servers) -> None:
    async with servers.running(station(replace(BALLOT, schema=2))):
        pass
    await servers.send(INBOX, vote("1"))
    service = servers.service(STATION)
    with pytest.raises(Unavailable, match="ballot has schema 2, this program knows 1"):
        async with service.running():
            pass
    assert await service.checks()["schema"]() == "ballot has schema 2, this program knows 1"
    await service.close()
    assert servers.documents("log") == []
    assert await servers.committed("workflow", INBOX) == 0


async def test_a_running_program_becomes_unready_when_a_newer_one_has_switched(servers: Servers) -> None:
    async with servers.running(STATION) as old:
        assert await old.checks()["schema"]() is None
        async with servers.running(station(replace(BALLOT, schema=2))):
            assert await old.checks()["schema"]() == "ballot has schema 2, this program knows 1"


async def test_a_projection_that_was_lost_comes_back_with_the_next_decision(servers: Servers) -> None:
    """The append collides with what the empty projection does not show."""
    offsets = await servers.send(INBOX, vote("1"), vote("2"))
    async with servers.running(STATION):
        await servers.until_committed("workflow", INBOX, offsets[-1])
        servers.client[f"{servers.database_prefix}workflow"]["ballot_1"].delete_many({})
        await servers.send(INBOX, vote("2"), vote("3"))
        await until_seen(lambda: servers.ballot().get("v"), lambda version: version == 3)
    assert await servers.events_of(OUT, "bal_1") == [1, 2, 3]
