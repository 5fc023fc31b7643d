"""Every fault that is tried, in the order of the table; and where what was seen is kept."""

import json
import os
from pathlib import Path

from tests.chaos.faults import brokers, mongod, network, providers, services, topics
from tests.chaos.faults.case import Fault

SECTIONS: dict[str, tuple[Fault, ...]] = {
    "Brokers": brokers.FAULTS,
    "Topics and groups": topics.FAULTS,
    "MongoDB": mongod.FAULTS,
    "Wires": network.FAULTS,
    "Our own services": services.FAULTS,
    "Receivers of notifications": providers.FAULTS,
}
SEEN = Path(__file__).with_name("seen.json")


def chosen() -> list[Fault]:
    """CLOSEDLOOP_FAULTS: `short` (unset), `all`, or ids with commas. Those of one stage stand together."""
    wanted = os.environ.get("CLOSEDLOOP_FAULTS", "short")
    every = [fault for section in SECTIONS.values() for fault in section]
    names = {fault.id for fault in every if fault.short or wanted == "all"}
    if wanted not in ("short", "all"):
        names = set(wanted.split(","))
    return sorted((fault for fault in every if fault.id in names), key=lambda fault: fault.stage.name)


def seen() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(SEEN.read_text()) if SEEN.exists() else {}
    return found


def remember(fault: Fault, words: str, on: str) -> None:
    kept = {**seen(), fault.id: {"on": on, "seen": words}}
    SEEN.write_text(json.dumps(dict(sorted(kept.items())), ensure_ascii=False, indent=1) + "\n")
