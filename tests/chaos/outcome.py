"""What is left after a run with deaths: how orders stand, what waits, and what the auditor says."""

import os
import subprocess
import sys
from collections import Counter
from typing import Any

from shared.cli.installation import CHECKOUT, SERVICES
from tests.integration.mechanism.servers import Servers


def statuses(servers: Servers, service: str, collection: str) -> Counter[str]:
    return Counter(document["s"]["status"] for document in servers.documents(collection, service))


def unfinished(servers: Servers) -> list[str]:
    """What waits to be decided or published, in any service."""
    parked = [f"{s} parked {one['reason']}" for s in SERVICES for one in servers.documents("parked", s)]
    marked = [one["_id"] for s in SERVICES for one in servers.documents("log", s) if "unpublished" in one]
    return parked + marked


def check_versions(documents: list[dict[str, Any]]) -> None:
    next_version: Counter[str] = Counter()
    for document in documents:
        aggregate = document["_id"].rpartition(":")[0]
        for decision in document["d"]:
            next_version[aggregate] += 1
            assert decision["v"] == next_version[aggregate], document["_id"]


def reconcile(servers: Servers) -> str:
    """`clean`, or what the command says instead."""
    environment = {
        "CLOSEDLOOP_KAFKA_BOOTSTRAP": servers.kafka,
        "CLOSEDLOOP_MONGO_URI": servers.mongo,
        "CLOSEDLOOP_TOPIC_PREFIX": servers.topic_prefix,
        "CLOSEDLOOP_DATABASE_PREFIX": servers.database_prefix,
        "CLOSEDLOOP_STATE_DIR": str(servers.state_dir),
    }
    done = subprocess.run(
        [sys.executable, "-m", "shared.cli", "reconcile"],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return "clean" if done.returncode == 0 else done.stdout + done.stderr
