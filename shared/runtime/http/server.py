"""Serving: uvicorn inside our own event loop, stopped gracefully by a signal or by the service itself."""

import asyncio
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import uvicorn
import uvloop
from fastapi import FastAPI

T = TypeVar("T")
GRACE_SECONDS = 4


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs a process's `main` on the fast event loop."""
    return uvloop.run(main())


async def serve(app: FastAPI, listener: socket.socket, stop: asyncio.Event | None = None) -> None:
    """Answers on `listener` until SIGTERM, SIGINT or `stop`; running requests get GRACE_SECONDS to end.

    A second signal ends at once. Raises SystemExit when the application's lifespan fails to start.
    """
    server = _Server(_configuration(app))
    stop = stop or asyncio.Event()
    waiting = asyncio.create_task(_end(server, stop))
    with _signals(server, stop):
        try:
            await server.serve(sockets=[listener])
        finally:
            waiting.cancel()


def listen(host: str, port: int, *, reuse_port: bool = False) -> socket.socket:
    """A bound socket (port 0: any free one); raises OSError when the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: uvicorn would end the process by the signal itself, before we could stop what runs beside."""
        yield


def _configuration(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="none",
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # who is on loopback is decided from the connection, never from a header
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


async def _end(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


@contextmanager
def _signals(server: uvicorn.Server, stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def signalled() -> None:
        server.force_exit = stop.is_set()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, signalled)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
