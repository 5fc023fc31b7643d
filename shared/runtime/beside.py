"""Long arithmetic in a process beside the service, so that the loop, and with it every timer, stays punctual."""

import asyncio
import gc
import os
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager
from multiprocessing import get_context, parent_process
from typing import ParamSpec, TypeVar

from shared.runtime.context import Unavailable

P = ParamSpec("P")
T = TypeVar("T")
NICE = 10
"""Timers and requests go first where there are fewer cores than work."""


class Beside:
    """Calls pure functions of plain values, one at a time, in another process."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    async def call(self, function: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Raises what the function raises, and Unavailable when its process died: the call is safe to repeat."""
        if named:
            raise TypeError("arguments go by their place")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, function, *args)
        except BrokenProcessPool as error:
            raise Unavailable("the process for arithmetic died") from error


@asynccontextmanager
async def beside() -> AsyncIterator[Beside]:
    """Starts the process with the first call, and ends it in the end without waiting for what it is at."""
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_begin)
    try:
        yield Beside(pool)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _begin() -> None:
    os.nice(NICE)
    # What is reckoned here has no cycles, and looking for them among a million small objects costs half of the time.
    gc.disable()
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """A service that is killed cannot tell us, and nobody else would end us."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)
