"""The proxy itself, between a client and a server that shouts back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from shared.testing.proxy import LOOPBACK, Proxy

WAIT = 5.0


class Shouter:
    """Keeps what reached it and answers in capitals."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            self.heard.append(data)
            writer.write(data.upper())
        writer.close()


@asynccontextmanager
async def between() -> AsyncIterator[tuple[Shouter, Proxy, int]]:
    shouter = Shouter()
    server = await asyncio.start_server(shouter.answer, LOOPBACK, 0)
    proxy = Proxy(server.sockets[0].getsockname()[1])
    try:
        yield shouter, proxy, await proxy.start()
    finally:
        await proxy.stop()
        server.close()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    @asynccontextmanager
    async def to(cls, port: int) -> "AsyncIterator[Client]":
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        try:
            yield cls(reader, writer)
        finally:
            writer.close()

    async def ask(self, text: bytes, seconds: float = WAIT) -> bytes:
        """The answer; empty when the connection ended instead."""
        self._writer.write(text)
        async with asyncio.timeout(seconds):
            try:
                return await self._reader.read(1000)
            except ConnectionResetError:
                return b""


async def test_it_passes_everything_on() -> None:
    async with between() as (_, __, port), Client.to(port) as client:
        assert await client.ask(b"hello") == b"HELLO"
        assert await client.ask(b"again") == b"AGAIN"


async def test_it_delays_each_way() -> None:
    async with between() as (_, proxy, port), Client.to(port) as client:
        proxy.delay = 0.05
        began = asyncio.get_running_loop().time()
        assert await client.ask(b"hello") == b"HELLO"
        assert asyncio.get_running_loop().time() - began >= 0.1


async def test_a_cut_ends_open_lines_and_a_closed_proxy_new_ones() -> None:
    async with between() as (_, proxy, port), Client.to(port) as client:
        assert await client.ask(b"hello") == b"HELLO"
        proxy.closed = True
        assert await proxy.cut() == 1
        assert await client.ask(b"gone") == b""
        async with Client.to(port) as second:
            assert await second.ask(b"hello") == b""
        proxy.closed = False
        async with Client.to(port) as third:
            assert await third.ask(b"hello") == b"HELLO"


async def test_a_silent_line_stays_open_and_never_answers_again() -> None:
    async with between() as (shouter, proxy, port), Client.to(port) as client:
        proxy.silent = True
        with pytest.raises(TimeoutError):
            await client.ask(b"hello", seconds=0.1)
        proxy.silent = False
        with pytest.raises(TimeoutError):
            await client.ask(b"hello", seconds=0.1)
        assert shouter.heard == []
        async with Client.to(port) as second:
            assert await second.ask(b"hello") == b"HELLO"


async def test_a_reply_is_lost_after_the_request_arrived() -> None:
    async with between() as (shouter, proxy, port), Client.to(port) as client:
        proxy.swallows = lambda data: b"insert" in data
        assert await client.ask(b"find") == b"FIND"
        assert await client.ask(b"insert") == b""
        assert (shouter.heard, proxy.replies_lost) == ([b"find", b"insert"], 1)
