"""`bench growth`: what a complaint costs, and how long a page of a list takes, while more orders are open."""

import asyncio
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from pymongo import MongoClient

from deploy.local.stack import LocalStack
from shared.cli.installation import SERVICES
from shared.messaging.publisher import Publisher
from shared.runtime.devkeys import sign
from tests.bench import story
from tests.bench.copies import copy
from tests.bench.floor_held import PROJECTED, settled
from tests.bench.installation import Installation, installed, own_servers
from tests.bench.loop import PERCENTILES, LoopReport, Wish, drive, measured, percentile_of

LISTS: Mapping[str, str] = {
    "newest first": "/v1/work-orders?limit=50",
    "by status": "/v1/work-orders?limit=50&status=assigned",
    "my team's": "/v1/work-orders?limit=50&team=nobody",
}
PAGES = 100
TEMPLATE = "growth-template"
FAR = datetime(2099, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class GrowthWish:
    """`sizes`: open orders, rising; at each so many complaints are taken through the loop."""

    sizes: Sequence[int] = (10_000, 100_000, 1_000_000)
    complaints: int = 1_000
    in_flight: int = 250


@dataclass(frozen=True, slots=True)
class Size:
    """`pages`: milliseconds of a list's first page by percentile, by list."""

    open_orders: int
    loop: LoopReport
    pages: Mapping[str, Mapping[int, float]]


def measure_alone(wish: GrowthWish) -> Sequence[Size]:
    with tempfile.TemporaryDirectory(prefix="closedloop-bench-") as folder:
        state_dir = Path(folder)
        with own_servers(state_dir / "servers") as stack:
            return measure(stack, state_dir / "services", wish)


def measure(stack: LocalStack, state_dir: Path, wish: GrowthWish) -> Sequence[Size]:
    state_dir.mkdir(parents=True, exist_ok=True)
    load = Wish(complaints=wish.complaints, in_flight=wish.in_flight)
    with installed(stack, state_dir, f"b{uuid.uuid4().hex[:8]}") as installation:
        drive(installation, Wish(complaints=wish.in_flight, in_flight=wish.in_flight), "warm")
        asyncio.run(_submit(installation))
        settled(installation)
        token = sign(state_dir, "bench", ("admin", "dispatcher"), ("*",), ("*",), 36_000)
        held, sizes = 0, []
        for number in wish.sizes:
            _open(installation, number - held)
            held = number
            report = measured(installation, load, f"with-{number}")
            sizes.append(
                Size(number, report, {name: _pages(installation, token, path) for name, path in LISTS.items()})
            )
        return sizes


async def _submit(installation: Installation) -> None:
    """One complaint that nobody works on: the copies are made of what it leads to."""
    publisher = Publisher(installation.kafka, installation.topic_prefix)
    await publisher.start()
    try:
        await publisher.publish([story.complaint(TEMPLATE, datetime.now(UTC))])
    finally:
        await publisher.stop()


def _open(installation: Installation, number: int) -> None:
    """So many orders more, as projections show them; their timers fire when nobody measures any more."""
    hex_ = story.order_of(TEMPLATE).partition("_")[2]
    with MongoClient[dict[str, Any]](installation.mongo) as client:
        for service in SERVICES:
            database = client[f"{installation.topic_prefix.removesuffix('.')}_{service}"]
            for name in PROJECTED:
                for document in list(database[name].find({"_id": {"$regex": f"^[a-z]*_?{hex_}"}})):
                    later = {"next_fire": FAR} if "next_fire" in document else {}
                    copy(database[name], {**document, **later}, hex_, number)


def _pages(installation: Installation, token: str, path: str) -> Mapping[int, float]:
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=60) as http:
        url = installation.urls["workflow"] + path
        http.get(url).raise_for_status()
        took = []
        for _ in range(PAGES):
            began = time.perf_counter()
            http.get(url).raise_for_status()
            took.append(1000 * (time.perf_counter() - began))
        return {percentile: percentile_of(sorted(took), percentile) for percentile in PERCENTILES}
