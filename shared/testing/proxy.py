"""A TCP proxy on loopback between clients and one server of ours, which delays, cuts, falls silent, or eats replies.

It knows nothing of the protocols: what it may look at are the bytes of one chunk as they came from the socket.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"
CHUNK_BYTES = 64 * 1024

Matches = Callable[[bytes], bool]
"""Whether a chunk from a client is the request whose reply is to be lost."""


class Proxy:
    """Passes everything on until it is told otherwise; the attributes may be set from any thread, at any time.

    `delay`: seconds added to each chunk, each way. `silent`: nothing passes and nothing is closed, neither for
    connections that are open nor for new ones; a line that lost bytes in that way stays dead. `closed`: new
    connections are ended at once. `swallows`: a request that it matches reaches the server, its reply is lost and
    the connection with it.
    """

    def __init__(self, target_port: int) -> None:
        self.delay = 0.0
        self.silent = self.closed = False
        self.swallows: Matches | None = None
        self.replies_lost = 0
        self.target_port = target_port
        self._lines: set[_Line] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> int:
        """Listens on loopback (port 0: any free one); the port."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, port)
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def cut(self) -> int:
        """Ends every open connection, both ways, without a good-bye; how many they were."""
        lines = list(self._lines)
        for line in lines:
            line.abort()
        return len(lines)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        await self.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line(client=writer)
        if self.closed:
            line.abort()
            return
        self._lines.add(line)
        try:
            answers, line.server = await asyncio.open_connection(LOOPBACK, self.target_port)
            await asyncio.gather(
                self._pump(line, reader, line.server, self._from_client),
                self._pump(line, answers, writer, self._from_server),
            )
        except OSError:
            pass  # one side is gone, or was never there: the other one is to notice the same
        finally:
            line.abort()
            self._lines.discard(line)

    async def _pump(
        self,
        line: "_Line",
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        passes: "Callable[[_Line, bytes], bool]",
    ) -> None:
        while data := await source.read(CHUNK_BYTES):
            if self.delay:
                await asyncio.sleep(self.delay)
            line.dead = line.dead or self.silent
            if not line.dead and passes(line, data):
                sink.write(data)
                await sink.drain()
        line.abort()

    def _from_client(self, line: "_Line", data: bytes) -> bool:
        if self.swallows is not None and self.swallows(data):
            line.loses_reply = True
        return True

    def _from_server(self, line: "_Line", _: bytes) -> bool:
        if line.loses_reply:
            self.replies_lost += 1
            line.abort()
        return not line.loses_reply


@dataclass(eq=False, slots=True)
class _Line:
    """One connection of a client, with ours to the server behind it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    dead: bool = False
    loses_reply: bool = False

    def abort(self) -> None:
        for writer in (self.client, self.server):
            if writer is not None:
                writer.transport.abort()
