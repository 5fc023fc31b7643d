"""People who act by HTTP, in one process: as fast as answers come, or at fixed times whatever comes back.

`python -m tests.bench.http_load` reads its task from stdin and writes what it saw to stdout, both as JSON. A client
of its own, since the usual ones cost more than the server that is measured.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec
import uvloop


@dataclass(frozen=True, slots=True)
class Task:
    """One POST of `body` to each path. `rate`: requests a second at fixed times; None: as many as are answered."""

    url: str
    token: str
    paths: Sequence[str]
    body: str
    connections: int
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """`waited`: seconds from the time at which each request was to be sent until its whole answer was there."""

    seconds: float
    waited: list[float]
    statuses: Mapping[str, int]


class Load:
    def __init__(self, task: Task) -> None:
        self._task = task
        self._next = iter(enumerate(task.paths))
        self._waited: list[float] = []
        self._statuses: Counter[str] = Counter()
        self._began = time.perf_counter()

    async def run(self) -> Answered:
        self._began = time.perf_counter()
        await asyncio.gather(*(self._connection() for _ in range(self._task.connections)))
        return Answered(time.perf_counter() - self._began, self._waited, self._statuses)

    async def _connection(self) -> None:
        """The next request that is due goes over the next free connection; waiting for one is part of its time."""
        place = urlsplit(self._task.url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        for number, path in self._next:
            due = time.perf_counter()
            if self._task.rate is not None:
                due = self._began + number / self._task.rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
            writer.write(self._request(path, place.netloc))
            status = await _status(reader)
            self._waited.append(time.perf_counter() - due)
            self._statuses[status] += 1
        writer.close()

    def _request(self, path: str, host: str) -> bytes:
        task = self._task
        return (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {task.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(task.body)}\r\n\r\n{task.body}"
        ).encode()


async def _status(reader: asyncio.StreamReader) -> str:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    await reader.readexactly(int(fields["content-length"]))
    return head[0].split(" ")[1]


def main() -> None:
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    answered = uvloop.run(Load(task).run())
    with open(sys.stdout.fileno(), "wb", closefd=False) as out:
        out.write(msgspec.json.encode(answered))


if __name__ == "__main__":
    main()
