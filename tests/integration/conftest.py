"""What several files of this suite start: a workflow service of their own, one for each file."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.workflow.main import SERVICE
from tests.integration.workflow_installation import Installation, installed


@pytest.fixture(scope="module")
async def workflow(
    kafka_bootstrap: str, mongo_uri: str, mongo_client: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    async with installed(kafka_bootstrap, mongo_uri, tmp_path_factory.mktemp("state")) as installation:
        yield installation
    mongo_client.drop_database(installation.service.settings.database_prefix + SERVICE.name)
