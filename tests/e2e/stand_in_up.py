"""Runs the real supervisor over the real servers, with stand-ins where the four services would be."""

import sys
from pathlib import Path

from deploy.local.guardian import Guardian
from deploy.local.ports import PortBook
from deploy.local.progress import Progress
from deploy.local.stack import Endpoints, LocalStack
from deploy.local.supervisor import Plan, ServiceCommand, Supervisor
from shared.cli.installation import SERVICES, Installation

STAND_IN = Path(__file__).with_name("stand_in_service.py")


def stand_ins(installation: Installation) -> list[ServiceCommand]:
    ports = PortBook(installation.state_dir / "service-ports.json")
    return [
        ServiceCommand(
            name=name,
            argv=(sys.executable, str(STAND_IN), str(ports.port(name))),
            env={},
            url=f"http://127.0.0.1:{ports.port(name)}",
        )
        for name in SERVICES
    ]


def prepare(endpoints: Endpoints) -> None:
    sys.stderr.write(f"preparing {endpoints.kafka}\n")


def main() -> None:
    installation = Installation(Path(sys.argv[1]))
    installation.create()
    held = installation.hold()
    assert held, "somebody holds the state directory of this test"
    guardian = Guardian()
    plan = Plan(
        installation=installation,
        stack=LocalStack(installation.state_dir, guardian=guardian),
        external=None,
        prepare=prepare,
        services=lambda _endpoints: stand_ins(installation),
        facts={"mode": "embedded"},
    )
    Supervisor(plan, guardian, Progress()).run(lambda: print("ready", file=sys.stderr))


main()
