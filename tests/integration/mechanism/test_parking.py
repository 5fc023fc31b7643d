"""Records that must wait: what holds them back, whom they hold back, and how they get on."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.kernel.aggregate import Facts, Outcome
from shared.messaging.bindings import On
from shared.messaging.contract import catalogue
from shared.runtime.telemetry import REGISTRY
from tests.ballot import BALLOT, Ballot, Seal, Vote, decide
from tests.integration.mechanism.polling import (
    INBOX,
    NEWS,
    OUT,
    SEAL,
    SEALS,
    STATION,
    VOTE,
    decode_vote,
    newspaper,
    station,
    to_ballot,
)
from tests.integration.mechanism.servers import Servers, until, until_seen, vote

Parked = list[tuple[str, str, int]]


@dataclass
class Bug:
    """A bug that can be mended while the service runs."""

    mended: bool = False

    def decide(self, state: Ballot | None, command: Vote | Seal, facts: Facts) -> Outcome:
        if self.mended and isinstance(command, Vote):
            command = replace(command, broken=False)
        return decide(state, command, facts)


def parked(servers: Servers, service: str = "workflow") -> Parked:
    """(reason, cause's end, offset) of all parked records, in the order of their offsets."""
    found = servers.documents("parked", service)
    return sorted(
        ((one["reason"], one["_id"].rpartition("|")[2], one["offset"]) for one in found), key=lambda p: p[2]
    )


async def delay(servers: Servers, by: timedelta) -> None:
    """Has the failed record tried again then."""
    lot = servers.client[f"{servers.database_prefix}workflow"]["parked"]
    update = {"next_try": datetime.now(UTC) + by, "lease_until": datetime.fromtimestamp(0, UTC)}
    lot.update_one({"reason": "failed"}, {"$set": update})


def tries(servers: Servers, cause: str) -> int:
    (found,) = [one["tries"] for one in servers.documents("parked") if one["_id"].endswith(f"|{cause}")]
    return int(found)


async def test_a_failed_record_holds_its_aggregate_alone_until_the_bug_is_mended(servers: Servers) -> None:
    bug = Bug()
    definition = station(replace(BALLOT, decide=bug.decide))
    first = [vote("1"), vote("2", broken=True), vote("3"), vote("a", "bal_2")]
    async with servers.running(definition):
        await servers.send(INBOX, *first)
        await until_seen(lambda: parked(servers), lambda found: len(found) == 2)
        offsets = await servers.send(INBOX, vote("4"), vote("b", "bal_2"))
        await servers.until_committed("workflow", INBOX, offsets[-1])
        assert [(reason, cause) for reason, cause, _ in parked(servers)] == [
            ("failed", "2"),
            ("behind_failed", "3"),
            ("behind_failed", "4"),
        ]
        assert servers.ballot()["s"]["votes"] == 1
        assert servers.ballot("bal_2")["s"]["votes"] == 2
        await delay(servers, timedelta(hours=1))
        bug.mended = True
        await until_seen(lambda: tries(servers, "3"), lambda seen: seen >= 1)
        assert servers.ballot()["s"]["votes"] == 1, "nobody overtakes the failed one"
        await delay(servers, timedelta())
        await until_seen(lambda: parked(servers), lambda found: not found)
    assert servers.ballot()["s"]["votes"] == 4
    (_, *rest) = servers.documents("log")[:4]
    assert [d["c"]["i"] for document in rest for d in document["d"]] == ["2", "3", "4"], "in their order"
    assert await servers.events_of(OUT, "bal_1") == [1, 2, 3, 4]


async def test_a_parked_record_that_left_is_not_parked_again_by_its_redelivery(servers: Servers) -> None:
    bug = Bug()
    definition = station(replace(BALLOT, decide=bug.decide))
    await servers.send(INBOX, vote("1", broken=True))
    async with servers.running(definition) as service:
        await until_seen(lambda: parked(servers), bool)
        bug.mended = True
        await until_seen(lambda: parked(servers), lambda found: not found)
        await service.pipeline.process(await servers.received(INBOX))
        bug.mended = False
        await service.pipeline.process(await servers.received(INBOX))
    assert parked(servers) == []
    assert servers.ballot()["s"]["votes"] == 1


async def test_an_unknown_subject_waits_until_it_is_announced(servers: Servers) -> None:
    offsets = await servers.send(INBOX, vote("late", opens=False), vote("a", "bal_2"))
    async with servers.running(STATION) as station:
        await servers.until_committed("workflow", INBOX, offsets[-1])
        assert parked(servers) == [("unknown_subject", "late", offsets[0])]
        await station.sweepers.tell_waiting()
        assert REGISTRY.get_sample_value("closedloop_parked_records") == 1
        await servers.send(INBOX, vote("first"))
        await until_seen(lambda: parked(servers), lambda found: not found)
        await station.sweepers.tell_waiting()
        assert REGISTRY.get_sample_value("closedloop_parked_records") == 0
    assert servers.ballot()["s"]["votes"] == 2


async def test_a_foreign_record_for_an_unknown_subject_is_dead_lettered_after_ten_minutes(servers: Servers) -> None:
    (offset,) = await servers.send(INBOX, vote("lost", opens=False))
    async with servers.running(STATION) as service:
        await until_seen(lambda: parked(servers), lambda found: found == [("unknown_subject", "lost", offset)])
        lot = servers.client[f"{servers.database_prefix}workflow"]["parked"]
        lot.update_one({}, {"$set": {"parked_at": datetime.now(UTC) - timedelta(minutes=10, seconds=1)}})
        await until_seen(lambda: parked(servers), lambda found: not found)
        (letter,) = await servers.dead_letters()
        assert (letter["reason"], letter["offset"]) == ("unknown_subject", str(offset))
        assert int(letter["attempts"]) >= 1
        await service.pipeline.process(await servers.received(INBOX))
        assert parked(servers) == [], "the same record, delivered again, is done"
        (last,) = await servers.send(INBOX, vote("lost", opens=False))
        await servers.until_committed("workflow", INBOX, last)
    assert parked(servers) == [("unknown_subject", "lost", last)], "a later copy is another record"


async def test_an_unknown_type_waits_for_a_program_that_knows_it(servers: Servers) -> None:
    narrow = station(on={VOTE: On(decode_vote, to_ballot)})
    other = vote("other", kind="com.example.greeting", hello="there")
    offsets = await servers.send(INBOX, vote("1"), vote("seal", kind=SEAL), other, vote("2"))
    async with servers.running(narrow):
        await servers.until_committed("workflow", INBOX, offsets[-1])
        assert parked(servers) == [("unknown_type", "seal", offsets[1]), ("unknown_type", "other", offsets[2])]
    assert servers.ballot()["s"] == {"votes": 2, "text": "", "sealed": False}
    async with servers.running(STATION):
        await until_seen(lambda: servers.ballot()["s"]["sealed"], bool)
        await until_seen(lambda: parked(servers), lambda found: len(found) == 1)
    assert await servers.dead_letters() == []


async def test_a_type_of_the_contract_that_comes_later_waits_too(servers: Servers) -> None:
    narrow = station(on={VOTE: On(decode_vote, to_ballot)}, later=frozenset({SEAL}))
    offsets = await servers.send(INBOX, vote("1"), vote("seal", kind=SEAL))
    async with servers.running(narrow):
        await servers.until_committed("workflow", INBOX, offsets[-1])
        assert parked(servers) == [("not_yet_supported", "seal", offsets[1])]
    async with servers.running(STATION):
        await until_seen(lambda: servers.ballot()["s"]["sealed"], bool)


async def test_a_followed_type_that_becomes_known_is_applied_after_all(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The follower had to go on without it; a program that knows it decides it then."""
    offsets = await servers.send(INBOX, vote("1"), vote("seal", kind=SEAL))
    await until_written(servers, offsets)
    with monkeypatch.context() as old:
        old.delitem(catalogue(), "closedloop.ballot.sealed.v1")
        async with servers.running(newspaper()):
            await servers.until_committed("escalation", OUT, 1)
            assert [reason for reason, _, _ in parked(servers, "escalation")] == ["unknown_type"]
    async with servers.running(newspaper(more=SEALS)):
        await until(lambda: servers.events_of(NEWS, "frt_1"), lambda found: found == [1, 2])
        await until_seen(lambda: parked(servers, "escalation"), lambda found: not found)


async def until_written(servers: Servers, offsets: list[int]) -> None:
    """Runs the station until it has published what it makes of its inbox."""
    async with servers.running(STATION):
        await servers.until_committed("workflow", INBOX, offsets[-1])
