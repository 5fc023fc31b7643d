"""The installation that the contract suites share: the real `up`, in test mode, with its time standing still."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from shared.cli.condition import condition
from shared.cli.installation import Installation
from tests.e2e.outside import Outside
from tests.e2e.running import up


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(tmp_path_factory.mktemp("contract") / "state")
    with up(installation):
        yield installation


@pytest_asyncio.fixture(scope="session")
async def outside(installation: Installation) -> AsyncIterator[Outside]:
    outside = Outside(installation, condition(installation))
    await outside.open()
    try:
        await outside.move(rate=0)
        await outside.move(set=(await outside.now()).replace(microsecond=0).isoformat())
        yield outside
    finally:
        await outside.close()
