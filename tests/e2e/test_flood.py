"""Bad input among good, on Kafka and over HTTP: each record has its fate, the good ones are served, nobody grows.

FLOOD_EXAMPLES asks for more generated records for each inbox than the few of every day, and then for others each run.
"""

import asyncio
import json
import os
import random
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local.stack import LocalStack
from shared.cli.installation import CHECKOUT, SERVICES
from shared.kernel.ids import complaint_id
from shared.runtime.devkeys import sign
from tests.bench.installation import Installation, installed
from tests.e2e.bad_records import COMMANDS, COMPLAINTS, complaint
from tests.e2e.generated_records import INBOXES, generated
from tests.e2e.two_services import bad, good
from tests.integration.mechanism.servers import Sending, Servers, until, until_seen

EVERY_DAY = 150
GOOD = 60
AT_ONCE = 8  # HTTP requests
MOST_GROWTH = 64 * 1024 * 1024  # bytes from the first flood to the end of the second, caches included
SETTLED_SECONDS = 120.0


@pytest.fixture(scope="module")
def floods() -> dict[str, list[Sending]]:
    """By inbox: what is wrong on purpose, and what was generated."""
    count = int(os.environ.get("FLOOD_EXAMPLES", EVERY_DAY))
    made = {topic: generated(topic, count, repeatable="FLOOD_EXAMPLES" not in os.environ) for topic in INBOXES}
    corpora = {"complaints.inbox": COMPLAINTS, "workorders.inbox": COMMANDS}
    return {topic: [*map(bad, corpora.get(topic, ())), *records] for topic, records in made.items()}


def test_every_record_of_a_flood_has_its_fate(
    stack: LocalStack, tmp_path: Path, mongo_client: Any, floods: dict[str, list[Sending]]
) -> None:
    name = f"t{uuid4().hex[:8]}"
    servers = Servers(stack.endpoints.kafka, stack.endpoints.mongo, f"{name}.", f"{name}_", tmp_path, mongo_client)
    with installed(stack, tmp_path, name, more={"CLOSEDLOOP_HTTP_RATE": "0"}) as installation:
        sent: Counter[str] = Counter()
        asyncio.run(flood(servers, installation, floods, sent, "first"))
        grown = {service: -resident(installation, service) for service in SERVICES}
        asyncio.run(flood(servers, installation, floods, sent, "second"))
        for service in SERVICES:
            grown[service] += resident(installation, service)
        check_balance(asyncio.run(settled(servers)), sent)
        assert max(grown.values()) < MOST_GROWTH, grown
    for database in mongo_client.list_database_names():
        if database.startswith(f"{name}_"):
            mongo_client.drop_database(database)


async def flood(
    servers: Servers,
    installation: Installation,
    floods: dict[str, list[Sending]],
    sent: Counter[str],
    turn: str,
) -> None:
    """Everything at once; over when all of it was consumed and every good complaint has its order."""
    mixed = {topic: [*records] for topic, records in floods.items()}
    for number in range(GOOD):
        mixed["complaints.inbox"].append(good(f"{turn}-{number}"))
    for records in mixed.values():
        random.Random(turn).shuffle(records)
    asked = asyncio.create_task(ask(installation, floods["complaints.inbox"], turn))
    last = {topic: (await servers.send(topic, *records))[-1] for topic, records in mixed.items()}
    sent.update({topic: len(records) for topic, records in mixed.items()})
    for topic, definition in INBOXES.items():
        await until(
            lambda topic=topic, name=definition.name: servers.committed(name, topic),  # type: ignore[misc]  # bound here
            lambda found, end=last[topic]: found > end,  # type: ignore[misc]  # bound here
            SETTLED_SECONDS,
        )
    await asked
    wanted = {complaint_id("crm", f"{turn}-{number}") for number in range(GOOD)}
    await until_seen(lambda: wanted - with_orders(servers), set().__eq__, SETTLED_SECONDS)
    assert all(installation.processes[service].is_running() for service in SERVICES)


def with_orders(servers: Servers) -> set[str]:
    return {f"cmp_{document['_id'].partition('_')[2]}" for document in servers.documents("work_order_1")}


async def ask(installation: Installation, records: Sequence[Sending], turn: str) -> None:
    """The same over HTTP: what is good is accepted, the rest is told what is wrong with it."""
    url = f"{installation.urls['intake']}/v1/complaints"
    folder = Path(installation.processes["intake"].environ()["CLOSEDLOOP_STATE_DIR"])
    headers = {"Authorization": f"Bearer {sign(folder, 'flood', ('agent',), ('*',), ('*',), 3600)}"}
    bodies: list[tuple[int | None, bytes | None]] = [(None, value) for _, value, _ in records]
    bodies += [(201, json.dumps(complaint(f"{turn}-http-{number}")).encode()) for number in range(GOOD)]
    gate = asyncio.Semaphore(AT_ONCE)

    async def post(wanted: int | None, body: bytes | None) -> None:
        async with gate:
            answer = await http.post(url, content=body or b"", headers={"Content-Type": "application/json"})
        fits = answer.status_code == wanted or (wanted is None and answer.status_code < 500)
        assert fits, (answer.status_code, answer.text, body)

    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=60) as http:
        await asyncio.gather(*(post(*one) for one in bodies))


def check_balance(verdict: dict[str, Any], sent: Counter[str]) -> None:
    """in = applied + copied + skipped + duplicate + refused + parked + dead-lettered."""
    assert verdict["violations"] == []
    fates: dict[str, Counter[str]] = {topic: Counter() for topic in INBOXES}
    for row in verdict["records"]:
        if row["topic"] in INBOXES:
            fates[row["topic"]][row["fate"]] += row["count"]
    assert {topic: found.total() for topic, found in fates.items()} == dict(sent)
    for found in fates.values():
        assert found.keys().isdisjoint({"waiting", "lost"}), fates
    assert all(found["dead_lettered"] for found in fates.values()), fates
    assert fates["complaints.inbox"]["applied"] >= 2 * GOOD


async def settled(servers: Servers) -> dict[str, Any]:
    """The verdict once no record is too young to be judged any more."""

    async def look() -> dict[str, Any]:
        return await reconciled(servers)

    return await until(look, lambda seen: all(row["fate"] != "waiting" for row in seen["records"]), SETTLED_SECONDS)


async def reconciled(servers: Servers) -> dict[str, Any]:
    """What `closedloop reconcile` has to say."""
    named = {
        "KAFKA_BOOTSTRAP": servers.kafka,
        "MONGO_URI": servers.mongo,
        "TOPIC_PREFIX": servers.topic_prefix,
        "DATABASE_PREFIX": servers.database_prefix,
        "STATE_DIR": str(servers.state_dir),
    }
    env = {**os.environ, **{f"CLOSEDLOOP_{name}": value for name, value in named.items()}}
    argv = [sys.executable, "-m", "shared.cli", "reconcile", "-o", "json"]
    asked = await asyncio.create_subprocess_exec(*argv, cwd=CHECKOUT, env=env, stdout=PIPE, stderr=PIPE)
    output, talk = await asked.communicate()
    assert output, talk.decode()
    found: dict[str, Any] = json.loads(output)
    return found


def resident(installation: Installation, service: str) -> int:
    found: int = installation.processes[service].memory_info().rss
    return found
