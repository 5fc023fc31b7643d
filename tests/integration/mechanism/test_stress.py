"""Two processes and two ways in, always on the same few aggregates: thousands of collisions and not one fork."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from shared.kernel.aggregate import Cause
from shared.kernel.history import fold
from shared.kernel.ports import LogDocument
from shared.kernel.runner import Runner
from shared.persistence.event_log import MongoLog
from shared.runtime.context import Executed
from shared.runtime.service import RunningService
from tests.ballot import BALLOT, Vote
from tests.integration.mechanism.polling import INBOX, OUT, STATION
from tests.integration.mechanism.servers import Servers, until_seen, vote

BALLOTS = [f"bal_{number}" for number in range(24)]
ROUNDS, RECORDS = 70, 40
ENOUGH = 2_000


class CountingLog(MongoLog[Any]):
    """Knows how often its appends met a newer version."""

    collisions = 0

    async def append(self, documents: Sequence[LogDocument[Any]]) -> set[str]:
        taken = await super().append(documents)
        self.collisions += len(taken)
        return taken


def counted(service: RunningService) -> CountingLog:
    log = CountingLog(BALLOT, service.database)
    service.engine.runners["ballot"] = Runner(BALLOT, log, service.engine.projections["ballot"])
    return log


async def call(service: RunningService, name: str, first: int) -> int:
    """Votes on every ballot at once, again and again; returns how many callers were told that it is done."""
    done = 0
    for number in range(first, first + ROUNDS):
        asked = (service.execute(BALLOT, ballot, Vote(), Cause(name, str(number))) for ballot in BALLOTS)
        done += sum(isinstance(answer, Executed) for answer in await asyncio.gather(*asked))
    return done


async def test_an_aggregate_is_never_forked(servers: Servers) -> None:
    async with servers.running(STATION) as one, servers.running(STATION) as two:
        logs, done, called = (counted(one), counted(two)), 0, 0
        records = [vote(f"{ballot}/{number}", ballot) for number in range(RECORDS) for ballot in BALLOTS]
        sending = asyncio.create_task(servers.send(INBOX, *records))
        while sum(log.collisions for log in logs) < ENOUGH:
            done += sum(await asyncio.gather(call(one, "/one", called), call(two, "/two", called)))
            called += ROUNDS
        await servers.until_committed("workflow", INBOX, (await sending)[-1])
        await until_seen(lambda: [d for d in servers.documents("log") if "unpublished" in d], lambda left: not left)
        histories = await logs[0].histories(BALLOTS)
    assert done == 2 * called * len(BALLOTS)
    assert sum(log.collisions for log in logs) >= ENOUGH
    votes = 2 * called + RECORDS
    for ballot, documents in histories.items():
        check_history(ballot, documents, votes)
        assert servers.ballot(ballot)["v"] == servers.ballot(ballot)["s"]["votes"] == votes
    await check_topic(servers, votes)


def check_history(ballot: str, documents: Sequence[LogDocument[Any]], votes: int) -> None:
    from shared.kernel.aggregate import Snapshot

    decisions = [decision for document in documents for decision in document.decisions]
    assert [decision.version for decision in decisions] == list(range(1, votes + 1))
    assert [decision.sequence for decision in decisions] == list(range(votes))
    causes = Counter((decision.cause.source, decision.cause.id) for decision in decisions)
    assert set(causes.values()) == {1}
    assert Counter(source for source, _ in causes)["/test"] == RECORDS
    whole = fold(BALLOT, Snapshot(ballot), ((d.first, d.decisions) for d in documents))
    assert whole.state is not None
    assert whole.state.votes == votes


async def check_topic(servers: Servers, votes: int) -> None:
    """Every event is there, and where no copy comes between, in its order."""
    sequences: dict[bytes, list[int]] = {}
    for record in await servers.on_topic(OUT):
        headers = dict(record.headers)
        sequences.setdefault(record.key, []).append(int(headers["ce_sequence"]))
    assert {key.decode() for key in sequences} == set(BALLOTS)
    for found in sequences.values():
        assert sorted(set(found)) == list(range(1, votes + 1))
