"""One suite for every store of decisions: MongoDB through Motor, through PyMongo, and the doubles in memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.kernel.aggregate import Actor, Cause, Decision, Snapshot
from shared.kernel.history import apply, cause_hash, fold
from shared.kernel.ports import Decided, Known, Log, LogDocument
from shared.kernel.refusal import Refusal
from shared.kernel.runner import Runner
from shared.messaging.records import InRecord
from shared.persistence.driver import Database, Driver, DuplicateKey
from shared.persistence.event_log import LARGEST_BYTES, MongoLog
from shared.persistence.parking import LEASE, Parked, ParkingLot, record_of_parked
from shared.persistence.projection import MongoProjection
from shared.testing.memory import MemoryLog, MemoryProjection
from shared.testing.memory_collections import CollectionStore, MemoryDatabase, MemoryLot
from shared.testing.wire import Quiet
from tests.ballot import BALLOT, FACTS, NOON, Ballot, Sealed, Voted, a_vote

DRIVERS = ["motor", "pymongo"]
SEALED = "closedloop.ballot.sealed.v1"
ROBOT = Actor("system", "system")  # roles are facts of a request and not kept


@dataclass
class Stores:
    """A log and a projection, as the engine has them."""

    log: Any
    projection: Any


@pytest.fixture(params=DRIVERS)
async def database(request: pytest.FixtureRequest, mongo_uri: str, database_prefix: str) -> AsyncIterator[Database]:
    driver = Driver(mongo_uri, request.param)
    yield driver.database(database_prefix + "contract")
    await driver.close()


@pytest.fixture(params=[*DRIVERS, "memory"])
async def stores(request: pytest.FixtureRequest) -> AsyncIterator[Stores]:
    if request.param == "memory":
        yield Stores(MemoryLog(), MemoryProjection())
        return
    uri, prefix = (request.getfixturevalue(name) for name in ("mongo_uri", "database_prefix"))
    driver = Driver(uri, request.param)
    found = driver.database(prefix + "contract")
    yield Stores(MongoLog(BALLOT, found), MongoProjection(BALLOT, found))
    await driver.close()


def decided(version: int, sequence: int = 0, cause: str | None = None, **more: Any) -> Decision:
    given = {"at": NOON, "occurred_at": NOON, "actor": ROBOT, "events": (Voted(votes=1, text="票"),), **more}
    return Decision(version, sequence, cause=Cause("/test", cause or str(version), "t", 3, 7), **given)


def document(log: Log[Ballot], *decisions: Decision, ballot: str = "bal_1", **more: Any) -> LogDocument[Ballot]:
    prepared = log.prepare(LogDocument(ballot, decisions, **more))
    assert prepared is not None
    return prepared


def snapshot(version: int, votes: int | None = None) -> Snapshot[Ballot]:
    return Snapshot("bal_1", Ballot(votes=version if votes is None else votes, text="$100"), version, version, NOON)


# The log


async def test_what_was_appended_comes_back_as_it_was(stores: Stores) -> None:
    first = decided(1, trace="00-trace")
    person = Actor("agent", "a1", "org")
    second = decided(2, 1, at=NOON + timedelta(milliseconds=5), actor=person, mark=("binding", 9))
    refused = decided(3, 2, events=(), refusal=Refusal("no_votes", "none", "/votes"))
    digest = replace(decided(4, 2), cause=Cause("/http", "key", digest="abc"))
    await stores.log.append([document(stores.log, first, second, refused), document(stores.log, digest)])
    found = (await stores.log.tail({"bal_1": 0}))["bal_1"]
    assert [one.decisions for one in found] == [(first, second, refused), (digest,)]
    assert [(one.first, one.last) for one in found] == [(1, 3), (4, 4)]


async def test_a_version_is_taken_once_and_the_other_aggregates_go_in(stores: Stores) -> None:
    await stores.log.append([document(stores.log, decided(1))])
    taken = await stores.log.append(
        [
            document(stores.log, decided(1), ballot="bal_0"),
            document(stores.log, decided(1, cause="late")),
            document(stores.log, decided(1), ballot="bal_2"),
        ]
    )
    assert taken == {"bal_1"}
    found = await stores.log.tail({"bal_0": 0, "bal_1": 0, "bal_2": 0})
    assert {ballot: [d.cause.id for one in tail for d in one.decisions] for ballot, tail in found.items()} == {
        "bal_0": ["1"],
        "bal_1": ["1"],
        "bal_2": ["1"],
    }


async def test_the_tail_holds_what_is_beyond_the_version_of_each_aggregate_alone(stores: Stores) -> None:
    for version in (1, 2, 3):
        await stores.log.append([document(stores.log, decided(version, version - 1))])
    await stores.log.append([document(stores.log, decided(1), ballot="bal_11")])
    found = await stores.log.tail({"bal_1": 1, "bal_11": 1, "bal_9": 0})
    assert {ballot: [one.first for one in tail] for ballot, tail in found.items()} == {"bal_1": [2, 3]}


async def test_an_old_cause_is_found_by_its_aggregate_source_and_id(stores: Stores) -> None:
    await stores.log.append([document(stores.log, decided(1), decided(2, 1))])
    wanted = [("bal_1", Cause("/test", "2")), ("bal_1", Cause("/other", "2")), ("bal_2", Cause("/test", "2"))]
    assert await stores.log.older_causes(wanted) == {("bal_1", "/test", "2"): 1}


async def test_an_event_is_kept_as_text_that_a_person_can_read(database: Database) -> None:
    log = MongoLog(BALLOT, database)
    await log.append([document(log, decided(1, events=(Voted(votes=1, text="票"), Sealed())))])
    raw = await database.collection("log").find_one({"_id": "bal_1:0000000001"})
    assert raw is not None
    assert raw["d"][0]["e"] == [["closedloop.ballot.voted.v1", '{"votes":1,"text":"票"}'], [SEALED, "{}"]]
    raw["d"][0]["e"] = [[SEALED, {}]]
    with pytest.raises(ValueError, match="another version of this program wrote it"):
        log.restored(raw)


async def test_what_bson_has_no_form_for_is_kept_all_the_same(database: Database) -> None:
    log, projection = MongoLog(BALLOT, database), MongoProjection(replace(BALLOT, index=lambda _: {}), database)
    odd = decided(1, events=(Voted(votes=2**70, text="a\0b"),))
    await log.append([document(log, odd)])
    assert [one.decisions for one in (await log.tail({"bal_1": 0}))["bal_1"]] == [(odd,)]
    state = apply(BALLOT, Snapshot("bal_1"), odd, 1)
    await projection.save({"bal_1": (0, state)})
    assert await projection.load(["bal_1"]) == {"bal_1": state}


@pytest.mark.parametrize("text", ["\ud800", "x" * (LARGEST_BYTES + 1)], ids=["lone surrogate", "too large"])
async def test_what_can_never_be_written_is_told_before_it_is_tried(database: Database, text: str) -> None:
    bad = decided(1, events=(Voted(votes=1, text=text),))
    assert MongoLog(BALLOT, database).prepare(LogDocument("bal_1", (bad,))) is None


# The projection


async def test_a_projected_state_comes_back_as_it_was(stores: Stores) -> None:
    decision = decided(1, mark=("binding.with$strange", 4))
    state = apply(BALLOT, Snapshot("bal_1"), decision, 1)
    await stores.projection.save({"bal_1": (0, state)})
    assert await stores.projection.load(["bal_1", "bal_2"]) == {"bal_1": state}
    assert state.causes == ((cause_hash(decision.cause), 1),)


async def test_what_was_only_refused_has_nothing_to_project(stores: Stores) -> None:
    refused = decided(1, events=(), refusal=Refusal("no_votes"))
    state = apply(BALLOT, Snapshot("bal_1"), refused, 1)
    await stores.projection.save({"bal_1": (0, state)})
    assert await stores.projection.load(["bal_1"]) == {}


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 1), (1, 0), (1, 1)])
async def test_an_older_state_never_wins_whatever_the_writers_had_loaded(
    stores: Stores, first: int, second: int
) -> None:
    await stores.projection.save({"bal_1": (first, snapshot(5))})
    await stores.projection.save({"bal_1": (second, snapshot(4))})
    await stores.projection.save({"bal_1": (second, snapshot(5, votes=99))})
    assert (await stores.projection.load(["bal_1"]))["bal_1"] == snapshot(5)
    await stores.projection.save({"bal_1": (second, snapshot(6))})
    assert (await stores.projection.load(["bal_1"]))["bal_1"] == snapshot(6)


# Both under the runner


async def test_a_collision_reloads_the_colliding_aggregate_and_decides_again(stores: Stores) -> None:
    runner = Runner(BALLOT, stores.log, stores.projection)
    await runner.run([a_vote("elsewhere"), a_vote("a", "bal_2")], FACTS)  # appended, not projected yet
    results, documents, changed = await runner.run([a_vote("mine"), a_vote("elsewhere"), a_vote("b", "bal_3")], FACTS)
    assert isinstance(results[0], Decided)
    assert results[0].decision.version == 2
    assert results[1:2] == [Known(1)]
    assert {(one.aggregate_id, one.first) for one in documents} == {("bal_1", 2), ("bal_3", 1)}
    assert {ballot: loaded for ballot, (loaded, _) in changed.items()} == {"bal_1": 0, "bal_3": 0}
    tail = (await stores.log.tail({"bal_1": 0}))["bal_1"]
    assert fold(BALLOT, Snapshot("bal_1"), ((d.first, d.decisions) for d in tail)) == changed["bal_1"][1]


# The parking lot, whose double runs the same code on collections in memory


@dataclass
class Watch:
    """Machine time that a test moves."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture(params=[*DRIVERS, "memory"])
async def lot(request: pytest.FixtureRequest, watch: Watch) -> AsyncIterator[ParkingLot]:
    if request.param == "memory":
        yield MemoryLot(MemoryDatabase(CollectionStore(), Quiet()), "p-1", watch)
        return
    uri, prefix = (request.getfixturevalue(name) for name in ("mongo_uri", "database_prefix"))
    driver = Driver(uri, request.param)
    yield ParkingLot(driver.database(prefix + "contract"), "p-1", watch)
    await driver.close()


def waiting(sequence: int, reason: str = "gap", **more: Any) -> Parked:
    record = InRecord("t", 0, sequence, b"k", b"{}", [("ce_id", b"1")], NOON)
    cause = ("/test", str(sequence))
    return Parked("b", record, reason, cause=cause, aggregate="bal_1", producer="wo_1", sequence=sequence, **more)


async def claimed(lot: ParkingLot) -> list[int]:
    return [raw["sequence"] for raw in await lot.claim(limit=9)]


async def test_a_record_is_parked_once_and_never_again_once_it_left(lot: ParkingLot, watch: Watch) -> None:
    await lot.park([waiting(1), waiting(2)])
    await lot.park([waiting(2), waiting(3)])
    watch.now += timedelta(seconds=2)
    (first, *rest) = await lot.claim(limit=9)
    assert record_of_parked(first) == waiting(1).record
    assert [raw["sequence"] for raw in rest] == [2, 3]
    await lot.leave(first, "applied")
    await lot.park([waiting(1)])
    assert await lot.parked.count({}) == 2


async def test_a_claim_is_a_lease_and_a_postponed_record_waits_longer_each_time(
    lot: ParkingLot, watch: Watch
) -> None:
    await lot.park([waiting(1)])
    assert await claimed(lot) == []
    watch.now += timedelta(seconds=1)
    (raw,) = await lot.claim(limit=9)
    assert await claimed(lot) == []
    watch.now += LEASE
    (again,) = await lot.claim(limit=9)
    assert (raw["tries"], again["tries"]) == (1, 2)
    await lot.postpone(again, waiting(1))
    watch.now += timedelta(seconds=3.9)
    assert await claimed(lot) == []
    watch.now += timedelta(seconds=0.1)
    assert await claimed(lot) == [1]


async def test_what_failed_holds_its_aggregate_and_wakes_the_next(lot: ParkingLot, watch: Watch) -> None:
    await lot.park([waiting(1, "failed"), waiting(2, "behind_failed"), waiting(3, "unknown_type")])
    assert await lot.held([("b", "bal_1"), ("b", "bal_2"), ("c", "bal_1")]) == {("b", "bal_1")}
    watch.now += timedelta(seconds=1)
    first, second = await lot.claim(limit=9)
    assert [await lot.stands_behind(raw) for raw in (first, second)] == [False, True]
    await lot.leave(first, "applied")
    await lot.waken_next(first)
    assert await claimed(lot) == [2]
    await lot.begin()
    assert await claimed(lot) == [2, 3], "a new program may know the type, and what its dead self had claimed is free"


async def test_missing_sequences_are_asked_for_now_and_then(lot: ParkingLot, watch: Watch) -> None:
    await lot.park([waiting(7, expected=3), waiting(5, expected=4), waiting(9, "invalid")])
    since = watch.now
    assert await lot.missing(since - timedelta(seconds=1), since) == []
    (gap,) = await lot.missing(since, since)
    assert [gap[name] for name in ("_id", "first", "lowest", "asked")] == ["wo_1", 3, 5, None]
    await lot.asked(["wo_1"])
    assert await lot.missing(since, since - timedelta(seconds=1)) == []
    assert [gap["asked"] for gap in await lot.missing(since, since)] == [1]
    await lot.park([waiting(8, "failed")])
    assert await lot.missing(since, since) == []


# The seam, where only the two drivers differ


async def test_positions_of_duplicates_are_told_and_the_rest_is_inserted(database: Database) -> None:
    things = database.collection("things")
    await things.insert_one({"_id": 2})
    assert await things.insert_many([{"_id": 1}, {"_id": 2}, {"_id": 3}, {"_id": 3}]) == {1, 3}
    assert [one["_id"] for one in await things.find({}, sort=[("_id", 1)])] == [1, 2, 3]
    assert await things.insert_many([]) == set()
    with pytest.raises(DuplicateKey):
        await things.insert_one({"_id": 1})


async def test_updates_tell_what_they_met(database: Database) -> None:
    things = database.collection("things")
    made = await things.update_one({"_id": 1}, {"$set": {"n": 1}}, upsert=True)
    same = await things.update_one({"_id": 1}, {"$set": {"n": 1}})
    none = await things.update_one({"_id": 2}, {"$set": {"n": 1}})
    told = [(one.matched, one.modified, one.upserted) for one in (made, same, none)]
    assert told == [(0, 0, 1), (1, 0, 0), (0, 0, 0)]
    assert await things.find_one_and_update({"_id": 1}, {"$inc": {"n": 1}}) == {"_id": 1, "n": 2}
    assert await things.find_one_and_update({"_id": 9}, {"$inc": {"n": 1}}) is None
    assert await things.find_one({"_id": 1}, {"_id": 1}) == {"_id": 1}
    assert await things.count({}) == await things.delete_many({}) == 1


async def test_aggregations_and_indexes_answer_alike(database: Database) -> None:
    things = database.collection("things")
    await things.insert_many([{"_id": number, "even": number % 2 == 0} for number in range(5)])
    found = await things.aggregate([{"$match": {"even": True}}, {"$sort": {"_id": -1}}, {"$limit": 2}])
    assert [one["_id"] for one in found] == [4, 2]
    assert await things.create_index([("even", 1)])
    assert not await things.create_index([("even", 1)], sparse=True)
    assert {tuple(one["key"]) for one in (await things.indexes()).values()} == {(("_id", 1),), (("even", 1),)}
    assert await database.collections() == ["things"]
    await database.ping()
