"""Calls the services for a command: with a token for the right role, patiently, with an exit code for what fails."""

import os
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

from shared.cli.endpoints import Endpoints
from shared.cli.failure import CommandFailed, Conflict, DependencyDown, NotFound, WrongUsage

TOKEN_VARIABLE = "CLOSEDLOOP_TOKEN"  # noqa: S105 - the name of a variable, not a token
TOKEN_SECONDS = 600
PATIENCE_SECONDS = 10.0  # as long as a service takes that is being started again
PAUSE_SECONDS = 0.3
REQUEST_SECONDS = 30.0
MOST_ITEMS = 200  # that one page of a list may have
UNAVAILABLE = 503
KINDS: Mapping[int, type[CommandFailed]] = {
    400: WrongUsage,
    404: NotFound,
    409: Conflict,
    412: Conflict,
    429: DependencyDown,
    UNAVAILABLE: DependencyDown,
}
Query = Mapping[str, Any]


class Client:
    """One caller of all services: `sub` with `roles`, and with every team and region."""

    def __init__(
        self,
        endpoints: Endpoints,
        roles: Sequence[str],
        sub: str | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._urls, self._patience = endpoints.urls, patience_seconds
        token = _token(endpoints, roles, sub or f"dev-{roles[0]}")
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": language()}
        self._http = httpx.Client(headers=headers, trust_env=False, timeout=REQUEST_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, service: str, path: str, query: Query | None = None) -> Any:
        """The JSON answer. Raises CommandFailed."""
        return self._call("GET", service, path, params=dict(query or {})).json()

    def text(self, service: str, path: str, query: Query) -> str:
        """An answer that is not JSON, as it is. Raises CommandFailed."""
        return self._call("GET", service, path, params=dict(query)).text

    def post(self, service: str, path: str, body: Any) -> Any:
        """The JSON answer. Raises CommandFailed; a repetition on the way is the same request to the service."""
        headers = {"Idempotency-Key": uuid4().hex}
        if isinstance(body, dict) and "command_id" in body:
            headers = {}
        return self._call("POST", service, path, json=body, headers=headers).json()

    def send(self, method: str, service: str, path: str, content: bytes, headers: Mapping[str, str]) -> Any:
        """The JSON answer to a body of any type. Raises CommandFailed."""
        sent = {"Idempotency-Key": uuid4().hex, **headers}
        return self._call(method, service, path, content=content, headers=sent).json()

    def page(self, service: str, path: str, query: Query, limit: int) -> tuple[list[Any], str | None]:
        """Up to `limit` items, over as many pages as it takes, and the cursor of what follows."""
        items: list[Any] = []
        cursor = query.get("cursor")
        while True:
            size = min(limit - len(items), MOST_ITEMS)
            place = {} if cursor is None else {"cursor": cursor}
            answer = self.get(service, path, {**query, **place, "limit": size})
            items += answer["items"]
            cursor = answer["next_cursor"]
            if cursor is None or len(items) >= limit:
                return items, cursor

    def _call(self, method: str, service: str, path: str, **content: Any) -> httpx.Response:
        url = self._urls[service]
        deadline = time.monotonic() + self._patience
        while True:
            try:
                response = self._http.request(method, url + path, **content)
            except httpx.TransportError as error:
                failure = _silence(service, url, error)
            else:
                if response.is_success:
                    return response
                failure = _failure(response)
                if response.status_code != UNAVAILABLE:
                    raise failure
            if time.monotonic() > deadline:
                raise failure
            time.sleep(PAUSE_SECONDS)


def language() -> str:
    """The language that this person's environment asks for: zh or en."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "zh" if locale.startswith("zh") else "en"


def _token(endpoints: Endpoints, roles: Sequence[str], sub: str) -> str:
    given = os.environ.get(TOKEN_VARIABLE)
    if given:
        return given
    if not endpoints.embedded:
        raise CommandFailed(
            "this system does not accept development tokens", f"Put a token of its own into {TOKEN_VARIABLE}."
        )
    from shared.runtime.devkeys import sign

    return sign(endpoints.state_dir, sub, roles, ("*",), ("*",), TOKEN_SECONDS)


def _silence(service: str, url: str, error: httpx.TransportError) -> CommandFailed:
    advice = f"`./closedloop status` tells how it is, `./closedloop logs {service}` why."
    return DependencyDown(f"{service} does not answer at {url}: {type(error).__name__}", advice)


def _failure(response: httpx.Response) -> CommandFailed:
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    code = problem.get("code", f"http_{response.status_code}")
    faults = problem.get("errors") or []
    kind = KINDS.get(response.status_code, WrongUsage if code == "request_invalid" else CommandFailed)
    said = problem.get("detail") or problem.get("title") or response.reason_phrase
    pointed = "\n".join(f"  {fault['pointer']}: {fault['detail']}" for fault in faults)
    return kind(f"{said} ({code})", pointed)
