"""The stories that are kept: taken from the log when a simulation needs them, and once a day before one does."""

import asyncio
from collections.abc import Mapping, Sequence

from services.escalation.domain import CLOCK_SETS
from services.escalation.simulation_pages import Packed, taken
from services.escalation.simulation_story import NEEDED
from shared.persistence.driver import Database, DriverError
from shared.persistence.event_log import COLLECTION, beyond
from shared.persistence.projection import collection_name
from shared.persistence.replicas import replaced
from shared.runtime.beside import beside
from shared.runtime.context import Context, Unavailable
from shared.runtime.logging import get_logger

log = get_logger()
STORIES = "stories_2"
"""The number rises with their form. Dropped, they are taken from the log again."""
LOGS = 100
"""Orders whose logs are asked for at once."""
PAGE = 1_000
"""Orders to a slice: some tenths of a second of arithmetic."""
FIRST_AFTER, EVERY = 3_600.0, 86_400.0  # seconds of the machine


async def take_daily(context: Context) -> None:
    """Worker. Where several processes do so, some stories are taken twice, which changes nothing."""
    pause = FIRST_AFTER
    while True:
        await asyncio.sleep(pause)
        try:
            log.info("stories_taken", number=await take_ahead(context.database))
        except (DriverError, Unavailable) as error:
            log.warning("stories_not_taken", error=type(error).__name__)
        pause = EVERY


async def take_ahead(database: Database) -> int:
    """Takes the stories of orders whose clocks have ended, and says how many. Raises DriverError, Unavailable."""
    after, number = "", 0
    sets = database.collection(collection_name(CLOCK_SETS))
    async with beside() as arithmetic:
        while page := await sets.find({"_id": {"$gt": after}}, [("_id", 1)], PAGE, {"v": 1, "open": 1}):
            versions = {one["_id"]: one["v"] for one in page if not one.get("open")}
            kept = await kept_stories(database, versions)
            missing = [name for name in versions if name not in kept]
            for start in range(0, len(missing), LOGS):
                logs = await logs_of(database, missing[start : start + LOGS])
                await keep(database, await arithmetic.call(taken, logs))
            after, number = page[-1]["_id"], number + len(missing)
    return number


async def kept_stories(database: Database, versions: Mapping[str, int]) -> dict[str, bytes]:
    """By clock set, those that are at least as new as the version given."""
    found = await database.collection(STORIES).find({"_id": {"$in": list(versions)}})
    return {one["_id"]: one["s"] for one in found if one["order"] >= versions[one["_id"]]}


async def logs_of(database: Database, names: Sequence[str]) -> list[bytes]:
    where = {"$or": [{"_id": beyond(name, 0)} for name in names]}
    return await database.collection(COLLECTION).find_batches(where, [("_id", 1)], dict.fromkeys(NEEDED, 1))


async def keep(database: Database, stories: Sequence[Packed]) -> None:
    operations = [replaced(one.id, {"s": one.story}, one.version) for one in stories]
    await database.collection(STORIES).bulk_write(operations)
