"""The HTTP application of a service: its routes, and around them what every service has."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import APIRouter, FastAPI, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.responses import Response

from shared.runtime.context import Context, ServiceDefinition
from shared.runtime.http import openapi, problems
from shared.runtime.http.answers import respond
from shared.runtime.http.auth import Authenticator, Caller
from shared.runtime.http.edge import Edge
from shared.runtime.http.health import Check, health_routes
from shared.runtime.http.jobs import job_routes
from shared.runtime.http.rate_limit import RateLimit
from shared.runtime.http.test_clock import AfterMove, clock_routes

API_VERSION = "1.0.0"
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def build_app(
    definition: ServiceDefinition,
    context: Context,
    *,
    checks: Mapping[str, Check],
    asyncapi: Mapping[str, Any] | None = None,
    after_move: AfterMove | None = None,
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """`checks` decide `/readyz`; `lifespan` starts and stops what runs beside HTTP in the same process."""
    app = FastAPI(
        title=f"Closedloop {definition.name}",
        version=API_VERSION,
        docs_url=None,  # these pages load their scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        responses=openapi.RESPONSES,
        lifespan=lifespan,
    )
    settings = context.settings
    app.add_middleware(Edge, authenticator=Authenticator(settings), limit=RateLimit(settings.http_rate))
    problems.install(app)
    openapi.install(app)
    app.include_router(health_routes(checks, asyncapi or {}))
    if context.settings.test_mode:
        app.include_router(clock_routes(context.clock, after_move))
    credentials = [
        Security(HTTPBearer(auto_error=False, bearerFormat="JWT")),
        Security(APIKeyHeader(name="X-API-Key", auto_error=False)),
    ]
    jobs = [job_routes(context)] if definition.jobs else []
    for router in (_own_routes(), *jobs, definition.routes(context)):
        app.include_router(router, dependencies=credentials)
    return app


def _own_routes() -> APIRouter:
    router = APIRouter()

    @router.get("/v1/me")
    async def me(caller: Caller) -> Response:
        scope = {name: sorted(getattr(caller, name)) for name in ("roles", "teams", "regions")}
        return respond({"kind": caller.kind, "id": caller.id, "org": caller.org, **scope})

    return router
