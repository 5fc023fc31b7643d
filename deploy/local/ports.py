"""Free loopback ports, chosen once and kept in the state directory."""

import json
import random
import socket
from collections.abc import Iterable
from pathlib import Path

from deploy.local.process import wait_until

LOWEST = 20_000
RELEASE_SECONDS = 2.0
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def is_free(port: int) -> bool:
    """Whether nobody listens on the port."""
    with socket.socket() as probe:
        # As servers do: connections that linger after a stop must not count as a listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def choose(avoid: Iterable[int] = ()) -> int:
    """A free port below the range from which the kernel takes the ports of outgoing connections.

    Inside that range a client that knocks on a stopped server can be given the server's own port, connect to
    itself, and keep the server from coming back.
    """
    taken = set(avoid)
    for _ in range(1000):
        port = random.randrange(LOWEST, _highest())  # noqa: S311 - no secret
        if port not in taken and is_free(port):
            return port
    raise OSError(f"no free port between {LOWEST} and {_highest()}")


class PortBook:
    """The ports of one installation by name."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}

    def port(self, name: str) -> int:
        """The port kept for `name`; chosen at the first call."""
        if name not in self._ports:
            self._keep(name)
        return self._ports[name]

    def release_taken(self, names: Iterable[str]) -> list[str]:
        """Chooses anew for those of our stopped servers whose port somebody else listens on now; answers them.

        A port may stay bound for a moment after the process that held it was reaped, hence the wait.
        """
        taken = [name for name in names if not _becomes_free(self.port(name))]
        for name in taken:
            self._keep(name)
        return taken

    def _keep(self, name: str) -> None:
        self._ports[name] = choose(avoid=self._ports.values())
        self._file.write_text(json.dumps(self._ports, indent=1))


def _becomes_free(port: int) -> bool:
    return wait_until(lambda: is_free(port), RELEASE_SECONDS)


def kept_ports(state_dir: Path) -> dict[str, int]:
    """Every port that an installation keeps, by the name of its server or service."""
    kept: dict[str, int] = {}
    for file in sorted(state_dir.glob("*ports.json")):
        kept |= json.loads(file.read_text())
    return kept


def _highest() -> int:
    try:
        first_ephemeral = int(EPHEMERAL.read_text().split()[0])
    except (OSError, ValueError):
        first_ephemeral = 32_768
    return first_ephemeral if first_ephemeral > LOWEST + 1000 else 65_536
