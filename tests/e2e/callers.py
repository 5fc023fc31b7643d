"""People and systems with a token, what they do to an order in turn, and how long anybody waits."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import httpx

T = TypeVar("T")
EVENTUALLY_SECONDS = 30.0
STEPS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "accept": ("handler", {}),
    "submit_resolution": (
        "handler",
        {
            "root_cause": "Broken joint",
            "measures": "Joint renewed",
            "remedy": {"kind": "repair"},
            "reply_text": "Your line works again.",
        },
    ),
    "approve": ("reviewer", {}),
    "communicate_decision": ("agent", {"by": "agent"}),
    "record_callback": ("callback", {"outcome": "satisfied", "scores": {"speed": 5}}),
}
"""The shortest way from an assigned order to a closed one, with the arguments of the contract."""


class Caller:
    """Somebody with a token."""

    def __init__(self, urls: Mapping[str, str], token: str) -> None:
        self._urls, self.token = urls, token
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
        self._http = httpx.AsyncClient(headers=headers, trust_env=False, timeout=30)

    async def get(self, service: str, path: str, **query: Any) -> httpx.Response:
        return await self._http.get(self._urls[service] + path, params=query)

    async def list(self, service: str, path: str, **query: Any) -> list[dict[str, Any]]:
        answer = await self.get(service, path, **query)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def send(self, method: str, service: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self._http.request(method, self._urls[service] + path, json=body, headers=named)

    async def post(self, service: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.send("POST", service, path, body, **headers)

    async def act(self, order: str, action: str, arguments: Any = None, **headers: str) -> httpx.Response:
        return await self.post("workflow", f"/v1/work-orders/{order}/actions/{action}", arguments, **headers)

    async def order(self, order: str) -> dict[str, Any]:
        answer = await self.get("workflow", f"/v1/work-orders/{order}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def close(self) -> None:
        await self._http.aclose()


async def eventually(look: Callable[[], Awaitable[T | None]], otherwise: Callable[[], str]) -> T:
    """What `look` finds as soon as it finds something; fails with `otherwise` when it never does."""
    deadline = time.monotonic() + EVENTUALLY_SECONDS
    while (found := await look()) is None:
        assert time.monotonic() < deadline, otherwise()
        await asyncio.sleep(0.03)
    return found


def rfc3339(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")
