"""A process dies between two steps and another goes on: nothing is lost, nothing is decided twice."""

import pytest

from tests.integration.mechanism.crash_points import a_service_that_stops, crash_at, failing
from tests.integration.mechanism.polling import INBOX, NEWS, OUT, STATION, newspaper
from tests.integration.mechanism.servers import Servers, decisions, until, until_seen, vote

VOTES = [vote("1"), vote("2", votes=2), vote("3", "bal_2"), vote("no", votes=0)]


async def crash(servers: Servers, *, publishes: bool, projects: bool) -> None:
    """Processes what is in the inbox up to the wall; its offsets are never committed."""
    records = await servers.received(INBOX)
    service = servers.service(STATION)
    async with a_service_that_stops(service, publishes=publishes, projects=projects) as wall:
        work = service.pipeline.process(records)
        if publishes and projects:
            await work
            return

        async def done() -> None:
            if projects:
                await until_seen(lambda: servers.ballot("bal_2"), bool)
            if publishes:
                await until(lambda: servers.events_of(OUT, "bal_1"), lambda found: len(found) == 3)

        await crash_at(wall, work, 2 - publishes - projects, done)


@pytest.mark.parametrize(
    ("publishes", "projects"),
    [(False, False), (False, True), (True, False), (True, True)],
    ids=["after append", "after project", "after publish", "before commit"],
)
async def test_a_crash_between_two_steps_loses_and_doubles_nothing(
    servers: Servers, publishes: bool, projects: bool
) -> None:
    await servers.send(INBOX, *VOTES)
    await crash(servers, publishes=publishes, projects=projects)
    before = decisions(servers.documents("log"))
    assert before == [("bal_1:0000000001", [1, 2, 3]), ("bal_2:0000000001", [1])]
    assert bool(servers.ballot("bal_2")) is projects
    (last,) = await servers.send(INBOX, vote("4"))
    async with servers.running(STATION), servers.running(newspaper()):
        await servers.until_committed("workflow", INBOX, last)
        await until(lambda: servers.events_of(NEWS, "frt_1"), lambda found: len(found) >= 4)
    assert decisions(servers.documents("log")) == [before[0], ("bal_1:0000000004", [4]), before[1]]
    assert servers.ballot()["s"]["votes"] == 4
    copies = 2 if publishes else 1
    assert sorted(await servers.events_of(OUT, "bal_1")) == sorted([1, 2, 3] * copies + [4])
    assert await servers.events_of(OUT, "bal_2") == [1] * copies
    assert await servers.events_of(NEWS, "frt_1") == [1, 2, 3, 4], "a consumer drops the copies"
    assert {letter["reason"] for letter in await servers.dead_letters()} == {"no_votes"}


async def test_only_the_redelivery_that_owns_a_decision_publishes_it_again(servers: Servers) -> None:
    """The batch comes again because its offsets were not committed; copies elsewhere are in the same batch."""
    await servers.send(INBOX, vote("1"), vote("2", "bal_2"))
    await crash(servers, publishes=True, projects=True)
    offsets = await servers.send(INBOX, vote("1"), vote("2", "bal_2"), vote("1"))
    async with servers.running(STATION):
        await servers.until_committed("workflow", INBOX, offsets[-1])
    assert await servers.events_of(OUT, "bal_1") == [1, 1]
    assert await servers.events_of(OUT, "bal_2") == [1, 1]


async def test_what_is_repeated_is_projected_before_it_is_published(servers: Servers) -> None:
    await servers.send(INBOX, *VOTES)
    await crash(servers, publishes=False, projects=False)
    service = servers.service(STATION)
    async with a_service_that_stops(service, publishes=False, projects=False) as wall:
        await crash_at(wall, service.pipeline.process(await servers.received(INBOX)), walls=1)
    assert wall.reached == 1, "it came to publishing although nothing was projected"


async def test_an_append_without_an_answer_is_found_again(servers: Servers) -> None:
    """The server did it and the answer was an error: the outcome is unknown, the cause is not."""
    fault = {"failCommands": ["insert"], "writeConcernError": {"code": 64, "errmsg": "no majority in time"}}
    namespace = f"{servers.database_prefix}workflow.log"
    await servers.send(INBOX, vote("1"), vote("2", "bal_2"))
    with failing(servers.client, {**fault, "namespace": namespace}):
        async with servers.running(STATION):
            await servers.until_committed("workflow", INBOX, 1)
    assert decisions(servers.documents("log")) == [("bal_1:0000000001", [1]), ("bal_2:0000000001", [1])]
    assert await servers.events_of(OUT, "bal_1") == [1]
    assert servers.ballot()["s"]["votes"] == 1


async def test_a_database_that_hangs_up_pauses_the_work(servers: Servers) -> None:
    fault = {"failCommands": ["insert", "find", "aggregate"], "closeConnection": True}
    (last,) = await servers.send(INBOX, vote("1"))
    async with servers.running(STATION):
        await servers.until_committed("workflow", INBOX, last)
        with failing(servers.client, {**fault, "namespace": f"{servers.database_prefix}workflow.log"}, times=4):
            (last,) = await servers.send(INBOX, *(vote("2"),))
            await servers.until_committed("workflow", INBOX, last)
    assert await servers.events_of(OUT, "bal_1") == [1, 2]
