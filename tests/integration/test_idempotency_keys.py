"""The reservation of idempotency keys on a real MongoDB: concurrent requests agree on one aggregate."""

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

import pytest

from shared.kernel.aggregate import Cause
from shared.persistence.driver import Database, Driver
from shared.runtime.http.idempotency import release, reserve
from shared.runtime.http.problems import ProblemError


@pytest.fixture(params=["motor", "pymongo"])
async def database(request: pytest.FixtureRequest, mongo_uri: str, database_prefix: str) -> AsyncIterator[Database]:
    name: Literal["motor", "pymongo"] = request.param
    driver = Driver(mongo_uri, name)
    yield driver.database(f"{database_prefix}keys")
    await driver.close()


async def never(_: str, __: Cause) -> bool:
    return False


async def always(_: str, __: Cause) -> bool:
    return True


def asked(body: str) -> Cause:
    return Cause("http:anna", "POST /v1/complaints k1", digest=body)


async def test_all_of_many_at_once_get_the_first_ones_aggregate(database: Database) -> None:
    wanted = [f"cmp_{number}" for number in range(30)]
    given = await asyncio.gather(*(reserve(database, asked("a"), aggregate, never) for aggregate in wanted))
    assert len(set(given)) == 1
    assert given[0] in wanted


async def test_another_body_waits_is_refused_or_takes_over(database: Database) -> None:
    assert await reserve(database, asked("a"), "cmp_a", never) == "cmp_a"
    for recorded, code in ((always, "idempotency_key_reused"), (never, "in_progress")):
        with pytest.raises(ProblemError) as problem:
            await reserve(database, asked("b"), "cmp_b", recorded)
        assert problem.value.code == code
    await release(database, asked("b"))
    assert await reserve(database, asked("a"), "cmp_other", never) == "cmp_a"
    await release(database, asked("a"))
    assert await reserve(database, asked("b"), "cmp_b", never) == "cmp_b"
