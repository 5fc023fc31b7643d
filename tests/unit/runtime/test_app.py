"""What every service answers beside its own routes, and to whom."""

import asyncio
import inspect
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from shared.runtime.context import ServiceDefinition
from shared.runtime.http.app import build_app
from shared.runtime.http.server import listen, serve
from shared.runtime.settings import Settings

WITHOUT_AUTHENTICATION = {"/livez", "/readyz"}
ON_LOOPBACK = {"/metrics", "/openapi.json", "/asyncapi.json", "/test/clock"}


async def reachable(app: FastAPI, client: httpx.AsyncClient) -> set[str]:
    open_paths = set()
    for path, operations in {
        **app.openapi()["paths"],
        **{path: {} for path in WITHOUT_AUTHENTICATION | ON_LOOPBACK},
    }.items():
        for method in operations or ("get",):
            answer = await client.request(method, path.replace("{", "").replace("}", ""), json={})
            if answer.status_code != 401:
                open_paths.add(path)
    return open_paths


class TestTheDoor:
    async def test_every_route_asks_who_is_there(self, app: FastAPI, stranger: httpx.AsyncClient) -> None:
        assert await reachable(app, stranger) == WITHOUT_AUTHENTICATION

    async def test_this_machine_may_ask_a_little_more(self, app: FastAPI, anonymous: httpx.AsyncClient) -> None:
        assert await reachable(app, anonymous) == WITHOUT_AUTHENTICATION | ON_LOOPBACK

    async def test_a_proxy_on_this_machine_is_not_this_machine(self, anonymous: httpx.AsyncClient) -> None:
        for header in ("X-Forwarded-For", "Forwarded"):
            assert (await anonymous.get("/metrics", headers={header: "203.0.113.9"})).status_code == 401

    async def test_who_am_i(self, anna: httpx.AsyncClient) -> None:
        assert (await anna.get("/v1/me")).json() == {
            "kind": "agent", "id": "anna", "org": None, "roles": ["agent"], "teams": ["*"], "regions": ["*"],
        }  # fmt: skip


class TestHealth:
    async def test_ready_when_every_check_says_so(self, definition: ServiceDefinition, context: Any) -> None:
        faults: dict[str, str | None] = {"kafka": None, "mongo": None}

        async def kafka() -> str | None:
            return faults["kafka"]

        async def mongo() -> str | None:
            return faults["mongo"]

        app = build_app(definition, context, checks={"kafka": kafka, "mongo": mongo})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
            assert (await client.get("/readyz")).json() == {"ready": True, "checks": {"kafka": "ok", "mongo": "ok"}}
            faults["kafka"] = "no broker answers"
            answer = await client.get("/readyz")
            assert (answer.status_code, answer.json()["checks"]["kafka"]) == (503, "no broker answers")
            assert (await client.get("/livez")).status_code == 200

    async def test_metrics_name_routes_and_not_paths(self, anna: httpx.AsyncClient) -> None:
        await anna.get("/v1/parcels/prc_secret")
        metrics = (await anna.get("/metrics")).text
        assert 'closedloop_http_requests_total{method="GET",route="/v1/parcels/{parcel_id}",status="404"}' in metrics
        assert "prc_secret" not in metrics


class TestDocuments:
    async def test_openapi_tells_bodies_and_problems(self, anonymous: httpx.AsyncClient) -> None:
        document = (await anonymous.get("/openapi.json")).json()
        operation = document["paths"]["/v1/parcels"]["post"]
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        assert set(body["properties"]) == {"contents", "address"}
        assert "$defs" not in json.dumps(document)
        assert {"Address", "Problem"} <= set(document["components"]["schemas"])
        assert set(operation["responses"]) == {"200", "4XX", "5XX"}
        assert operation["security"] == [{"HTTPBearer": []}, {"APIKeyHeader": []}]

    async def test_asyncapi_is_what_was_given(self, definition: ServiceDefinition, context: Any) -> None:
        app = build_app(definition, context, checks={}, asyncapi={"asyncapi": "3.0.0"})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
            assert (await client.get("/asyncapi.json")).json() == {"asyncapi": "3.0.0"}


def calls(dependant: Dependant) -> Iterator[object]:
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from calls(dependency)


def test_no_dependency_runs_in_a_thread(app: FastAPI) -> None:
    routes = [found.original_route for found in iter_route_contexts(app.routes)]
    used = {call for route in routes if isinstance(route, APIRoute) for call in calls(route.dependant)}
    assert len(used) > 5
    assert [call for call in used if not inspect.iscoroutinefunction(call)] == []


class TestClock:
    async def move(self, client: httpx.AsyncClient, **body: Any) -> Any:
        answer = await client.post("/test/clock", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def test_time_can_be_set_stopped_and_advanced(self, anonymous: httpx.AsyncClient) -> None:
        await self.move(anonymous, rate=0)
        assert await self.move(anonymous, set="2026-11-23T08:00:00+08:00") == {
            "now": "2026-11-23T00:00:00Z", "rate": 0, "waiting": [],
        }  # fmt: skip
        assert (await self.move(anonymous, advance_seconds=90.5))["now"] == "2026-11-23T00:01:30.500000Z"
        assert (await anonymous.get("/test/clock")).json()["now"] == "2026-11-23T00:01:30.500000Z"

    @pytest.mark.parametrize(
        "body", [{}, {"rate": 1, "advance_seconds": 1}, {"set": "2026-11-23T08:00:00"}, {"rate": -1}, {"rate": "x"}]
    )
    async def test_other_moves_are_refused(self, anonymous: httpx.AsyncClient, body: dict[str, Any]) -> None:
        assert (await anonymous.post("/test/clock", json=body)).status_code == 422

    async def test_timers_fire_before_the_answer(self, definition: ServiceDefinition, context: Any) -> None:
        seen: list[datetime] = []

        async def fire() -> list[str]:
            seen.append(context.clock.now())
            return ["wo_late"]

        app = build_app(definition, context, checks={}, after_move=fire)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
            await self.move(client, rate=0)
            moved = await self.move(client, set="2030-01-01T00:00:00Z")
        assert moved["waiting"] == ["wo_late"]
        assert seen[-1].year == 2030

    async def test_it_is_there_in_test_mode_only(
        self, definition: ServiceDefinition, context: Any, make_settings: Callable[..., Settings]
    ) -> None:
        context.settings = make_settings()
        app = build_app(definition, context, checks={})
        assert "/test/clock" not in {route.path for route in iter_route_contexts(app.routes)}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
            assert (await client.get("/test/clock")).status_code == 404


async def first_answer(client: httpx.AsyncClient, url: str) -> httpx.Response:
    async with asyncio.timeout(5):
        while True:
            with suppress(httpx.ConnectError):
                return await client.get(url)
            await asyncio.sleep(0)


class TestServing:
    async def test_a_signal_stops_it_gracefully(self, app: FastAPI) -> None:
        listener = listen("127.0.0.1", 0)
        serving = asyncio.create_task(serve(app, listener))
        async with httpx.AsyncClient(trust_env=False) as client:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            answer = await first_answer(client, f"{url}/livez")
            assert answer.status_code == 200
            assert "server" not in answer.headers
            too_large = await client.post(
                f"{url}/test/clock", content=b"x" * 2_000_000, headers={"Content-Type": "application/json"}
            )
            assert (too_large.status_code, too_large.json()["code"]) == (413, "too_large")
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(serving, 5)

    def test_a_taken_port_is_refused(self) -> None:
        with listen("127.0.0.1", 0) as first:
            first.listen()
            with pytest.raises(OSError, match="in use"):
                listen("127.0.0.1", first.getsockname()[1])


async def test_a_caller_who_asks_too_much_is_told_when_to_come_back(
    anna: httpx.AsyncClient, bert: httpx.AsyncClient, context: Any
) -> None:
    context.settings.http_rate = 0.1  # one request, then ten seconds of none; read when the application is built
    app = build_app(ServiceDefinition("parcels", Settings, (), (), lambda _: APIRouter()), context, checks={})
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service", headers=anna.headers) as client:
        assert (await client.get("/v1/me")).status_code == 200
        refused = await client.get("/v1/me")
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert refused.headers["content-type"] == "application/problem+json"
        assert int(refused.headers["Retry-After"]) >= 9
        assert (
            await client.get("/v1/me", headers={"Authorization": bert.headers["Authorization"]})
        ).status_code == 200
        assert (await client.get("/livez")).status_code == 200
