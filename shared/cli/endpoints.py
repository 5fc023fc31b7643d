"""Where the system answers that a client command is to talk to: as the settings name it, else as `up` recorded it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.cli.failure import DependencyDown
from shared.cli.installation import SERVICES, Installation, find_installation

PREFIX = "CLOSEDLOOP_"
EXTERNAL_URLS = {name: f"http://127.0.0.1:{port}" for port, name in enumerate(SERVICES, start=8101)}


@dataclass(frozen=True)
class Endpoints:
    """Addresses of one system. `embedded`: it was started here, and our development tokens are good there."""

    kafka: str
    mongo: str
    urls: Mapping[str, str]
    state_dir: Path
    embedded: bool
    test_mode: bool
    topic_prefix: str
    database_prefix: str


def find_endpoints() -> Endpoints:
    """Raises DependencyDown when nothing runs here and no settings name a system elsewhere."""
    installation = find_installation()
    known = _named_by_settings() or _recorded(installation)
    urls = {name: os.environ.get(f"{PREFIX}{name.upper()}_URL") or known["services"][name] for name in SERVICES}
    return Endpoints(
        kafka=known["kafka"],
        mongo=known["mongo"],
        urls=urls,
        state_dir=installation.state_dir,
        embedded=known["mode"] == "embedded",
        test_mode=known["test_mode"],
        topic_prefix=os.environ.get(f"{PREFIX}TOPIC_PREFIX", "closedloop."),
        database_prefix=os.environ.get(f"{PREFIX}DATABASE_PREFIX", "closedloop_"),
    )


def _named_by_settings() -> dict[str, Any] | None:
    kafka, mongo = os.environ.get(f"{PREFIX}KAFKA_BOOTSTRAP", ""), os.environ.get(f"{PREFIX}MONGO_URI", "")
    if not kafka and not mongo:
        return None
    return {"kafka": kafka, "mongo": mongo, "mode": "external", "services": EXTERNAL_URLS, "test_mode": False}


def _recorded(installation: Installation) -> dict[str, Any]:
    if installation.holder() is None:
        raise DependencyDown(f"nothing runs in {installation.state_dir}", "Start it with `./closedloop up`.")
    known = installation.recorded()
    if not set(SERVICES) <= known.get("services", {}).keys():
        raise DependencyDown(f"the system in {installation.state_dir} is starting", "Try again in a moment.")
    return known
