"""The HTTP side of the demo: everybody calls with a token of their own, and calls again while a service is away."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from deploy.demo.cast import AUDITOR, Colleague
from deploy.demo.eventually import LOOK_EVERY_SECONDS, PATIENCE_SECONDS, NotSeen
from shared.runtime.devkeys import sign

TOKEN_SECONDS = 3600
ANSWER_SECONDS = 15.0
AWAY = frozenset({429, 503})
Json = dict[str, Any]


class Refused(Exception):
    """A service said no; the text says to whom, about what and why."""


class Office:
    """Calls the services at `urls`."""

    def __init__(self, urls: Mapping[str, str], state_dir: Path) -> None:
        self._urls, self._state_dir = urls, state_dir
        self._http = httpx.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS)
        self._tokens: dict[Colleague, str] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def find(self, service: str, path: str, **query: str | int) -> Json | None:
        """The answer as the auditor gets it, who sees everything; None where there is nothing."""
        response = await self._call(AUDITOR, "GET", service, path, params=query)
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        return _content(response, AUDITOR)

    async def every(self, service: str, path: str, **query: str | int) -> list[Json]:
        """All items of a list, page by page."""
        items: list[Json] = []
        cursor: Mapping[str, str] = {}
        while True:
            page = await self.find(service, path, **{"limit": 200, **query, **cursor}) or {}
            items += page.get("items", [])
            if not page.get("next_cursor"):
                return items
            cursor = {"cursor": page["next_cursor"]}

    async def send(self, who: Colleague, method: str, service: str, path: str, body: Any, key: str) -> Json:
        """Sends `body` once, however often it takes: `key` tells the service. Raises Refused and NotSeen."""
        response = await self._call(who, method, service, path, json=body, headers={"Idempotency-Key": key})
        return _content(response, who)

    @property
    def sinks_url(self) -> str:
        return self._urls["sinks"]

    async def tell_sinks(self, path: str, body: Any) -> None:
        """The receivers of mails and webhooks are the demo's own and want no token."""
        await self._call(None, "PUT", "sinks", path, json=body)

    async def arrived(self, what: str) -> list[Json]:
        """The `mails` or the `webhooks` that were really delivered, oldest first."""
        found: list[Json] = (await self._call(None, "GET", "sinks", f"/{what}")).json()["items"]
        return found

    async def _call(
        self, who: Colleague | None, method: str, service: str, path: str, **content: Any
    ) -> httpx.Response:
        if who is not None:
            authorization = {"Authorization": f"Bearer {self._token(who)}"}
            content["headers"] = {**content.get("headers", {}), **authorization}
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_SECONDS
        while True:
            try:
                response = await self._http.request(method, self._urls[service] + path, **content)
            except httpx.TransportError as error:
                said = type(error).__name__
            else:
                if not _is_away(response):
                    return response
                said = f"{response.status_code} {response.text[:200]}"
            if loop.time() > deadline:
                raise NotSeen(f"{service} does not do {method} {path}; at last it said {said}")
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    def _token(self, who: Colleague) -> str:
        if who not in self._tokens:
            self._tokens[who] = sign(self._state_dir, who.sub, who.roles, who.teams, who.regions, TOKEN_SECONDS)
        return self._tokens[who]


def _is_away(response: httpx.Response) -> bool:
    if response.status_code == httpx.codes.CONFLICT:
        return _problem(response).get("code") == "in_progress"
    return response.status_code in AWAY


def _content(response: httpx.Response, who: Colleague) -> Json:
    if not response.is_success:
        problem, request = _problem(response), response.request
        said = " ".join(str(problem[name]) for name in ("code", "detail", "errors") if problem.get(name))
        raise Refused(f"{request.method} {request.url.path} by {who.sub}: {response.status_code} {said}")
    found: Json = response.json()
    return found


def _problem(response: httpx.Response) -> Json:
    try:
        found = response.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
