"""The trace that the current work belongs to, as W3C `traceparent`, carried by a context variable."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_FORMAT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?")
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def current_trace() -> str | None:
    """The `traceparent` of the work at hand; None outside any."""
    return _current.get()


def continued(traceparent: str | None) -> str:
    """A new span in the given trace; in a new trace when there is none or it is malformed."""
    match = _FORMAT.fullmatch(traceparent or "")
    trace, flags = (match[1], match[2]) if match else (secrets.token_hex(16), "01")
    return f"00-{trace}-{secrets.token_hex(8)}-{flags}"


def trace_id(traceparent: str) -> str:
    return traceparent.split("-")[1]


@contextmanager
def tracing(traceparent: str) -> Iterator[None]:
    """Makes `traceparent` the current one for what runs inside."""
    token = _current.set(traceparent)
    try:
        yield
    finally:
        _current.reset(token)
