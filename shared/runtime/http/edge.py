"""The door of a service: trace, authentication before anything else, one place for bugs, request metrics."""

import re
import time
from secrets import token_hex

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from shared.runtime.http.auth import Authenticator, needs_authentication
from shared.runtime.http.problems import as_problem, problem_response
from shared.runtime.http.rate_limit import RateLimit
from shared.runtime.logging import get_logger
from shared.runtime.telemetry import HTTP_REQUESTS, HTTP_SECONDS
from shared.runtime.tracing import continued, trace_id, tracing

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
log = get_logger()


class Edge:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator, limit: RateLimit) -> None:
        self._app, self._authenticator, self._limit = app, authenticator, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        trace = continued(headers.get("traceparent"))
        answer = _Answer(send, trace, _request_id(headers))
        started = time.perf_counter()
        with tracing(trace), bound_contextvars(trace_id=trace_id(trace)):
            try:
                await self._handle(scope, receive, answer)
            finally:
                _measure(scope, answer.status, time.perf_counter() - started)

    async def _handle(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            if needs_authentication(scope):
                actor = await self._authenticator.authenticate(Headers(scope=scope))
                self._limit.take(actor.id)
                scope.setdefault("state", {})["actor"] = actor
            await self._app(scope, receive, answer.send)
        except ClientDisconnect:
            return
        except Exception as error:  # the last door: a bug in one request must not reach the others
            problem = as_problem(error)
            if problem.status >= 500 and problem.code != "unavailable":
                log.error("request_failed", route=_route(scope), method=_method(scope), exc_info=error)
            if not answer.status:
                await problem_response(scope, problem)(scope, receive, answer.send)
            else:
                raise  # half an answer is out: only breaking the connection tells the client


class _Answer:
    """Passes the answer on, adds the headers that every answer has, and remembers its status (0: not begun)."""

    def __init__(self, send: Send, trace: str, request_id: str) -> None:
        self._send, self._trace, self._request_id = send, trace, request_id
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["traceparent"] = self._trace
            headers["x-request-id"] = self._request_id
        await self._send(message)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else token_hex(16)


def _measure(scope: Scope, status: int, seconds: float) -> None:
    method, route = _method(scope), _route(scope)
    HTTP_REQUESTS.labels(method, route, str(status)).inc()
    HTTP_SECONDS.labels(method, route).observe(seconds)


def _route(scope: Scope) -> str:
    """The path as declared: the one that was asked for may hold ids and secrets."""
    return getattr(scope.get("route"), "path", "unmatched")


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in _METHODS else "other"
