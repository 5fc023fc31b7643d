"""Jobs on a real MongoDB: claimed once, going on where they stopped, called off, asked for again."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

import httpx
import pytest
from fastapi import APIRouter

from shared.kernel.aggregate import Actor, Cause
from shared.kernel.clock import Clock
from shared.persistence.driver import Database, Driver
from shared.persistence.jobs import INDEXES, Job, JobStore, Slice
from shared.persistence.schema import ensure_indexes
from shared.runtime.context import Context, JobKind, ServiceDefinition, Unavailable
from shared.runtime.devkeys import ensure_keys, sign
from shared.runtime.http.app import build_app
from shared.runtime.http.auth import Caller
from shared.runtime.http.jobs import accept
from shared.runtime.http.requests import RequestCause
from shared.runtime.jobs import JobFailed, JobWorker, new_job
from shared.runtime.settings import Settings

ANNA = Actor("agent", "anna")
STEPS = 6


@pytest.fixture(params=["motor", "pymongo"])
async def database(request: pytest.FixtureRequest, mongo_uri: str, database_prefix: str) -> AsyncIterator[Database]:
    name: Literal["motor", "pymongo"] = request.param
    driver = Driver(mongo_uri, name)
    found = driver.database(f"{database_prefix}jobs")
    assert await ensure_indexes(found, INDEXES) == []
    yield found
    await driver.close()


@dataclass
class Service:
    """As much of a service as jobs need."""

    database: Database
    settings: Settings
    clock: Clock = field(default_factory=Clock.real)


@dataclass
class Counting:
    """A job that counts to STEPS, one a slice; what it has counted shows how often each step was done."""

    counted: list[int] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    stuck_at: int | None = None
    trouble: list[Exception] = field(default_factory=list)

    async def __call__(self, context: Context, job: Job) -> AsyncGenerator[Slice, None]:
        for step in range(job.cursor or 0, STEPS):
            if step == self.stuck_at:
                await self.gate.wait()
            if self.trouble and step == 2:
                raise self.trouble.pop()
            self.counted.append(step)
            yield Slice(step + 1, step + 1, STEPS, {"counted": step + 1})


@pytest.fixture
def service(database: Database, tmp_path: Path) -> Service:
    keys = ensure_keys(tmp_path)
    settings = Settings(
        kafka_bootstrap="nowhere:1",
        mongo_uri="mongodb://nowhere",
        state_dir=tmp_path,
        mode="embedded",
        auth={"jwks": str(keys)},  # type: ignore[arg-type]  # pydantic makes it
    )
    return Service(database, settings)


@asynccontextmanager
async def working(service: Service, kind: JobKind) -> AsyncIterator[None]:
    worker = asyncio.create_task(JobWorker(cast(Context, service), {"count": kind}).run())
    yield
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)


async def until(holds: Callable[[], Awaitable[Any]]) -> Any:
    for _ in range(400):
        if found := await holds():
            return found
        await asyncio.sleep(0.02)
    return pytest.fail("never came to it")


async def ended(store: JobStore, job_id: str, state: str = "done") -> Job:
    async def holds() -> Job | None:
        job = await store.get(job_id)
        assert job is not None
        return job if job.state == state else None

    return cast(Job, await until(holds))


def a_job(key: str = "k", actor: Actor = ANNA) -> Job:
    return new_job("count", {"to": STEPS}, actor, Cause(f"http:{actor.id}", key, digest="d"))


async def test_a_job_runs_to_its_end_and_keeps_progress_and_result(service: Service) -> None:
    store, counting = JobStore(service.database), Counting()
    job = await store.create(a_job())
    async with working(service, counting):
        over = await ended(store, job.id)
    assert (over.done, over.total, over.result) == (STEPS, STEPS, {"counted": STEPS})
    assert over.ended_at is not None
    assert counting.counted == list(range(STEPS))


async def test_another_worker_goes_on_where_the_first_was_stopped(service: Service) -> None:
    store, first, second = JobStore(service.database), Counting(stuck_at=3), Counting()
    job = await store.create(a_job())
    async with working(service, first):
        await until(lambda: _reached(store, job.id, 3))
    async with working(service, second):
        over = await ended(store, job.id)
    assert (first.counted, second.counted) == ([0, 1, 2], [3, 4, 5])
    assert over.result == {"counted": STEPS}


async def test_a_killed_worker_leaves_its_job_to_whoever_comes_after_its_lease(service: Service) -> None:
    store, counting = JobStore(service.database), Counting()
    job = await store.create(a_job())
    assert await store.claim(["count"], "killed") is not None
    assert await store.save(job.id, "killed", Slice(4, 4, STEPS))
    assert await store.claim(["count"], "next") is None, "its lease holds"
    past = {"$set": {"lease_until": datetime(2020, 1, 1, tzinfo=UTC)}}
    await service.database.collection("jobs").update_one({"_id": job.id}, past)
    async with working(service, counting):
        await ended(store, job.id)
    assert counting.counted == [4, 5]
    assert not await store.save(job.id, "killed", Slice(5, 5, STEPS)), "a zombie's save counts for nothing"


async def test_only_one_of_many_claims_a_job(service: Service) -> None:
    store = JobStore(service.database)
    await store.create(a_job())
    claims = await asyncio.gather(*(store.claim(["count"], f"w{number}") for number in range(20)))
    assert len([job for job in claims if job is not None]) == 1
    assert await store.claim(["another kind"], "w") is None


async def test_a_job_that_is_called_off_stops_and_stays_so(service: Service) -> None:
    store, counting = JobStore(service.database), Counting(stuck_at=2)
    job = await store.create(a_job())
    async with working(service, counting):
        await until(lambda: _reached(store, job.id, 2))
        assert await store.cancel(job.id)
        assert not await store.cancel(job.id)
        counting.gate.set()
        await asyncio.sleep(0)
        other = await store.create(a_job("another"))
        await ended(store, other.id)
    found = await store.get(job.id)
    assert found is not None
    assert found.state == "cancelled"


async def test_a_dependency_that_is_down_only_delays_and_a_fault_ends_the_job(service: Service) -> None:
    store = JobStore(service.database)
    jobs = [await store.create(a_job(key)) for key in ("a", "b", "c")]
    counting = Counting(trouble=[KeyError("bug"), JobFailed("not_found", "gone"), Unavailable("down")])
    async with working(service, counting):
        await until(lambda: _all_over(store, jobs))
    states = [await store.get(job.id) for job in jobs]
    assert sorted(job.state for job in states if job) == ["done", "failed", "failed"]
    assert {job.error["code"] for job in states if job and job.error} == {"not_found", "internal"}


async def test_what_ends_every_worker_is_given_up(service: Service) -> None:
    store = JobStore(service.database)
    job = await store.create(a_job())
    await service.database.collection("jobs").update_one({"_id": job.id}, {"$set": {"attempts": 20}})
    async with working(service, Counting()):
        over = await ended(store, job.id, "failed")
    assert over.error == {"code": "job_given_up", "detail": "begun 20 times"}


def the_routes(context: Context) -> APIRouter:
    router = APIRouter()

    @router.post("/v1/counts")
    async def count(caller: Caller, cause: RequestCause) -> Any:
        return await accept(context, "count", {}, caller, cause)

    return router


@pytest.fixture
async def clients(service: Service) -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    definition = ServiceDefinition(
        name="workflow",
        settings=Settings,
        aggregates=(),
        bindings=(),
        routes=the_routes,
        jobs={"count": Counting()},
    )
    app = build_app(definition, cast(Context, service), checks={})
    made: list[httpx.AsyncClient] = []

    def client(sub: str, role: str = "handler") -> httpx.AsyncClient:
        token = sign(service.settings.state_dir, sub, [role], ["*"], ["*"], 60)
        headers = {"Authorization": f"Bearer {token}"}
        made.append(httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x", headers=headers))
        return made[-1]

    yield client
    for one in made:
        await one.aclose()


async def test_a_job_is_answered_with_its_place_and_the_same_key_means_the_same_job(clients: Any) -> None:
    anna = clients("anna")
    first = await anna.post("/v1/counts", json={"a": 1}, headers={"Idempotency-Key": "k1"})
    again = await anna.post("/v1/counts", json={"a": 1}, headers={"Idempotency-Key": "k1"})
    other = await anna.post("/v1/counts", json={"a": 2}, headers={"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code, other.status_code) == (202, 202, 422)
    assert first.headers["location"] == f"/v1/jobs/{first.json()['id']}"
    assert again.json()["id"] == first.json()["id"]
    assert other.json()["code"] == "idempotency_key_reused"


async def test_jobs_are_seen_by_who_asked_and_by_administrators_and_auditors(clients: Any) -> None:
    anna, bert, admin, auditor = clients("anna"), clients("bert"), clients("x", "admin"), clients("y", "auditor")
    ids = [(await anna.post("/v1/counts", json={})).json()["id"] for _ in range(3)]
    path = f"/v1/jobs/{ids[0]}"
    statuses = [(await client.get(path)).status_code for client in (anna, bert, admin, auditor)]
    assert statuses == [200, 404, 200, 200]
    assert (await bert.get("/v1/jobs")).json()["items"] == []
    page = (await admin.get("/v1/jobs", params={"limit": 2})).json()
    rest = (await admin.get("/v1/jobs", params={"limit": 2, "cursor": page["next_cursor"]})).json()
    assert sorted(job["id"] for job in page["items"] + rest["items"]) == sorted(ids)
    assert [(await client.delete(path)).status_code for client in (bert, auditor, anna, anna)] == [404, 403, 200, 200]
    assert (await anna.get(path)).json()["state"] == "cancelled"


async def test_a_job_that_ended_is_not_called_off(clients: Any, service: Service) -> None:
    store = JobStore(service.database)
    job = await store.create(replace(a_job(), id="job_over"))
    await store.claim(["count"], "w")
    await store.finish(job.id, "w", {})
    refused = await clients("anna").delete("/v1/jobs/job_over")
    assert (refused.status_code, refused.json()["code"]) == (409, "job_ended")


async def _reached(store: JobStore, job_id: str, step: int) -> bool:
    job = await store.get(job_id)
    return job is not None and job.done == step


async def _all_over(store: JobStore, jobs: Sequence[Job]) -> bool:
    found = [await store.get(job.id) for job in jobs]
    return all(job is not None and job.ended_at is not None for job in found)
