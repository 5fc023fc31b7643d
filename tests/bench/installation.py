"""A whole system for measuring: the four services as real processes, on servers that run already."""

import asyncio
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import psutil

from deploy.local import system
from deploy.local.guardian import Guardian
from deploy.local.health import is_ready
from deploy.local.ports import PortBook
from deploy.local.process import ServerProcess, wait_until
from deploy.local.stack import LocalStack, Shape
from deploy.local.supervisor import SERVICE_START_SECONDS, ServiceCommand
from shared.cli.installation import SERVICES
from shared.events.topics import DEFAULT_PARTITIONS
from shared.messaging.admin import ensure_topics
from shared.runtime.devkeys import ensure_keys, sign
from tests.bench.story import SOURCE

STOP_SECONDS = 10.0
IN_FORCE_AFTER = 61.0  # seconds of business time: entries of the directory take effect a minute after they were put
IN_FORCE_WITHIN = 20.0
SIGN_OF_FORCE = "bench-in-force"
PARTITIONS = "CLOSEDLOOP_KAFKA_PARTITIONS"


@dataclass(frozen=True)
class Installation:
    """`processes`: the services and the servers, by name."""

    kafka: str
    mongo: str
    topic_prefix: str
    urls: Mapping[str, str]
    processes: Mapping[str, psutil.Process]


@contextmanager
def own_servers(state_dir: Path) -> Iterator[LocalStack]:
    """MongoDB and Kafka in the shape for benchmarks; their data are nobody's afterwards."""
    stack = LocalStack(state_dir, Shape(bench=True))
    try:
        stack.start()
        yield stack
    finally:
        stack.discard()


@contextmanager
def installed(
    stack: LocalStack,
    state_dir: Path,
    name: str,
    profiled: str | None = None,
    more: Mapping[str, str] | None = None,
) -> Iterator[Installation]:
    """Four services with topics and databases under `name`, and a source of commands that is in force.

    The service `profiled` runs under a profiler, from SIGUSR1 on, and leaves `<service>.prof` in the state directory.
    `more`: settings.
    """
    guardian = Guardian()
    settings, commands = _prepared(stack, state_dir, name, more or {})
    if profiled is not None:
        commands = [
            _under_profile(command, state_dir) if command.name == profiled else command for command in commands
        ]
    services = [ServerProcess(command.name, command.argv, command.env, state_dir) for command in commands]
    urls = {command.name: command.url for command in commands}
    try:
        for process in services:
            process.spawn(guardian)
        for process in services:
            _wait_ready(process, urls[process.name])
        _let_people_command(state_dir, urls)
        known = {process.name: process.pid for process in (*services, *(node.process for node in stack.nodes))}
        processes = {name: psutil.Process(pid) for name, pid in known.items() if pid is not None}
        yield Installation(
            stack.endpoints.kafka, stack.endpoints.mongo, settings["CLOSEDLOOP_TOPIC_PREFIX"], urls, processes
        )
    finally:
        for process in services:
            process.signal(signal.SIGTERM)
        for process in services:
            process.wait_gone(STOP_SECONDS)
        guardian.close()


def _prepared(
    stack: LocalStack, state_dir: Path, name: str, more: Mapping[str, str]
) -> tuple[dict[str, str], list[ServiceCommand]]:
    book = PortBook(state_dir / "service-ports.json")
    ports = {service: book.port(service) for service in SERVICES}
    settings = system.service_settings(state_dir, stack.endpoints, ports, mode="embedded", test_mode=True)
    settings |= {"CLOSEDLOOP_TOPIC_PREFIX": f"{name}.", "CLOSEDLOOP_DATABASE_PREFIX": f"{name}_", **more}
    ensure_keys(state_dir)
    partitions = int(settings.get(PARTITIONS, DEFAULT_PARTITIONS))
    asyncio.run(ensure_topics(stack.endpoints.kafka, settings["CLOSEDLOOP_TOPIC_PREFIX"], partitions=partitions))
    return settings, list(system.service_commands(settings, ports))


def _under_profile(command: ServiceCommand, state_dir: Path) -> ServiceCommand:
    output = state_dir / f"{command.name}.prof"
    return replace(command, argv=(sys.executable, "-m", "tests.bench.stage_profile", str(output), command.argv[-1]))


def _wait_ready(process: ServerProcess, url: str) -> None:
    process.wait_ready(lambda: is_ready(url), SERVICE_START_SECONDS)


def _let_people_command(state_dir: Path, urls: Mapping[str, str]) -> None:
    """Registers the source of the people's commands, and brings it into force by moving every clock."""
    token = sign(state_dir, "bench", ("admin",), ("*",), ("*",), 600)
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=30) as http:
        admin = f"{urls['workflow']}/v1/admin"
        _put(http, f"{admin}/sources/{SOURCE}", {"actions": ["*"]})
        # Put after the source: once it is seen in force, the source is.
        _put(http, f"{admin}/teams/{SIGN_OF_FORCE}", {"name": SIGN_OF_FORCE, "regions": ["nowhere"]})
        for url in urls.values():
            http.post(f"{url}/test/clock", json={"advance_seconds": IN_FORCE_AFTER}).raise_for_status()

        def in_force() -> bool:
            teams = http.get(f"{urls['workflow']}/v1/teams").raise_for_status().json()["items"]
            return any(team["id"] == SIGN_OF_FORCE for team in teams)

        if not wait_until(in_force, IN_FORCE_WITHIN):
            raise TimeoutError("the source of commands never came into force")


def _put(http: httpx.Client, url: str, body: Mapping[str, Any]) -> None:
    http.put(url, json=body, headers={"If-None-Match": "*"}).raise_for_status()
