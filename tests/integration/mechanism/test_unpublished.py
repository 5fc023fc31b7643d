"""What came by HTTP is finished by somebody although the process died: the mark in the log says what is left."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from shared.kernel.aggregate import Cause
from shared.kernel.refusal import Refusal
from shared.runtime.context import Executed
from tests.ballot import BALLOT, Ballot, Seal, Vote
from tests.integration.mechanism.crash_points import a_service_that_stops, crash_at
from tests.integration.mechanism.polling import INBOX, OUT, STATION
from tests.integration.mechanism.servers import Servers, until, until_seen, vote

ONE, TWO = Cause("/http", "1", digest="a"), Cause("/http", "2")


def marked(servers: Servers) -> list[str]:
    return [document["_id"] for document in servers.documents("log") if "unpublished" in document]


def age_marks(servers: Servers) -> None:
    """As if the process had died some time ago."""
    long_ago = datetime.now(UTC) - timedelta(minutes=1)
    log = servers.client[f"{servers.database_prefix}workflow"]["log"]
    log.update_many({"unpublished": {"$exists": True}}, {"$set": {"unpublished": long_ago}})


@pytest.mark.parametrize("projects", [False, True], ids=["after append", "after project"])
async def test_a_command_whose_process_died_is_projected_and_published_by_another(
    servers: Servers, projects: bool
) -> None:
    service = servers.service(STATION)
    async with a_service_that_stops(service, publishes=False, projects=projects) as wall:
        queue = service.queues["ballot"]
        asking = asyncio.create_task(queue.execute("bal_1", Vote(votes=3), ONE))
        await crash_at(wall, queue.drain(), walls=1)
        asking.cancel()
        for task in asyncio.all_tasks():
            if "_run_batch" in repr(task):
                task.cancel()
    assert marked(servers) == ["bal_1:0000000001"]
    assert bool(servers.ballot()) is projects
    assert await servers.on_topic(OUT) == []
    age_marks(servers)
    async with servers.running(STATION):
        await until(lambda: servers.events_of(OUT, "bal_1"), lambda found: found == [1, 2, 3])
        await until_seen(lambda: marked(servers), lambda found: not found)
    assert servers.ballot()["s"]["votes"] == 3


async def test_a_live_process_is_not_overtaken_by_the_sweeper(servers: Servers) -> None:
    async with servers.running(STATION) as service:
        await service.execute(BALLOT, "bal_1", Vote(), ONE)
        assert await service.sweepers.finish_left_behind() == 0
        await until_seen(lambda: marked(servers), lambda found: not found)
    assert await servers.events_of(OUT, "bal_1") == [1]


async def test_a_parked_record_whose_process_died_is_finished_too(servers: Servers) -> None:
    """No redelivery would: its offset was committed long ago."""
    await servers.send(INBOX, vote("late", opens=False))
    async with servers.running(STATION):
        await until_seen(lambda: servers.documents("parked"), bool)
    (raw,) = servers.documents("parked")
    service = servers.service(STATION)
    await servers.send(INBOX, vote("first"))
    async with a_service_that_stops(service, publishes=True, projects=True):
        await service.pipeline.process((await servers.received(INBOX))[1:])
    service = servers.service(STATION)
    async with a_service_that_stops(service, publishes=False, projects=True) as wall:
        records = (await servers.received(INBOX))[:1]
        await crash_at(wall, service.pipeline.process(records, again=True, only=raw["binding"]), walls=1)
    assert marked(servers) == ["bal_1:0000000002"]
    age_marks(servers)
    async with servers.running(STATION):
        await until_seen(lambda: (marked(servers), servers.documents("parked")), lambda found: found == ([], []))
        assert set(await servers.events_of(OUT, "bal_1")) == {1, 2}
    assert servers.ballot()["s"]["votes"] == 2


async def test_a_key_answers_its_first_success_again_and_refuses_another_body(servers: Servers) -> None:
    async with servers.running(STATION) as service:
        first = await service.execute(BALLOT, "bal_1", Vote(votes=2), ONE)
        await service.execute(BALLOT, "bal_1", Vote(), TWO)
        again = await service.execute(BALLOT, "bal_1", Vote(votes=2), ONE)
        other = await service.execute(BALLOT, "bal_1", Vote(votes=9), Cause("/http", "1", digest="b"))
    assert isinstance(first, Executed)
    assert isinstance(again, Executed)
    assert (again.replayed, again.snapshot.version, again.snapshot.state) == (True, 1, Ballot(votes=2))
    assert other == Refusal("idempotency_key_reused")
    assert await servers.events_of(OUT, "bal_1") == [1, 2, 3]


async def test_a_refused_command_leaves_no_trace(servers: Servers) -> None:
    async with servers.running(STATION) as service:
        await service.execute(BALLOT, "bal_1", Vote(), ONE)
        await service.execute(BALLOT, "bal_1", Seal(), Cause("/http", "seal"))
        refused = await service.execute(BALLOT, "bal_1", Vote(), TWO)
    assert isinstance(refused, Refusal)
    assert refused.code == "sealed"
    assert len(servers.documents("log")) == 2
