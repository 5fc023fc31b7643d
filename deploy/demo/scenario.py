"""What comes in on the demo's day, read from `scenario.yaml`, with the ids that follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from shared.kernel import ids

FILE = Path(__file__).with_name("scenario.yaml")
AGENT = "lin-tao"
"""Who submits by HTTP, and so is the source of those complaints."""


@dataclass(frozen=True)
class Submission:
    """A complaint, or what was meant to be one. `ref` is the number that its source gave it."""

    ref: str
    source: str
    channel: str
    via: str
    copies: int
    readable: bool

    @property
    def complaint_id(self) -> str:
        return ids.complaint_id(self.source, self.ref)

    @property
    def order_id(self) -> str:
        return ids.sibling(self.complaint_id, ids.WORK_ORDER)


@cache
def scenario() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


@cache
def submissions() -> Mapping[str, Submission]:
    """By ref, in the order in which they come in."""
    records = scenario()["kafka"]["morning"]
    by_kafka = [_published(record) for record in records]
    by_http = [
        Submission(body["external_id"], AGENT, body["channel"], "HTTP", 1, True) for body in scenario()["http"]
    ]
    return {one.ref: one for one in (*by_kafka, *by_http)}


def complaint(ref: str) -> Submission:
    return submissions()[ref]


def _published(record: Mapping[str, Any]) -> Submission:
    channel = record["data"]["channel"] if "data" in record else "?"
    copies = record.get("copies", 1)
    return Submission(record["key"], record["source"], channel, "Kafka", copies, "data" in record)
