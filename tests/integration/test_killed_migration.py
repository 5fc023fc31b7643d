"""An escalation process is killed in the middle of a migration; another one goes on, and migrates nobody twice."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from services.escalation import migration
from services.escalation.main import SERVICE
from shared.cli.installation import CHECKOUT
from shared.kernel.aggregate import Actor, Cause
from shared.kernel.ids import CLOCK_SET
from shared.messaging.admin import ensure_topics
from shared.persistence.driver import Driver
from shared.persistence.jobs import COLLECTION, JobStore
from shared.runtime.devkeys import ensure_keys
from shared.runtime.jobs import new_job
from shared.runtime.service import RunningService
from tests.integration.test_what_if import a_client, create_order, done, migrated_once, the_policy, until

ORDERS = 400


class Place:
    """Where the processes of this test keep what they have in common."""

    def __init__(self, kafka: str, mongo: str, folder: Path) -> None:
        self.kafka, self.mongo, self.folder, self.prefix = kafka, mongo, folder, f"t{uuid4().hex[:8]}"

    def settings(self) -> Mapping[str, Any]:
        return {
            "kafka_bootstrap": self.kafka,
            "mongo_uri": self.mongo,
            "topic_prefix": f"{self.prefix}.",
            "database_prefix": f"{self.prefix}_",
            "state_dir": str(self.folder),
            "mode": "embedded",
            "test_mode": True,
            "http_port": 0,
        }

    def set_clock(self, ahead: timedelta) -> None:
        kept = {"now": (datetime.now(UTC) + ahead).isoformat(), "rate": 1.0, "machine": time.time()}
        (self.folder / "clock.json").write_text(json.dumps(kept))

    @asynccontextmanager
    async def service(self) -> Any:
        """In this process."""
        settings = SERVICE.settings.load(**self.settings(), auth={"jwks": str(ensure_keys(self.folder))})
        running = RunningService(SERVICE, settings)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(running.close)
            await stack.enter_async_context(running.running())
            yield running

    @contextmanager
    def process(self) -> Iterator["subprocess.Popen[bytes]"]:
        """In a process of its own, which has not to be alive in the end."""
        own = {f"CLOSEDLOOP_{name.upper()}": str(value) for name, value in self.settings().items()}
        own["CLOSEDLOOP_AUTH__JWKS"] = str(ensure_keys(self.folder))
        command = [sys.executable, "-m", "services.escalation"]
        with (self.folder / "process.log").open("wb") as log:
            started = subprocess.Popen(command, env={**os.environ, **own}, cwd=CHECKOUT, stdout=log, stderr=log)
            try:
                yield started
            finally:
                started.kill()
                started.wait()


async def test_a_killed_migration_goes_on_elsewhere(
    kafka_bootstrap: str, mongo_uri: str, mongo_client: Any, tmp_path: Path
) -> None:
    place = Place(kafka_bootstrap, mongo_uri, tmp_path)
    await ensure_topics(kafka_bootstrap, f"{place.prefix}.", partitions=2)
    place.set_clock(timedelta(0))
    async with place.service() as service:
        await asyncio.gather(*(create_order(service, number) for number in range(ORDERS)))
        await publish_shorter(service)
    place.set_clock(timedelta(minutes=2))
    driver = Driver(mongo_uri)
    database = driver.database(f"{place.prefix}_escalation")
    store = JobStore(database)
    arguments = {"rule": "policy/default", "version": 2, "kinds": None, "reason": "shorter"}
    job = await store.create(new_job(migration.KIND, arguments, Actor("agent", "the-admin"), Cause("http:a", "k")))

    async def in_the_middle() -> bool:
        found = await store.get(job.id)
        return found is not None and found.done > 0

    with place.process() as process:
        await until(in_the_middle)
        process.send_signal(signal.SIGKILL)
        process.wait()
    left = await store.get(job.id)
    assert left is not None
    assert left.state == "running"
    assert 0 < left.done < ORDERS
    # As if the lease, which is of the machine's time, had run out.
    await database.collection(COLLECTION).update_one({"_id": job.id}, {"$set": {"lease_until": left.created_at}})
    async with place.service() as service:
        result = await done(service, job.id)
        assert (result["orders"], result["changed"], result["refused"]) == (ORDERS, ORDERS, 0)
        for number in range(ORDERS):
            await migrated_once(service, f"{CLOCK_SET}{number:032x}")
    await driver.close()
    mongo_client.drop_database(f"{place.prefix}_escalation")


async def publish_shorter(service: RunningService) -> None:
    async with a_client(service, "admin") as admin:
        shorter = await the_policy(admin)
        shorter["clocks"]["resolve"]["budget"] = "2h"
        for method, path, body in (("PUT", "", shorter), ("POST", ":publish", {})):
            headers = {"If-Match": "*"}
            answer = await admin.request(method, f"/v1/policies/default{path}", json=body, headers=headers)
            assert answer.status_code == 200, answer.text
