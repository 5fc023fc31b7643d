"""Simulation 模拟: the job that tries other rules on the history of orders, page by page.

An order's story is taken from the log once and kept; it is taken again only when something happened since. Those of
orders whose clocks have ended are mostly there already.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from services.escalation.domain import CLOCK_SETS
from services.escalation.domain.instants import to_seconds
from services.escalation.rulebook import Published
from services.escalation.simulation_pages import Question, reckon, reckon_from_log
from services.escalation.simulation_stories import LOGS, PAGE, keep, kept_stories, logs_of
from services.escalation.simulation_tally import Tally
from shared.persistence.driver import Database
from shared.persistence.jobs import Job, Slice
from shared.persistence.projection import collection_name
from shared.runtime.beside import Beside, beside
from shared.runtime.context import Context

KIND = "simulation"


async def simulate(context: Context, job: Job) -> AsyncGenerator[Slice, None]:
    """Job: the arithmetic is done in a process beside, where no timer waits for it."""
    question, database = question_of(job.arguments), context.database
    cursor = job.cursor or {"after": "", "done": 0, "tally": Tally().stored()}
    after, done, tally = cursor["after"], cursor["done"], Tally.restored(cursor["tally"])
    sets = database.collection(collection_name(CLOCK_SETS))
    total = await sets.count({})
    async with beside() as arithmetic:
        while page := await sets.find({"_id": {"$gt": after}}, [("_id", 1)], PAGE, {"v": 1}):
            for found in await _reckoned(database, arithmetic, question, {one["_id"]: one["v"] for one in page}):
                tally.add(Tally.restored(found))
            after, done = page[-1]["_id"], done + len(page)
            place = {"after": after, "done": done, "tally": tally.stored()}
            yield Slice(place, done, max(total, done), _result(job.arguments, tally))
    place = {"after": after, "done": done, "tally": tally.stored()}
    yield Slice(place, done, done, _result(job.arguments, tally))


async def _reckoned(
    database: Database, arithmetic: Beside, question: Question, versions: Mapping[str, int]
) -> list[Mapping[str, Any]]:
    """Tallies of the orders' stories, each at least as new as the version given."""
    kept = await kept_stories(database, versions)
    tallies = [await arithmetic.call(reckon, list(kept.values()), question)]
    missing = [name for name in versions if name not in kept]
    for start in range(0, len(missing), LOGS):
        logs = await logs_of(database, missing[start : start + LOGS])
        tally, stories = await arithmetic.call(reckon_from_log, logs, question)
        await keep(database, stories)
        tallies.append(tally)
    return tallies


def question_of(arguments: Mapping[str, Any]) -> Question:
    filters = arguments["filters"]
    return Question(
        rules=_documents(arguments["rules"]),
        under=_documents(arguments["under"]),
        since=to_seconds(arguments["from"]),
        until=to_seconds(arguments["to"]),
        now=to_seconds(arguments["now"]),
        region=filters.get("region"),
        team=filters.get("team"),
        category=filters.get("category"),
    )


def _documents(raw: Sequence[Sequence[Any]]) -> tuple[Published, ...]:
    return tuple(Published(name, text, effective_at) for name, text, effective_at in raw)


def _result(arguments: Mapping[str, Any], tally: Tally) -> Mapping[str, Any]:
    asked = {name: arguments[name] for name in ("tried", "from", "to", "filters")}
    return {**asked, **tally.result()}
