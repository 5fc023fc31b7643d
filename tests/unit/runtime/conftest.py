"""A service small enough to see through: parcels that are packed and sent, held in memory."""

import io
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, Field
from starlette.responses import Response

from shared.kernel.aggregate import AggregateType, Cause, Command, Decision, Event, Facts, Snapshot, Stamp
from shared.kernel.clock import Clock
from shared.kernel.history import apply, document_version
from shared.kernel.refusal import Refusal
from shared.persistence.driver import Database
from shared.runtime.context import Executed, ServiceDefinition, Unavailable
from shared.runtime.devkeys import ensure_keys, sign
from shared.runtime.http.answers import answer, page, respond, show
from shared.runtime.http.app import build_app
from shared.runtime.http.auth import Caller, require_role
from shared.runtime.http.bodies import JsonBody, OptionalJsonBody
from shared.runtime.http.idempotency import create
from shared.runtime.http.openapi import body_of
from shared.runtime.http.problems import ProblemError, parse
from shared.runtime.http.requests import Conditions, Cursor, ExpectedVersion, Limit, RequestCause, refuse_stale
from shared.runtime.logging import configure
from shared.runtime.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed(Event):
    TYPE = "parcel.packed"
    contents: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(Event):
    TYPE = "parcel.sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack(Command):
    contents: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Send(Command):
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Parcel:
    contents: str
    sent: bool = False


def decide(state: Parcel | None, command: Any, _: Facts) -> Sequence[Event] | Refusal:
    match command:
        case Pack(contents="forbidden goods"):
            return Refusal("goods_forbidden", pointer="/contents")
        case Pack():
            return [Packed(contents=command.contents)]
    return Refusal("already_sent") if state and state.sent else [Sent()]


def evolve(state: Parcel | None, event: Any, _: Stamp) -> Parcel:
    return (
        Parcel(contents=event.contents)
        if isinstance(event, Packed)
        else Parcel(state.contents if state else "", True)
    )


PARCEL = AggregateType(
    name="parcel",
    prefix="prc_",
    topic="parcels",
    state=Parcel,
    events=(Packed, Sent),
    decide=decide,
    evolve=evolve,
)


class MemoryCollection:
    """As much of a MongoDB collection as the code under test asks for."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}

    async def find_one_and_update(self, where: Mapping[str, Any], update: Any, **_: Any) -> dict[str, Any]:
        return self.documents.setdefault(where["_id"], {"_id": where["_id"], **update["$setOnInsert"]})

    async def update_one(self, where: Mapping[str, Any], update: Any, **_: Any) -> Any:
        found = self._matching(where)
        for document in found:
            document.update(update["$set"])
        return type("Result", (), {"matched_count": len(found), "modified_count": len(found), "upserted_id": None})

    async def delete_one(self, where: Mapping[str, Any]) -> Any:
        found = self._matching(where)
        for document in found:
            del self.documents[document["_id"]]
        return type("Result", (), {"deleted_count": len(found)})

    def _matching(self, where: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [d for d in self.documents.values() if all(d.get(name) == wanted for name, wanted in where.items())]


class MemoryDatabase(dict[str, MemoryCollection]):
    name = "memory"

    def __missing__(self, name: str) -> MemoryCollection:
        return self.setdefault(name, MemoryCollection())


@dataclass
class MemoryContext:
    """A running service without Kafka and MongoDB: commands are decided at once, one at a time."""

    settings: Settings
    name: str = "parcels"
    clock: Clock = field(default_factory=Clock.real)
    database: Database = field(default_factory=lambda: Database(MemoryDatabase()))
    snapshots: dict[str, Snapshot[Any]] = field(default_factory=dict)
    decisions: dict[str, list[Decision]] = field(default_factory=dict)
    reachable: bool = True

    def facts(self) -> Facts:
        return Facts(self.clock.now())

    async def execute(
        self, kind: AggregateType[Any], aggregate_id: str, command: Command, cause: Cause
    ) -> Executed | Refusal:
        if not self.reachable:
            raise Unavailable("memory is full")
        before: Snapshot[Any] = self.snapshots.get(aggregate_id, Snapshot(aggregate_id))
        known = document_version(before, cause)
        if known is not None:
            same = self.decisions[aggregate_id][known - 1].cause.digest == cause.digest
            return Executed(before, replayed=True) if same else Refusal("idempotency_key_reused")
        if command.expected_version not in (None, before.version):
            return Refusal("stale_version")
        outcome = kind.decide(before.state, command, self.facts())
        if isinstance(outcome, Refusal):
            return outcome
        now, events = self.clock.now(), tuple(outcome)  # type: ignore[arg-type]  # parcels are never unchanged
        decision = Decision(before.version + 1, before.sequence, now, now, command.actor, cause, events)
        self.snapshots[aggregate_id] = apply(kind, before, decision, decision.version)
        self.decisions.setdefault(aggregate_id, []).append(decision)
        return Executed(self.snapshots[aggregate_id], events)

    async def get(self, kind: AggregateType[Any], aggregate_id: str) -> Snapshot[Any] | None:
        return self.snapshots.get(aggregate_id)

    async def find(
        self, kind: AggregateType[Any], where: Mapping[str, Any], sort: Sequence[tuple[str, int]], limit: int
    ) -> list[Snapshot[Any]]:
        return list(self.snapshots.values())[:limit]

    async def history(self, kind: AggregateType[Any], aggregate_id: str) -> list[Decision]:
        return self.decisions.get(aggregate_id, [])


class Address(BaseModel):
    street: str = Field(max_length=20)


class NewParcel(BaseModel):
    contents: str
    address: Address | None = None


class Sending(BaseModel):
    weight: int = Field(default=0, ge=0)


def render(snapshot: Snapshot[Any]) -> dict[str, Any]:
    assert snapshot.state is not None
    return {"id": snapshot.id, "version": snapshot.version, "contents": snapshot.state.contents}


def routes(context: Any) -> APIRouter:
    router = APIRouter()

    async def found(parcel_id: str) -> Snapshot[Any]:
        snapshot: Snapshot[Any] | None = await context.get(PARCEL, parcel_id)
        if snapshot is None:
            raise ProblemError("not_found")
        return snapshot

    @router.post("/v1/parcels", openapi_extra=body_of(NewParcel))
    async def pack(body: JsonBody, caller: Caller, cause: RequestCause) -> Response:
        wanted = parse(NewParcel, body)
        parcel_id = f"prc_{len(context.snapshots)}"
        result = await create(context, PARCEL, parcel_id, Pack(actor=caller, contents=wanted.contents), cause)
        return answer(result, render, 200 if isinstance(result, Executed) and result.replayed else 201)

    @router.get("/v1/parcels")
    async def parcels(limit: Limit, cursor: Cursor) -> Response:
        return respond(page([render(found) for found in await context.find(PARCEL, {}, (), limit)], None))

    @router.get("/v1/parcels/{parcel_id}")
    async def parcel(parcel_id: str) -> Response:
        return show(await found(parcel_id), render)

    @router.post("/v1/parcels/{parcel_id}/actions/send", openapi_extra=body_of(Sending, required=False))
    async def send(
        parcel_id: str, body: OptionalJsonBody, caller: Caller, cause: RequestCause, expected: ExpectedVersion
    ) -> Response:
        snapshot = await found(parcel_id)
        require_role(caller, "agent")
        refuse_stale(snapshot, cause, expected)
        weight = parse(Sending, body).weight
        command = Send(actor=caller, weight=weight, expected_version=expected)
        return answer(await context.execute(PARCEL, parcel_id, command, cause), render)

    @router.put("/v1/admin/labels/{version}")
    async def label(version: int, conditions: Conditions) -> Response:
        conditions.check(version or None, required=True)
        return respond({})

    @router.get("/v1/broken")
    async def broken() -> Response:
        raise ValueError("13800138000 is a customer's phone number")

    return router


@pytest.fixture(autouse=True)
def logs() -> Iterator[io.StringIO]:
    """What the code under test logs; without it structlog would print pages about every exception."""
    root, configured = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure("parcels", stream)
    yield stream
    root.handlers, root.level = handlers, level
    logging.captureWarnings(False)
    structlog.configure(**configured)


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def make_settings(state_dir: Path) -> Callable[..., Settings]:
    def make(**given: Any) -> Settings:
        given.setdefault("auth", {"jwks": str(ensure_keys(state_dir))})
        given.setdefault("mode", "embedded")
        return Settings.load(kafka_bootstrap="nowhere:1", mongo_uri="mongodb://nowhere", state_dir=state_dir, **given)

    return make


@pytest.fixture
def context(make_settings: Callable[..., Settings]) -> MemoryContext:
    return MemoryContext(make_settings(test_mode=True))


@pytest.fixture
def definition() -> ServiceDefinition:
    return ServiceDefinition("parcels", Settings, (PARCEL,), (), routes)


@pytest.fixture
def app(definition: ServiceDefinition, context: MemoryContext) -> FastAPI:
    return build_app(definition, context, checks={})


@pytest.fixture
def token(state_dir: Path) -> Callable[..., str]:
    def make(*roles: str, sub: str = "anna", ttl: int = 60) -> str:
        return sign(state_dir, sub, roles or ("agent",), ("*",), ("*",), ttl)

    return make


def client_of(
    app: FastAPI, token: str | None = None, client: tuple[str, int] = ("127.0.0.1", 1)
) -> httpx.AsyncClient:
    headers = {"Accept-Language": "en"} | ({"Authorization": f"Bearer {token}"} if token else {})
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, client=client), base_url="http://service", headers=headers
    )


@pytest.fixture
async def anonymous(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody on another machine, without credentials."""
    async with client_of(app, client=("203.0.113.9", 1)) as client:
        yield client


@pytest.fixture
async def anna(app: FastAPI, token: Callable[..., str]) -> AsyncIterator[httpx.AsyncClient]:
    """An agent."""
    async with client_of(app, token("agent")) as client:
        yield client


@pytest.fixture
async def bert(app: FastAPI, token: Callable[..., str]) -> AsyncIterator[httpx.AsyncClient]:
    """An auditor."""
    async with client_of(app, token("auditor", sub="bert")) as client:
        yield client
