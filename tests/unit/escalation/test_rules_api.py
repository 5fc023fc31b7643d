"""Policies and calendars over HTTP: drafted, seen, published and discarded, with every fault told where it is."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.middleware.base import RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response

from services.escalation import preview_api
from services.escalation.domain.policies import Rulebook
from services.escalation.domain.rules import RULES
from shared.events.parts import VersionedRef
from shared.kernel.aggregate import Actor
from shared.runtime.context import Context
from shared.runtime.http import problems
from tests.unit.escalation.memory_service import MemoryContext
from tests.unit.escalation.story import MONDAY, POLICIES, Story, instant

YAML = {"Content-Type": "text/yaml"}
GOLD = """\
rank: 10
match: { tier: gold }
calendar: default
clocks:
  resolve: { budget: 8h, unit: business }
"""


@pytest.fixture
async def context(tmp_path: Path) -> MemoryContext:
    context = await MemoryContext(Story(), tmp_path).seeded()
    context.clock.set(instant(MONDAY))
    return context


async def put(client: httpx.AsyncClient, name: str, text: str, **headers: str) -> httpx.Response:
    return await client.put(f"/v1/policies/{name}", content=text, headers={**YAML, **headers})


async def test_a_policy_is_drafted_published_and_then_in_force(context: MemoryContext) -> None:
    async with context.client("admin") as client:
        made = await put(client, "gold", GOLD)
        assert (made.status_code, made.headers["etag"]) == (201, '"1"')
        assert (made.json()["in_force"], made.json()["draft"]["version"]) == (None, 1)
        assert made.json()["draft"]["problems"] == []
        done = await client.post("/v1/policies/gold:publish", headers={"If-Match": '"1"'})
        assert (done.status_code, done.json()["draft"]) == (200, None)
        assert done.json()["versions"][0]["effective_at"] == "2026-03-02T01:01:00Z"
        assert done.json()["versions"][0]["published_by"] == "agent:somebody"
        await context.refresh()
        listed = (await client.get("/v1/policies")).json()["items"]
    assert [(one["id"], one["version"], one["state"]) for one in listed] == [
        ("default", 1, "published"),
        ("gold", 1, "published"),
        ("statutory", 1, "published"),
    ]
    ref = VersionedRef("gold", 1)
    assert ref in context.story.rules.policies
    assert ref not in {p.ref for p in context.story.rules.policies_at(instant("2026-03-02T09:00:59+08:00"))}


async def test_a_replay_is_answered_as_the_first_time(context: MemoryContext) -> None:
    async with context.client("admin") as client:
        await put(client, "gold", GOLD)
        once = {"If-Match": '"1"', "Idempotency-Key": "k"}
        first = await client.post("/v1/policies/gold:publish", headers=once)
        again = await client.post("/v1/policies/gold:publish", headers=once)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["revision"] == again.json()["revision"] == 2


async def test_nobody_overwrites_what_they_have_not_seen(context: MemoryContext) -> None:
    async with context.client("admin") as client:
        text = (POLICIES / "policy-default.yaml").read_text().replace("version: 1", "version: 2")
        assert (await put(client, "default", text)).status_code == 428
        assert (await client.post("/v1/policies/default:publish")).status_code == 428
        assert (await put(client, "default", text, **{"If-Match": '"7"'})).status_code == 412
        assert (await put(client, "default", text, **{"If-Match": '"1"'})).status_code == 200
        assert (await put(client, "default", text, **{"If-Match": '"1"'})).status_code == 412
        assert (await put(client, "default", text, **{"If-None-Match": "*"})).status_code == 412
        assert (await put(client, "gold", GOLD, **{"If-None-Match": "*"})).status_code == 201


async def test_a_draft_can_be_given_up(context: MemoryContext) -> None:
    async with context.client("admin") as client:
        await put(client, "gold", GOLD)
        gone = await client.delete("/v1/policies/gold/draft", headers={"If-Match": '"1"'})
        assert (gone.status_code, gone.json()["draft"]) == (200, None)
        nothing = await client.post("/v1/policies/gold:publish", headers={"If-Match": '"2"'})
    assert (nothing.status_code, nothing.json()["code"]) == (422, "no_draft")


@pytest.mark.parametrize("role", ["auditor", "leader", "supervisor"])
async def test_only_administrators_write_and_everybody_reads(context: MemoryContext, role: str) -> None:
    async with context.client(role) as client:
        assert (await client.get("/v1/policies/default")).status_code == 200
        assert (await put(client, "gold", GOLD)).status_code == 403
        publish = await client.post("/v1/policies/default:publish", headers={"If-Match": '"1"'})
        assert publish.status_code == 403
        assert (await client.post("/v1/calendars/default:import?year=2027")).status_code == 403


async def test_what_does_not_exist_is_not_found(context: MemoryContext) -> None:
    async with context.client("admin") as client:
        for method, path in (("GET", "/v1/policies/x"), ("POST", "/v1/policies/x:publish")):
            assert (await client.request(method, path)).status_code == 404
        assert (await client.get("/v1/calendars/statutory")).status_code == 404


@pytest.mark.parametrize(
    ("text", "pointer", "detail"),
    [
        (GOLD.replace("8h", "8d"), "/clocks/resolve/budget", "line 5: must be like"),
        (GOLD.replace("resolve:", "solve:"), "/clocks/solve", "line 5: there is no such clock"),
        ("id: silver\n" + GOLD, "/id", "line 1: must be gold"),
        ("version: 3\n" + GOLD, "/version", "line 1: must be 1"),
        ("pauses: {a: {clocks: [statutory]}}\n" + GOLD, "/pauses/a/clocks/0", "line 1: a statutory clock is never"),
        ("- 1", "", "a policy or calendar is an object"),
    ],
)
async def test_faults_are_told_by_pointer_and_line(
    context: MemoryContext, text: str, pointer: str, detail: str
) -> None:
    async with context.client("admin") as client:
        answer = await put(client, "gold", text)
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
    [fault] = answer.json()["errors"]
    assert fault["pointer"] == pointer
    assert fault["detail"].startswith(detail)


async def test_json_is_as_good_as_yaml_and_other_things_are_refused(context: MemoryContext) -> None:
    document = {"match": {"tier": "gold"}, "calendar": "default", "clocks": {"resolve": {"budget": "8h"}}}
    async with context.client("admin") as client:
        short = await client.put("/v1/policies/gold", json=document)
        assert short.json()["errors"] == [{"pointer": "/clocks/resolve/unit", "detail": "Field required"}]
        document["clocks"]["resolve"]["unit"] = "natural"  # type: ignore[index]  # it is a mapping
        assert (await client.put("/v1/policies/gold", json=document)).status_code == 201
        headers = {"Content-Type": "text/plain"}
        assert (await client.put("/v1/policies/g", content=GOLD, headers=headers)).status_code == 415
        assert (await put(client, "g", "a: [")).status_code == 400
        assert (await put(client, "g", "")).status_code == 400
        assert (await put(client, "g", "# " + "x" * 256 * 1024)).status_code == 413
        assert (await put(client, "BAD!", GOLD)).status_code == 422


async def test_nothing_that_leaves_a_hole_is_published(context: MemoryContext) -> None:
    text = (POLICIES / "policy-default.yaml").read_text().replace("version: 1", "version: 2")
    narrowed = text.replace("match: {}", "match: { tier: gold }")
    async with context.client("admin") as client:
        saved = await put(client, "default", narrowed, **{"If-Match": '"1"'})
        assert len(saved.json()["draft"]["problems"]) == 4
        refused = await client.post("/v1/policies/default:publish", headers={"If-Match": '"2"'})
        unknown = await put(client, "lost", GOLD.replace("calendar: default", "calendar: lost"))
        lost = await client.post("/v1/policies/lost:publish", headers={"If-Match": '"1"'})
    assert (refused.status_code, refused.json()["code"]) == (422, "rules_incomplete")
    assert "some orders would lack it: acknowledge" in refused.json()["detail"]
    assert (unknown.status_code, lost.status_code) == (201, 422)
    assert "there is no calendar lost" in lost.json()["detail"]
    rule = await context.get(RULES["policy"], "pol_default")
    assert rule is not None
    assert rule.state is not None
    assert (rule.version, len(rule.state.versions)) == (2, 1)


async def test_a_version_takes_effect_when_it_is_wanted_but_never_before_its_forerunner(
    context: MemoryContext,
) -> None:
    async def publish(version: int, at: str | None) -> Any:
        answer = await put(client, "gold", GOLD, **({"If-Match": f'"{version}"'} if version else {}))
        body = {} if at is None else {"effective_at": at}
        headers = {"If-Match": answer.headers["etag"]}
        return (await client.post("/v1/policies/gold:publish", json=body, headers=headers)).json()

    async with context.client("admin") as client:
        too_early = await publish(0, "2026-03-02T09:00:30+08:00")
        assert too_early["code"] == "effective_too_early"
        assert too_early["errors"][0]["pointer"] == "/effective_at"
        done = await publish(1, "2026-04-01T00:00:00+08:00")
        assert done["versions"][0]["effective_at"] == "2026-03-31T16:00:00Z"
        before = await publish(2, None)
        assert (before["code"], "version 1 takes effect" in before["detail"]) == ("effective_too_early", True)


async def test_a_policy_that_only_an_id_would_choose_is_called_ambiguous(context: MemoryContext) -> None:
    async with context.client("admin") as client:
        await put(client, "gold", GOLD)
        await client.post("/v1/policies/gold:publish", headers={"If-Match": '"1"'})
        await context.refresh()
        context.clock.advance(60)
        twin = await put(client, "web", GOLD.replace("tier: gold", "channel: web"))
    assert twin.json()["draft"]["ambiguities"] == [
        "policy/gold/1 and policy/web/1 may both match an order for resolve: the later id counts"
    ]


async def test_a_published_version_keeps_its_words(context: MemoryContext) -> None:
    async with context.client("admin") as client:
        await put(client, "gold", GOLD)
        await client.post("/v1/policies/gold:publish", headers={"If-Match": '"1"'})
    rule = await context.get(RULES["policy"], "pol_gold")
    assert rule is not None
    assert rule.state is not None
    assert json.loads(rule.state.versions[0].document)["version"] == 1


async def test_a_draft_or_a_document_is_previewed_as_if_it_were_in_force(context: MemoryContext) -> None:
    seen: list[set[VersionedRef]] = []

    async def count(_: Context, rules: Rulebook) -> dict[str, int]:
        seen.append({policy.ref for policy in rules.policies_at(context.clock.now())})
        return {"orders": len(seen)}

    app = FastAPI()
    problems.install(app)
    app.include_router(preview_api.routes(context, count))
    admin = Actor("agent", "a", roles=frozenset({"admin"}))

    @app.middleware("http")
    async def as_admin(request: Request, go_on: RequestResponseEndpoint) -> Response:
        request.state.actor = admin
        return await go_on(request)

    transport = httpx.ASGITransport(app)
    async with context.client("admin") as client, httpx.AsyncClient(transport=transport, base_url="http://p") as p:
        assert (await p.post("/v1/policies/gold:preview")).status_code == 404
        sent = await p.post("/v1/policies/gold:preview", content=GOLD, headers=YAML)
        await put(client, "gold", GOLD)
        stored = await p.post("/v1/policies/gold:preview")
        nothing = await p.post("/v1/policies/default:preview")
        narrowed = (POLICIES / "policy-statutory.yaml").read_text().replace("match: {}", "match: {tier: gold}")
        narrowed = narrowed.replace("version: 1", "version: 2")
        hole = await p.post("/v1/policies/statutory:preview", content=narrowed, headers=YAML)
    assert [sent.json()["preview"], stored.json()["preview"]] == [{"orders": 1}, {"orders": 2}]
    assert all(VersionedRef("gold", 1) in refs for refs in seen)
    assert nothing.json()["code"] == "no_draft"
    assert (hole.status_code, hole.json()["preview"], len(hole.json()["problems"])) == (200, None, 1)
