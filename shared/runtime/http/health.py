"""What operators and machines ask a process: alive, ready, metrics, and its event documentation."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from shared.runtime.http.answers import respond
from shared.runtime.telemetry import exposition

Check = Callable[[], Awaitable[str | None]]
"""Answers what is wrong, in words without personal data; None: nothing is."""


def health_routes(checks: Mapping[str, Check], asyncapi: Mapping[str, Any]) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/livez")
    async def livez() -> Response:
        return respond({"alive": True})

    @router.get("/readyz")
    async def readyz() -> Response:
        faults = dict(zip(checks, await asyncio.gather(*(check() for check in checks.values())), strict=True))
        ready = not any(faults.values())
        told = {name: fault or "ok" for name, fault in faults.items()}
        headers = {"Cache-Control": "no-store", **({} if ready else {"Retry-After": "1"})}
        return respond({"ready": ready, "checks": told}, 200 if ready else 503, headers)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    @router.get("/asyncapi.json")
    async def asyncapi_document() -> Response:
        return respond(asyncapi)

    return router
