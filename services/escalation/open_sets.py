"""The clock sets in which something still counts, page by page."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from services.escalation.domain import CLOCK_SETS
from services.escalation.domain.state import ClockSet
from shared.kernel.aggregate import Snapshot
from shared.persistence.projection import collection_name
from shared.runtime.context import Context

PAGE = 20
"""So many are made from what is stored in less than the 5 ms for which the loop may be held."""
OPEN: Mapping[str, Any] = {"open": True}


async def count(context: Context) -> int:
    return await context.database.collection(collection_name(CLOCK_SETS)).count(OPEN)


async def pages(context: Context, after: str) -> AsyncIterator[Sequence[Snapshot[ClockSet]]]:
    """By id, from beyond `after` on ("": from the first). Raises Unavailable."""
    while found := await context.find(CLOCK_SETS, {**OPEN, "_id": {"$gt": after}}, [("_id", 1)], PAGE):
        yield found
        after = found[-1].id
