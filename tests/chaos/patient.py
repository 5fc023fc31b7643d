"""People and a source system whose calls fail all the time, and who repeat each until it is answered."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx

from shared.runtime.devkeys import sign
from tests.e2e.callers import STEPS

PATIENCE = 600.0  # seconds until an answer has to be there
ANSWERED = frozenset({200, 201})
AGAIN = frozenset({404, 409, 422, 429, 500, 502, 503})
"""404 and 422: what the call builds on may not have arrived yet."""


class Patient:
    """Callers of the HTTP APIs, each step with a key of its own so that repeating does nothing twice."""

    def __init__(self, urls: Mapping[str, str], state_dir: Path) -> None:
        self._urls, self._state_dir = urls, state_dir
        self._http = httpx.AsyncClient(trust_env=False, timeout=20)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def live(self, external_id: str) -> None:
        """A complaint from its submission to its closing."""
        order = (await self._call("agent", "intake", "/v1/complaints", external_id, complaint(external_id)))[
            "work_order_id"
        ]
        for action, (role, arguments) in STEPS.items():
            path = f"/v1/work-orders/{order}/actions/{action}"
            await self._call(role, "workflow", path, f"{external_id}-{action}", arguments)

    async def move(self, service: str) -> None:
        """A second passes for a service, and what it makes due is done when the answer comes."""
        await self._call("admin", service, "/test/clock", "", {"advance_seconds": 1})

    async def _call(self, role: str, service: str, path: str, key: str, body: Any) -> dict[str, Any]:
        token = sign(self._state_dir, f"{role}-1", (role,), ("*",), ("*",), 3600)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        answer = None
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    answer = await self._http.post(self._urls[service] + path, json=body, headers=headers)
                except httpx.HTTPError:
                    pass  # it died while it answered, or is not up yet
                else:
                    if answer.status_code in ANSWERED:
                        found: dict[str, Any] = answer.json()
                        return found
                    if answer.status_code not in AGAIN or _done_before(answer):
                        return dict(answer.json())
                await asyncio.sleep(0.1)


def _done_before(answer: httpx.Response) -> bool:
    """The system was faster: the acknowledgement that it sent counts for the agent's too."""
    return answer.status_code == 422 and answer.json().get("code") == "already_communicated"


def complaint(external_id: str) -> dict[str, Any]:
    return {
        "external_id": external_id,
        "channel": "web",
        "customer": {"id": f"c-{external_id}", "email": f"{external_id}@example.org", "name": "Wang"},
        "subject": "No dial tone",
        "description": "The line has been dead since Monday. $100 $$ROOT",
        "received_at": datetime.now(UTC).isoformat(),
    }
