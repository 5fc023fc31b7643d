"""An event loop without clock and I/O: it does what is ready, in order, and is told when to go on."""

import asyncio
from asyncio.events import AbstractEventLoop, Handle, TimerHandle, _set_running_loop
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context
from heapq import heappop, heappush
from typing import Any


class SteppedLoop(AbstractEventLoop):
    """Time passes only by `fire_next` and `pass_time`; two runs of the same program are the same run."""

    def __init__(self) -> None:
        self._ready: deque[tuple[Context | None, Callable[..., object], tuple[Any, ...]]] = deque()
        self._timers: list[tuple[float, int, TimerHandle]] = []
        self._set = 0
        self._time = 0.0
        self._closed = False

    # What asyncio asks of a loop

    def time(self) -> float:
        return self._time

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return self._closed

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]  # the name alone is not kept
        self, coro: Coroutine[Any, Any, Any], *, name: object = None, context: Context | None = None
    ) -> "asyncio.Task[Any]":
        return asyncio.Task(coro, loop=self, context=context)

    def call_soon(  # type: ignore[override]  # typeshed names the parameters by a later Python
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        self._ready.append((context, callback, args))
        return _NEVER_CANCELLED

    def call_later(  # type: ignore[override]  # as above
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> TimerHandle:
        return self.call_at(self._time + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]  # as above
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> TimerHandle:
        handle = TimerHandle(when, callback, args, self, context)
        self._set += 1
        heappush(self._timers, (when, self._set, handle))
        return handle

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        """Nothing: it is passed over when its time comes."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Tasks of dead processes are never finished, which is meant; anything else is a bug of a test."""
        error = context.get("exception")
        if error is not None and not self._closed:
            raise error

    # What a scheduler asks of it

    def run_ready(self) -> None:
        """Until every task waits for something that is not on this loop."""
        ready = self._ready
        while ready:
            context, callback, args = ready.popleft()
            if context is None:
                callback(*args)
            else:
                context.run(callback, *args)

    def fire_next(self) -> bool:
        """Lets time pass until the next timer; False if there is none."""
        while self._timers:
            when, _, handle = heappop(self._timers)
            if not handle.cancelled():
                self._time = max(self._time, when)
                self._ready.append((None, handle._run, ()))
                return True
        return False

    def pass_time(self, seconds: float) -> None:
        self._time += seconds
        while self._timers and self._timers[0][0] <= self._time:
            handle = heappop(self._timers)[2]
            if not handle.cancelled():
                self._ready.append((None, handle._run, ()))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Inside, this is the loop of everything; afterwards whatever waits is dropped."""
        _set_running_loop(self)
        try:
            yield
        finally:
            self._closed = True
            self._ready.clear()
            self._timers.clear()
            _set_running_loop(None)


_NEVER_CANCELLED = Handle(print, (), SteppedLoop())  # type: ignore[abstract]  # needs no I/O; asyncio keeps none of these
