"""Preview, simulation and migration in a running escalation, on real Kafka and MongoDB."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.escalation import migration
from services.escalation.domain import CLOCK_SETS
from services.escalation.domain.commands import Observe
from services.escalation.main import SERVICE
from services.escalation.simulation_stories import STORIES, take_ahead
from shared.events import workorders as w
from shared.events.parts import Reason
from shared.kernel.aggregate import Actor, Cause
from shared.kernel.ids import CLOCK_SET, WORK_ORDER, sibling
from shared.messaging.admin import ensure_topics
from shared.persistence.jobs import JobStore
from shared.runtime.devkeys import ensure_keys, sign
from shared.runtime.http.app import build_app
from shared.runtime.jobs import new_job
from shared.runtime.service import RunningService
from tests.unit.escalation.story import an_order

ORDERS = 50
LEFT = {"id", "kind", "state", "version", "effective_at", "published_at", "published_by"}


async def until(holds: Callable[[], Awaitable[Any]]) -> Any:
    for _ in range(600):
        if found := await holds():
            return found
        await asyncio.sleep(0.05)
    return pytest.fail("never came to it")


@pytest.fixture(scope="module")
async def service(
    kafka_bootstrap: str, mongo_uri: str, mongo_client: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningService]:
    prefix, folder = f"t{uuid4().hex[:8]}", tmp_path_factory.mktemp("state")
    await ensure_topics(kafka_bootstrap, f"{prefix}.", partitions=2)
    settings = SERVICE.settings.load(
        kafka_bootstrap=kafka_bootstrap,
        mongo_uri=mongo_uri,
        topic_prefix=f"{prefix}.",
        database_prefix=f"{prefix}_",
        state_dir=folder,
        mode="embedded",
        test_mode=True,
        auth={"jwks": str(ensure_keys(folder))},
    )
    running = RunningService(SERVICE, settings)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(running.close)
        await stack.enter_async_context(running.running())
        running.clock.set_rate(0)
        running.clock.set(running.clock.now())
        await asyncio.gather(*(create_order(running, number) for number in range(ORDERS)))
        yield running
    mongo_client.drop_database(f"{prefix}_escalation")


async def create_order(service: RunningService, number: int) -> None:
    """Created an hour ago and dispatched; of every second one the resolution came after half an hour."""
    now = service.clock.now()
    at = now - timedelta(hours=1)
    order = an_order(id=f"wo_{number:032x}", complaint_id=f"cmp_{number:032x}", received_at=at)
    fields = {name: getattr(order, name) for name in ("complaint_id", "channel", "category", "priority")}
    fields |= {name: getattr(order, name) for name in ("tier", "region", "customer_id", "received_at")}
    created = w.Created(number="C1", subject="s", remedy_sought="refund", **fields)
    await _hear(service, Observe(order=order, change=created, occurred_at=at), 1)
    if number % 2:
        order = replace(order, status="pending_review")
        answer = {"handler": "li", "root_cause": "r", "measures": "m", "reply_text": "t"}
        submitted = w.ResolutionSubmitted(remedy=w.Remedy(kind="refund"), **answer)
        command = Observe(order=order, change=submitted, occurred_at=now - timedelta(minutes=30))
        await _hear(service, command, 2)


async def _hear(service: RunningService, command: Observe, sequence: int) -> None:
    cause = Cause("test", f"{command.order.id}:{sequence}")
    await service.execute(CLOCK_SETS, sibling(command.order.id, CLOCK_SET), command, cause)


@pytest.fixture
async def admin(service: RunningService) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(service, "admin") as client:
        yield client


def a_client(service: RunningService, role: str) -> httpx.AsyncClient:
    token = sign(service.settings.state_dir, f"the-{role}", [role], ["*"], ["*"], 600)
    app = build_app(SERVICE, service, checks={})
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x", headers=headers)


async def the_policy(admin: httpx.AsyncClient) -> dict[str, Any]:
    """The default policy as a document without its version."""
    items = (await admin.get("/v1/policies")).json()["items"]
    (newest,) = [one for one in items if one["id"] == "default" and one["version"] == 1 and one["state"] != "draft"]
    return {name: value for name, value in deepcopy(newest).items() if name not in LEFT}


async def finished(admin: httpx.AsyncClient, accepted: httpx.Response) -> Mapping[str, Any]:
    assert accepted.status_code == 202, accepted.text

    async def over() -> Mapping[str, Any] | None:
        job: Mapping[str, Any] = (await admin.get(accepted.headers["location"])).json()
        return job if job["ended_at"] else None

    job: Mapping[str, Any] = await until(over)
    assert job["state"] == "done", job
    return job


def the_range(service: RunningService) -> dict[str, str]:
    now = service.clock.now()
    return {"from": (now - timedelta(days=1)).isoformat(), "to": now.isoformat()}


async def test_the_policy_in_force_flips_nothing_and_a_shorter_one_flips_what_took_longer(
    service: RunningService, admin: httpx.AsyncClient
) -> None:
    same = {"policy": {"id": "default", "version": 1}, **the_range(service)}
    result = (await finished(admin, await admin.post("/v1/simulations", json=same)))["result"]
    assert result["orders"] == {"replayed": ORDERS, "left_out": {}}
    assert [flips["clocks"] for flips in result["flips"].values()] == [0, 0]
    assert all(kind["before"] == kind["after"] for kind in result["clocks"])

    shorter = await the_policy(admin)
    shorter["clocks"]["resolve"]["budget"] = "20m"
    asked = {"policy": {"id": "default", **shorter}, **the_range(service)}
    result = (await finished(admin, await admin.post("/v1/simulations", json=asked)))["result"]
    resolve = next(kind for kind in result["clocks"] if kind["kind"] == "resolve")
    assert (resolve["before"]["met"], resolve["before"]["missed"]) == (ORDERS // 2, 0)
    assert (resolve["after"]["met"], resolve["after"]["missed"]) == (0, ORDERS)
    assert resolve["met_to_missed"] == result["flips"]["met_to_missed"]["orders"] == ORDERS // 2
    fired = {(one["kind"], one["rung"]): (one["before"], one["after"]) for one in result["notices"]}
    assert fired["resolve", "100%"] == (0, ORDERS)

    nowhere = {**asked, "filters": {"region": "shanghai"}}
    result = (await finished(admin, await admin.post("/v1/simulations", json=nowhere)))["result"]
    assert result["orders"]["replayed"] == 0


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/policy"),
        ({"policy": {"id": "default", "version": 99}}, "/policy/version"),
        ({"policy": {"id": "default", "clocks": {"resolve": {"budget": "0m", "unit": "natural"}}}}, "/policy/"),
        ({"policy": {"id": "default", "version": 1}, "to": "2020-01-01T00:00:00Z"}, "/to"),
    ],
)
async def test_what_cannot_be_tried_is_refused_at_its_place(
    service: RunningService, admin: httpx.AsyncClient, body: dict[str, Any], pointer: str
) -> None:
    refused = await admin.post("/v1/simulations", json={**the_range(service), **body})
    assert refused.status_code == 422, refused.text
    assert any(fault["pointer"].startswith(pointer) for fault in refused.json()["errors"])


async def test_only_who_reads_everything_simulates_and_only_administrators_migrate(service: RunningService) -> None:
    body = {"policy": {"id": "default", "version": 1}, **the_range(service)}
    for role, simulates in (("auditor", 202), ("leader", 403), ("handler", 403)):
        async with a_client(service, role) as client:
            assert (await client.post("/v1/simulations", json=body)).status_code == simulates
            asked = {"version": 1, "reason": "r"}
            assert (await client.post("/v1/policies/default:migrate", json=asked)).status_code == 403


async def test_a_preview_tells_what_a_migration_then_does_and_a_kill_migrates_nobody_twice(
    service: RunningService, admin: httpx.AsyncClient
) -> None:
    shorter = await the_policy(admin)
    shorter["clocks"]["resolve"]["budget"] = "2h"
    saved = await admin.put("/v1/policies/default", json=shorter, headers={"If-Match": "*"})
    assert saved.status_code == 200, saved.text
    told = (await admin.post("/v1/policies/default:preview")).json()["preview"]
    assert (told["examined"], told["would_change"], told["complete"]) == (ORDERS, ORDERS, True)
    resolve = next(kind for kind in told["clocks"] if kind["kind"] == "resolve")
    assert (resolve["clocks"], resolve["earlier"], resolve["breached_at_once"]) == (ORDERS // 2, ORDERS // 2, 0)
    assert resolve["shift_seconds"] == {"min": -46 * 3600, "median": -46 * 3600, "max": -46 * 3600}

    early = await admin.post("/v1/policies/default:migrate", json={"version": 2, "reason": "r"})
    assert (early.status_code, early.json()["code"]) == (422, "version_not_in_force")
    published = await admin.post("/v1/policies/default:publish", headers={"If-Match": "*"})
    assert published.status_code == 200, published.text
    service.clock.advance(61)
    await service.refresh_reference()

    arguments = {"rule": "policy/default", "version": 2, "kinds": None, "reason": "shorter"}
    job = new_job(migration.KIND, arguments, Actor("agent", "the-admin"), Cause("http:the-admin", "k"))
    begun = migration.migrate(service, job)
    first = await anext(begun)
    assert 0 < first.done < ORDERS
    await begun.aclose()  # as a process that dies when it has done a slice and not yet saved it
    await JobStore(service.database).create(job)
    result = await done(service, job.id)
    assert (result["orders"], result["changed"], result["unchanged"]) == (ORDERS, ORDERS, 0)
    for number in range(ORDERS):
        await migrated_once(service, sibling(f"{WORK_ORDER}{number:032x}", CLOCK_SET))


async def done(service: RunningService, job_id: str) -> Mapping[str, Any]:
    async def over() -> Any:
        job = await JobStore(service.database).get(job_id)
        return job is not None and job.ended_at is not None and job

    job = await until(over)
    assert job.state == "done", job
    result: Mapping[str, Any] = job.result
    return result


async def migrated_once(service: RunningService, clock_set: str) -> None:
    decisions = await service.history(CLOCK_SETS, clock_set)
    turns = [
        clock.turn
        for decision in decisions
        for event in decision.events
        for clock in getattr(event, "clocks", ())
        if clock.kind == "first_response" and clock.change == "retargeted"
    ]
    assert [(turn.event, turn.actor, turn.reason) for turn in turns] == [("migration", "agent:the-admin", "shorter")]


async def test_stories_of_what_has_ended_are_taken_ahead_and_simulated_like_any_other(
    service: RunningService, admin: httpx.AsyncClient
) -> None:
    order = an_order(id=f"wo_{0:032x}", complaint_id=f"cmp_{0:032x}", status="cancelled")
    change = w.Cancelled(reason=Reason("withdrawn"))
    await _hear(service, Observe(order=order, change=change, occurred_at=service.clock.now()), 9)
    database = service.database
    await database.collection(STORIES).delete_many({})
    assert await take_ahead(database) == 1
    assert await take_ahead(database) == 0
    same = {"policy": {"id": "default", "version": 1}, **the_range(service)}
    result = (await finished(admin, await admin.post("/v1/simulations", json=same)))["result"]
    assert result["orders"] == {"replayed": ORDERS, "left_out": {}}
    assert len(await database.collection(STORIES).find({})) == ORDERS
