"""Asks our own processes on loopback whether they are well; standard library only, no proxy."""

import http.client
import socket
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 2.0


def is_ready(url: str) -> bool:
    """Whether the service at `url` says that it is ready."""
    return probe(url) == http.client.OK


def probe(url: str, path: str = "/readyz") -> int | None:
    """The HTTP status that `url` answers, None when nobody answers."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def listens(address: str) -> bool:
    """Whether somebody accepts connections on `host:port`."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=TIMEOUT_SECONDS):
            return True
    except (OSError, ValueError):
        return False
