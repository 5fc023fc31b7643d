"""Bugs and outages around a decision: whatever raises, no record is lost and no neighbour stops."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from shared.kernel.aggregate import Cause, Command, Facts
from shared.kernel.refusal import Refusal
from shared.messaging.bindings import On, Replied
from shared.messaging.records import Delivery, OutRecord
from shared.persistence.driver import DriverUnreachable
from shared.runtime.context import Context, Executed
from shared.runtime.telemetry import REGISTRY
from tests.ballot import BALLOT, Vote
from tests.integration.mechanism.polling import (
    INBOX,
    OUT,
    PEOPLE,
    PEOPLE_BINDING,
    STATION,
    VOTE,
    decode_vote,
    station,
    to_ballot,
)
from tests.integration.mechanism.servers import Sending, Servers, until_seen, vote


def breaks(*_: Any) -> Any:
    raise KeyError("a bug")


def breaks_for_two(delivery: Delivery, _: Facts) -> Refusal | None:
    return breaks() if delivery.envelope.id == "2" else None


def decode_but_two(data: Any) -> Any:
    return breaks() if data.get("text") == "two" else decode_vote(data)


@pytest.mark.parametrize(
    "changed",
    [{"may_send": breaks_for_two}, {"on": {VOTE: On(decode_but_two, to_ballot)}}],
    ids=["may_send", "decode"],
)
async def test_a_bug_in_a_binding_parks_its_own_record(servers: Servers, changed: Any) -> None:
    offsets = await servers.send(INBOX, vote("1"), vote("2", text="two"), vote("3", "bal_2"))
    async with servers.running(station(**changed)):
        await servers.until_committed("workflow", INBOX, offsets[-1])
    assert [(one["reason"], one["offset"]) for one in servers.documents("parked")] == [("failed", offsets[1])]
    assert servers.ballot("bal_2")["s"]["votes"] == 1


async def test_a_bug_in_a_replica_parks_its_own_record(servers: Servers) -> None:
    people = replace(PEOPLE_BINDING, copy=lambda d: breaks() if d.data["id"] == "2" else (d.data["id"], {"known": 1}))
    offsets = await servers.send(PEOPLE, *(person(str(number)) for number in (1, 2, 3)))
    async with servers.running(replace(STATION, bindings=(*STATION.bindings[:1], people))):
        await servers.until_committed("workflow", PEOPLE, offsets[-1])
    assert [one["_id"] for one in servers.documents("people")] == ["1", "3"]
    assert [(one["reason"], one["offset"]) for one in servers.documents("parked")] == [("failed", offsets[1])]


def person(name: str) -> Sending:
    key, _, headers = vote(name, name, kind="closedloop.test.person.v1")
    return key, b'{"id": "%s"}' % name.encode(), headers


async def test_a_bug_after_the_append_stops_the_partition_and_loses_nothing(servers: Servers) -> None:
    """A reply that cannot be made: the batch comes again until somebody mends it, and is decided once."""
    mended: list[bool] = []

    def reply(delivery: Delivery, replied: Replied) -> OutRecord:
        return OutRecord("workorders.replies", b"k", b"{}", []) if mended else breaks()

    offsets = await servers.send(INBOX, vote("1"))
    async with servers.running(station(reply=reply)):
        await until_seen(lambda: servers.documents("log"), bool)
        (last,) = await servers.send(INBOX, vote("2"))
        assert await servers.committed("workflow", INBOX) <= offsets[0]
        mended.append(True)
        await servers.until_committed("workflow", INBOX, last)
    assert servers.ballot()["s"]["votes"] == 2
    assert set(await servers.events_of(OUT, "bal_1")) == {1, 2}
    assert len(await servers.on_topic("workorders.replies")) == 2


async def test_an_outage_while_facts_are_looked_up_pauses_the_work(servers: Servers) -> None:
    outages = [DriverUnreachable("gone"), DriverUnreachable("still gone")]

    async def enrich(_: Context, commands: Sequence[Command]) -> Sequence[Command]:
        if outages:
            raise outages.pop()
        return commands

    alerts = REGISTRY.get_sample_value("closedloop_alerts_total", {"kind": "batch_failed"})
    (last,) = await servers.send(INBOX, vote("1"))
    async with servers.running(station(enrich=enrich)):
        await servers.until_committed("workflow", INBOX, last)
    assert REGISTRY.get_sample_value("closedloop_alerts_total", {"kind": "batch_failed"}) == alerts
    assert servers.ballot()["s"]["votes"] == 1


async def test_a_failing_command_does_not_stop_others_who_ask_at_the_same_time(servers: Servers) -> None:
    async with servers.running(STATION) as service:
        failed, done = await asyncio.gather(
            service.execute(BALLOT, "bal_1", Vote(broken=True), Cause("/http", "1")),
            service.execute(BALLOT, "bal_1", Vote(), Cause("/http", "2")),
            return_exceptions=True,
        )
    assert isinstance(failed, ZeroDivisionError)
    assert isinstance(done, Executed)


async def test_a_service_that_was_stopped_can_be_started_again(servers: Servers) -> None:
    """As when a dependency goes away in the middle of a start."""
    service = servers.service(STATION)
    async with service.running():
        await servers.until_committed("workflow", INBOX, (await servers.send(INBOX, vote("1")))[-1])
    async with service.running():
        await servers.until_committed("workflow", INBOX, (await servers.send(INBOX, vote("2")))[-1])
    await service.close()
    assert await servers.events_of(OUT, "bal_1") == [1, 2]
