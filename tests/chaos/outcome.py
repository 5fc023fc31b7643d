"""Around a run with deaths: the time that restarted services find, and what is left behind it."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shared.cli.installation import CHECKOUT, SERVICES
from tests.bench.installation import IN_FORCE_AFTER
from tests.integration.mechanism.servers import Servers


def keep_clock(state_dir: Path) -> None:
    """Services that start again find the time to which the installation was moved."""
    now = datetime.now(UTC) + timedelta(seconds=IN_FORCE_AFTER)
    (state_dir / "clock.json").write_text(json.dumps({"now": now.isoformat(), "rate": 1.0, "machine": time.time()}))


def statuses(servers: Servers, service: str, collection: str) -> Counter[str]:
    return Counter(document["status"] for document in servers.documents(collection, service))


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
