"""Topics, databases and known types of their own for tests of the mechanism."""

from pathlib import Path
from typing import Any

import pytest

from shared.events.catalogue import wire_type
from shared.messaging.admin import ensure_topics
from shared.messaging.contract import catalogue
from tests.integration.mechanism.polling import KNOWN
from tests.integration.mechanism.servers import Servers


@pytest.fixture
def known_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue of a program that knows the toy services' events."""
    for kind in KNOWN:
        monkeypatch.setitem(catalogue(), wire_type(kind), kind)


@pytest.fixture
async def servers(
    known_types: None,
    kafka_bootstrap: str,
    mongo_uri: str,
    mongo_client: Any,
    topic_prefix: str,
    database_prefix: str,
    tmp_path: Path,
) -> Servers:
    await ensure_topics(kafka_bootstrap, topic_prefix, partitions=1)
    return Servers(kafka_bootstrap, mongo_uri, topic_prefix, database_prefix, tmp_path, mongo_client)
