"""Keeps the whole system running in one process tree: servers, preparation, services, restarts, a clean end."""

import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import FrameType

from deploy.local.guardian import Guardian
from deploy.local.health import is_ready
from deploy.local.process import ServerProcess
from deploy.local.progress import Progress
from deploy.local.stack import Endpoints, LocalStack
from shared.cli.installation import Installation

SERVICE_START_SECONDS = 60.0
SERVICE_STOP_SECONDS = 4.0
LOOK_SECONDS = 0.1
SETTLED_SECONDS = 30.0
LONGEST_BACKOFF_SECONDS = 10.0


@dataclass(frozen=True)
class ServiceCommand:
    """One service to run: how it is started and where it answers."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    url: str


@dataclass(frozen=True)
class Plan:
    """What `up` runs. Without a `stack` the endpoints are those of servers that exist already."""

    installation: Installation
    stack: LocalStack | None
    external: Endpoints | None
    prepare: Callable[[Endpoints], None]
    services: Callable[[Endpoints], Sequence[ServiceCommand]]
    facts: Mapping[str, object]


@dataclass
class Watched:
    """A process with what it takes to start it again."""

    process: ServerProcess
    respawn: Callable[[], None]
    started: float
    deaths: int = 0
    due: float | None = None

    def note_death(self, now: float) -> float:
        """Decides when to start it again; answers the delay in seconds."""
        self.deaths = 1 if now - self.started > SETTLED_SECONDS else self.deaths + 1
        delay = 0.0 if self.deaths == 1 else min(LONGEST_BACKOFF_SECONDS, 0.5 * 2.0 ** (self.deaths - 2))
        self.due = now + delay
        return delay


class Supervisor:
    """Runs a plan until it is told to stop."""

    def __init__(self, plan: Plan, guardian: Guardian, progress: Progress) -> None:
        self._plan = plan
        self._guardian = guardian
        self._progress = progress
        self._stopping = threading.Event()
        self._services: list[tuple[ServiceCommand, ServerProcess]] = []
        self._failure: BaseException | None = None

    def run(self, on_ready: Callable[[], None]) -> None:
        """Starts everything, calls `on_ready`, restarts what dies, stops everything on SIGINT, SIGTERM or SIGHUP.

        Raises what the start raised (`StackFailure`), after everything was stopped again.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            self._start_or_stop()
            if self._failure:
                raise self._failure
            if not self._stopping.is_set():
                on_ready()
                self._watch()
        finally:
            self._shut_down()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping.set()

    def _start_or_stop(self) -> None:
        """Starts in a second thread, so that a signal is obeyed in the middle of it."""
        starter = threading.Thread(target=self._start_noting_failure, daemon=True)
        starter.start()
        while starter.is_alive() and not self._stopping.is_set():
            starter.join(LOOK_SECONDS)

    def _start_noting_failure(self) -> None:
        try:
            self._start()
        except BaseException as error:  # noqa: BLE001 - carried to the main thread, which raises it
            self._failure = error

    def _start(self) -> None:
        plan = self._plan
        self._record("starting", plan.external, ())
        with self._progress:
            endpoints = plan.stack.start(self._progress.done) if plan.stack else plan.external
            if endpoints is None:
                raise ValueError("a plan needs a stack or endpoints")
            with self._progress.step("keys and topics"):
                plan.prepare(endpoints)
            commands = plan.services(endpoints)
            self._record("starting", endpoints, commands)
            for command in commands:
                if self._stopping.is_set():
                    return
                process = ServerProcess(command.name, command.argv, command.env, plan.installation.state_dir)
                process.spawn(self._guardian)
                self._services.append((command, process))
            with ThreadPoolExecutor() as pool:
                list(pool.map(self._wait_for_service, self._services))
            self._record("running", endpoints, commands)

    def _wait_for_service(self, service: tuple[ServiceCommand, ServerProcess]) -> None:
        command, process = service
        with self._progress.step(command.name):
            process.wait_ready(lambda: is_ready(command.url), SERVICE_START_SECONDS)

    def _record(self, phase: str, endpoints: Endpoints | None, commands: Sequence[ServiceCommand]) -> None:
        self._plan.installation.record(
            {
                **self._plan.facts,
                "phase": phase,
                "kafka": endpoints.kafka if endpoints else None,
                "mongo": endpoints.mongo if endpoints else None,
                "services": {command.name: command.url for command in commands},
                "servers": [node.name for node in self._plan.stack.nodes] if self._plan.stack else [],
            }
        )

    def _watch(self) -> None:
        now = time.monotonic()
        watched = [
            Watched(process, lambda process=process: process.spawn(self._guardian), now)  # type: ignore[misc]  # mypy cannot type a lambda's default
            for _, process in self._services
        ]
        if self._plan.stack:
            stack = self._plan.stack
            watched += [Watched(node.process, lambda node=node: stack.respawn(node), now) for node in stack.nodes]  # type: ignore[misc]  # as above
        while not self._stopping.wait(LOOK_SECONDS):
            for one in watched:
                self._look_after(one)

    def _look_after(self, one: Watched) -> None:
        now = time.monotonic()
        if one.due is None:
            status = one.process.reap()
            if status is None:
                return
            delay = one.note_death(now)
            when = "at once" if not delay else f"in {delay:.1f} s"
            how = f"signal {-status}" if status < 0 else f"exit status {status}"
            self._progress.say(f"{one.process.name} ended ({how}); starting it again {when}")
        if one.due is not None and now >= one.due:
            one.due = None
            one.started = now
            one.respawn()

    def _shut_down(self) -> None:
        """Services first, all at once, so that their last work still finds the servers; then the servers."""
        self._progress.say("stopping")
        began = time.monotonic()
        for _, process in self._services:
            process.signal(signal.SIGTERM)
        deadline = began + SERVICE_STOP_SECONDS
        for _, process in self._services:
            if not process.wait_gone(max(0.0, deadline - time.monotonic())):
                process.kill()
        if self._plan.stack:
            self._plan.stack.stop()
        self._progress.say(f"stopped in {time.monotonic() - began:.1f} s")
