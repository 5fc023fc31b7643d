"""The services' databases, for commands that look into them from outside."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from shared.cli.endpoints import Endpoints
from shared.cli.failure import DependencyDown
from shared.persistence.driver import Database, Driver, DriverError


@asynccontextmanager
async def databases(endpoints: Endpoints) -> AsyncIterator[Callable[[str], Database]]:
    """Gives the database of a service by the service's name. Raises DependencyDown when MongoDB does not answer."""
    chosen = os.environ.get("CLOSEDLOOP_MONGO_DRIVER")
    driver = Driver(endpoints.mongo, "pymongo" if chosen == "pymongo" else "motor")
    try:
        yield lambda service: driver.database(endpoints.database_prefix + service)
    except DriverError as error:
        advice = "`./closedloop status` tells how it is."
        raise DependencyDown(f"MongoDB does not answer: {type(error).__name__}", advice) from error
    finally:
        await driver.close()
