"""What `closedloop up` runs: which servers, which four services with which settings, in which mode."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.failure import StackFailure
from deploy.local.guardian import Guardian
from deploy.local.ports import PortBook
from deploy.local.stack import Endpoints, LocalStack
from deploy.local.supervisor import Plan, ServiceCommand
from shared.cli.installation import CHECKOUT, SERVICES, Installation

# Outside, the brokers' own default decides.
REPLICATION = {"embedded": 1, "external": -1}
EXTERNAL_PORTS = {"intake": 8101, "workflow": 8102, "escalation": 8103, "notifier": 8104}


@dataclass(frozen=True)
class Additions:
    """What runs beside the services, and the settings that it gives them."""

    settings: Mapping[str, str] = field(default_factory=dict)
    commands: Sequence[ServiceCommand] = ()


NOTHING = Additions()


def external_endpoints(environment: Mapping[str, str] = os.environ) -> Endpoints | None:
    """The servers that the settings name; None unless both are named (embedded mode)."""
    kafka = environment.get("CLOSEDLOOP_KAFKA_BOOTSTRAP")
    mongo = environment.get("CLOSEDLOOP_MONGO_URI")
    if kafka and mongo:
        return Endpoints(kafka, mongo)
    if kafka or mongo:
        raise StackFailure(
            "only one of CLOSEDLOOP_KAFKA_BOOTSTRAP and CLOSEDLOOP_MONGO_URI is set",
            "Set both to use servers that you already have, or none to have them started here.",
            exit_code=2,
        )
    return None


def plan(installation: Installation, guardian: Guardian, *, test_mode: bool, additions: Additions = NOTHING) -> Plan:
    """The plan for this machine's environment."""
    external = external_endpoints()
    book = PortBook(installation.state_dir / "service-ports.json")
    if external is None:
        book.release_taken(SERVICES)
    ports = EXTERNAL_PORTS if external else {name: book.port(name) for name in SERVICES}
    mode = "external" if external else "embedded"

    def settings(endpoints: Endpoints) -> dict[str, str]:
        own = service_settings(installation.state_dir, endpoints, ports, mode=mode, test_mode=test_mode)
        return {**own, **additions.settings}

    return Plan(
        installation=installation,
        stack=None if external else LocalStack(installation.state_dir, guardian=guardian),
        external=external,
        prepare=lambda endpoints: prepare(installation.state_dir, settings(endpoints), mode),
        services=lambda endpoints: [*additions.commands, *service_commands(settings(endpoints), ports)],
        facts={"mode": mode, "test_mode": test_mode, "pid": os.getpid()},
    )


def service_settings(
    state_dir: Path, endpoints: Endpoints, ports: Mapping[str, int], *, mode: str, test_mode: bool
) -> dict[str, str]:
    """The settings that all four services share."""
    settings = {
        "CLOSEDLOOP_KAFKA_BOOTSTRAP": endpoints.kafka,
        "CLOSEDLOOP_MONGO_URI": endpoints.mongo,
        "CLOSEDLOOP_STATE_DIR": str(state_dir),
        "CLOSEDLOOP_MODE": mode,
        "CLOSEDLOOP_HTTP_HOST": "127.0.0.1",
        "PYTHONPATH": str(CHECKOUT),
        "PYTHONSAFEPATH": "1",
    }
    if mode == "embedded":
        settings["CLOSEDLOOP_INSTANCE"] = "embedded"  # one process per service, and nobody else's servers
    if test_mode:
        settings["CLOSEDLOOP_TEST_MODE"] = "1"
    # Development keys are for embedded mode; elsewhere whoever installs says whose tokens count.
    if mode == "embedded" and "CLOSEDLOOP_AUTH__JWKS" not in os.environ:
        settings["CLOSEDLOOP_AUTH__JWKS"] = str(state_dir / "auth" / "jwks.json")
    for name, port in ports.items():
        settings[f"CLOSEDLOOP_{name.upper()}_URL"] = _url(port)
    return settings


def service_commands(settings: Mapping[str, str], ports: Mapping[str, int]) -> Sequence[ServiceCommand]:
    """Each service in a process of its own, on its own kept port."""
    return [
        ServiceCommand(
            name=name,
            argv=(sys.executable, "-m", f"services.{name}"),
            env={**settings, "CLOSEDLOOP_HTTP_PORT": str(port)},
            url=_url(port),
        )
        for name, port in ports.items()
    ]


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def prepare(state_dir: Path, settings: Mapping[str, str], mode: str) -> None:
    """What must be there before the services start: signing keys for development, topics."""
    if "CLOSEDLOOP_AUTH__JWKS" in settings:
        from shared.runtime.devkeys import ensure_keys

        ensure_keys(state_dir)
    from shared.messaging.admin import ensure_topics

    prefix = os.environ.get("CLOSEDLOOP_TOPIC_PREFIX", "closedloop.")
    partitions = int(os.environ.get("CLOSEDLOOP_KAFKA_PARTITIONS", "24"))
    asyncio.run(ensure_topics(settings["CLOSEDLOOP_KAFKA_BOOTSTRAP"], prefix, REPLICATION[mode], partitions))
