"""Records of the topics that the system writes, as a consumer finds them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "closedloop."


@dataclass(frozen=True)
class Seen:
    """A record of one of the topics that the system writes."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, str]

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.value or b"null")
        return found

    @property
    def kind(self) -> str:
        """The type without namespace and version."""
        return self.headers.get("ce_type", "").removeprefix(PREFIX).rpartition(".v")[0]

    @property
    def subject(self) -> str:
        return self.headers.get("ce_subject", "")


def seen(record: Any) -> Seen:
    """What a Kafka client hands out, read."""
    headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
    return Seen(record.topic.removeprefix(PREFIX), record.key, record.value, headers)
