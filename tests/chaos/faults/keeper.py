"""Starts services again when they end, as a supervisor does, and counts how often."""

import signal
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil

from deploy.local.guardian import Guardian
from deploy.local.health import is_ready
from deploy.local.ports import PortBook
from deploy.local.process import ServerProcess
from tests.bench.installation import Installation

LOOK_SECONDS = 0.1
PAUSE_SECONDS = 0.5  # between two starts of one service
READY_SECONDS = 60.0


class Keeper:
    """`restarts`: by service. One that is `left_alone` stays as it is."""

    def __init__(self, installation: Installation, services: Mapping[str, psutil.Process], folder: Path) -> None:
        self.restarts: Counter[str] = Counter()
        self.left_alone: set[str] = set()
        self._urls, self._folder = installation.urls, folder
        self._now = dict(services)
        self._orders = {name: (process.cmdline(), process.environ()) for name, process in services.items()}
        self._guardian = Guardian()
        self._started: list[ServerProcess] = []
        self._copies: dict[str, ServerProcess] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def process(self, name: str) -> psutil.Process:
        return self._now[name]

    def kill(self, name: str) -> None:
        """Ends a service without a word and leaves it down."""
        self.left_alone.add(name)
        self._now[name].kill()
        self._now[name].wait(READY_SECONDS)

    def start(self, name: str) -> None:
        """Starts a service that was killed."""
        self._spawn(name, name, {})
        self.left_alone.discard(name)

    def start_copy(self, name: str) -> str:
        """A second process of a service, ready; where it answers. Ended politely, it leaves its group at once."""
        port = PortBook(self._folder / "copy-ports.json").port(f"{name}-copy")
        url = f"http://127.0.0.1:{port}"
        self._copies[name] = self._spawn(name, f"{name}-copy", {"CLOSEDLOOP_HTTP_PORT": str(port)})
        self._copies[name].wait_ready(partial(is_ready, url), READY_SECONDS)
        return url

    def end_copy(self, name: str, *, politely: bool = False) -> None:
        copy = self._copies.pop(name)
        copy.signal(signal.SIGTERM if politely else signal.SIGKILL)
        copy.wait_gone(READY_SECONDS)

    def unready(self) -> list[str]:
        return [name for name, url in self._urls.items() if not is_ready(url)]

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()
        for process in self._started:
            process.kill()
        self._guardian.close()

    def _keep(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            for name in self._urls:
                if name not in self.left_alone and _is_gone(self._now[name]):
                    self.restarts[name] += 1
                    self._spawn(name, name, {})
                    self._stopping.wait(PAUSE_SECONDS)

    def _spawn(self, service: str, name: str, more: Mapping[str, str]) -> ServerProcess:
        argv, env = self._orders[service]
        if more:
            # A name that survives restarts belongs to one process only.
            env = {key: value for key, value in env.items() if key != "CLOSEDLOOP_INSTANCE"}
        process = ServerProcess(f"{name}-{len(self._started)}", argv, {**env, **more}, self._folder)
        process.spawn(self._guardian)
        if process.pid is None:
            raise ChildProcessError(f"{name} ended as soon as it was started: see {process.log}")
        self._started.append(process)
        self._now[name] = psutil.Process(process.pid)
        return process


def _is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextmanager
def keeper_of(installation: Installation, folder: Path) -> Iterator[Keeper]:
    services = {name: installation.processes[name] for name in installation.urls}
    keeper = Keeper(installation, services, folder)
    try:
        yield keeper
    finally:
        keeper.close()
