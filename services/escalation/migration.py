"""Migration 迁移: takes the clocks that still count over to a published version, one command for each open order."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from services.escalation.domain import CLOCK_SETS
from services.escalation.domain.commands import Migrate
from services.escalation.open_sets import count, pages
from shared.events.sla import ClocksChanged
from shared.kernel.aggregate import Cause
from shared.kernel.refusal import Refusal
from shared.persistence.jobs import Job, Slice
from shared.runtime.context import Context, Executed

KIND = "migration"


async def migrate(context: Context, job: Job) -> AsyncGenerator[Slice, None]:
    """Job: the cause names job and order, so a slice done again after a crash migrates nobody twice.

    An order that is created meanwhile begins under the version in force, and needs no migration.
    """
    cursor = job.cursor or {"after": "", "done": 0, "counts": {}, "clocks": {}}
    counts, clocks = Counter(cursor["counts"]), Counter(cursor["clocks"])
    done, total, place = cursor["done"], await count(context), cursor
    async for page in pages(context, cursor["after"]):
        answers = await asyncio.gather(*(_one(context, job, snapshot.id) for snapshot in page))
        for answer in answers:
            _count(answer, counts, clocks)
        done += len(page)
        place = {"after": page[-1].id, "done": done, "counts": dict(counts), "clocks": dict(clocks)}
        yield Slice(place, done, max(total, done), _result(job, counts, clocks, done))
    yield Slice(place, done, done, _result(job, counts, clocks, done))


async def _one(context: Context, job: Job, clock_set: str) -> Executed | Refusal:
    kinds = job.arguments["kinds"]
    command = Migrate(
        actor=job.requested_by,
        migration=job.id,
        kinds=None if kinds is None else frozenset(kinds),
        rule=job.arguments["rule"],
        reason=job.arguments["reason"],
    )
    return await context.execute(CLOCK_SETS, clock_set, command, Cause(f"job:{job.id}", clock_set))


def _count(answer: Executed | Refusal, counts: Counter[str], clocks: Counter[str]) -> None:
    if isinstance(answer, Refusal):
        counts["refused"] += 1
        return
    changed = [clock for event in answer.events if isinstance(event, ClocksChanged) for clock in event.clocks]
    counts["changed" if changed else "unchanged"] += 1
    clocks.update(clock.kind for clock in changed)


def _result(job: Job, counts: Counter[str], clocks: Counter[str], done: int) -> Mapping[str, Any]:
    return {
        **{name: job.arguments[name] for name in ("rule", "version", "reason")},
        "orders": done,
        **{name: counts[name] for name in ("changed", "unchanged", "refused")},
        "clocks": [{"kind": kind, "changed": number} for kind, number in sorted(clocks.items())],
    }
