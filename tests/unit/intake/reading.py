"""Reads one record as another system would have written it, through intake's own bindings."""

import json
from typing import Any

from services.intake.bindings import BINDINGS
from shared.kernel.aggregate import Facts
from shared.messaging.reading import Reader, Reading
from shared.messaging.records import InRecord
from tests.unit.intake.complaints import CRM, NOON, registered

OPEN = registered(open_sources=True)


def read(
    topic: str, kind: str, data: object, *, source: str = CRM, key: bytes | None = b"A-1", **more: Any
) -> Reading:
    reference = more.pop("reference", OPEN)
    attributes = {"specversion": "1.0", "id": "1", "source": source, "type": f"closedloop.{kind}.v1", **more}
    headers = [(f"ce_{name}", str(value).encode()) for name, value in attributes.items()]
    value = None if data is None else json.dumps(data).encode()
    record = InRecord(topic, 0, 7, key, value, headers, NOON)
    (reading,) = Reader(BINDINGS).read(record, Facts(NOON, reference))
    return reading
