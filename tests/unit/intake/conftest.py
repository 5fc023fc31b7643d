"""A running intake, and people and systems who call it."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from services.intake.main import SERVICE
from services.intake.settings import Settings
from shared.kernel.clock import Clock
from shared.runtime.devkeys import ensure_keys, sign
from shared.runtime.http.app import build_app
from tests.unit.intake.complaints import NOON
from tests.unit.intake.memory import MemoryContext

Call = Callable[..., httpx.AsyncClient]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    state = tmp_path / "state"
    return Settings.load(
        kafka_bootstrap="nowhere:1",
        mongo_uri="mongodb://nowhere",
        state_dir=state,
        mode="embedded",
        auth={"jwks": str(ensure_keys(state))},
    )


@pytest.fixture
def context(settings: Settings) -> MemoryContext:
    return MemoryContext(settings, Clock(origin=NOON, anchor=0.0, rate=0.0))


@pytest.fixture
async def caller(context: MemoryContext) -> AsyncIterator[Call]:
    """`caller("agent", sub="anna", regions=("js",))` is a client with that token; no role makes a source system."""
    app = build_app(SERVICE, context, checks={})
    opened: list[httpx.AsyncClient] = []

    def make(*roles: str, sub: str = "anna", regions: tuple[str, ...] = ("*",)) -> httpx.AsyncClient:
        token = sign(context.settings.state_dir, sub, roles, ("*",), regions, 60)
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://intake",
            headers={"Authorization": f"Bearer {token}", "Accept-Language": "en"},
        )
        opened.append(client)
        return client

    yield make
    for client in opened:
        await client.aclose()
