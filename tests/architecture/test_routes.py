"""Every route of every service asks who calls, but for the few that the contract names."""

import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from shared.runtime.context import ServiceDefinition
from shared.runtime.definitions import definitions
from shared.runtime.http.app import build_app
from shared.runtime.service import RunningService

OPEN = {("GET", "/livez"), ("GET", "/readyz")}
ON_LOOPBACK = {("GET", "/metrics"), ("GET", "/openapi.json"), ("GET", "/asyncapi.json")}
DESCRIPTION = {("GET", "/openapi.json")}
FEEDBACK = ("POST", "/v1/feedback/{token}")
TEST_CLOCK = {("GET", "/test/clock"), ("POST", "/test/clock")}
named = pytest.mark.parametrize("service", definitions(), ids=lambda definition: definition.name)
STRANGER = ("203.0.113.9", 4711)
NEIGHBOUR = ("127.0.0.1", 4711)


@pytest.fixture
async def app(service: ServiceDefinition, tmp_path: Path) -> AsyncIterator[FastAPI]:
    """The real application; nobody gets far enough to need servers, and there are none."""
    settings = service.settings.load(
        kafka_bootstrap="127.0.0.1:1", mongo_uri="mongodb://127.0.0.1:1", state_dir=tmp_path, test_mode=True
    )
    running = RunningService(service, settings)
    yield build_app(service, running, checks={})
    await running.close()


def routes(app: FastAPI) -> set[tuple[str, str]]:
    """(method, path) of everything that the application answers."""
    described = app.openapi()["paths"]
    found = {(method.upper(), path) for path, methods in described.items() for method in methods}
    return (
        found | {(method, route.path) for route in hidden(app.routes) for method in route.methods or ()} | DESCRIPTION
    )


def hidden(routes: Sequence[BaseRoute]) -> list[APIRoute]:
    """Routes that the description leaves out, in included routers too."""
    own = [route for route in routes if isinstance(route, APIRoute) and not route.include_in_schema]
    inner = [router.routes for route in routes if (router := getattr(route, "original_router", None))]
    return own + [route for included in inner for route in hidden(included)]


async def status(app: FastAPI, method: str, path: str, caller: tuple[str, int]) -> int:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app, client=caller), base_url="http://x") as client:
        return (await client.request(method, re.sub(r"{[^}]+}", "x", path))).status_code


@named
async def test_a_stranger_is_asked_for_credentials_everywhere(app: FastAPI) -> None:
    found = routes(app)
    assert len(found) > 8
    answers = {route: await status(app, *route, STRANGER) for route in sorted(found - OPEN - {FEEDBACK})}
    assert {route: code for route, code in answers.items() if code != 401} == {}


@named
async def test_a_neighbour_on_the_machine_may_look_at_a_few_things_only(app: FastAPI) -> None:
    asked = routes(app) - OPEN - {FEEDBACK} - TEST_CLOCK
    answers = {route: await status(app, *route, NEIGHBOUR) for route in sorted(asked)}
    assert {route for route, code in answers.items() if code != 401} == ON_LOOPBACK


@named
async def test_paths_that_do_not_exist_tell_strangers_nothing(app: FastAPI) -> None:
    for path in ("/", "/v1", "/v1/admin/secrets", "/docs", "/livez/", "/%2e%2e/livez", "/v1/feedback/a/b"):
        assert await status(app, "GET", path, STRANGER) == 401, path
