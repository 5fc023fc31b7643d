"""What chaos tests share."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest


@pytest.fixture
def name(mongo_client: Any) -> Iterator[str]:
    """Of the topics and databases of this test."""
    found = f"t{uuid4().hex[:8]}"
    yield found
    for database in mongo_client.list_database_names():
        if database.startswith(f"{found}_"):
            mongo_client.drop_database(database)
