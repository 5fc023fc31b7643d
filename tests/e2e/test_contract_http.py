"""HTTP as other systems rely on it: who is let in, which check speaks first, how errors look, keys and versions."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.runtime.devkeys import sign
from tests.e2e.outside import SERVICES, Outside

PROBLEM = {"type", "title", "status", "detail", "instance", "code", "errors", "trace_id"}
UNKNOWN = "wo_" + "0" * 32


def code_of(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    problem = answer.json()
    assert set(problem) >= PROBLEM
    assert problem["status"] == answer.status_code
    return answer.status_code, problem["code"]


# -- the open paths, and the door


@pytest.mark.parametrize("service", SERVICES)
async def test_some_paths_need_no_credentials(outside: Outside, service: str) -> None:
    for path in ("/livez", "/readyz", "/metrics", "/openapi.json", "/asyncapi.json", "/test/clock"):
        assert (await outside.anonymous("GET", service, path)).status_code == 200


@pytest.mark.parametrize(
    ("service", "path"),
    [
        *(("intake", "/v1/complaints"), ("workflow", "/v1/work-orders"), ("workflow", "/v1/teams")),
        *(("escalation", "/v1/policies"), ("notifier", "/v1/notifications"), ("intake", "/v1/me")),
        ("workflow", "/nothing/here"),
    ],
)
async def test_everything_else_does(outside: Outside, service: str, path: str) -> None:
    answer = await outside.anonymous("GET", service, path)
    assert code_of(answer) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_feedback_needs_no_credentials(outside: Outside) -> None:
    assert (await outside.anonymous("POST", "intake", "/v1/feedback/abc", json={})).status_code != 401


async def test_metrics_are_for_this_machine_only(outside: Outside) -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    for path in ("/metrics", "/openapi.json", "/test/clock"):
        answer = await outside.anonymous("GET", "workflow", path, headers=forwarded)
        assert code_of(answer) == (401, "unauthenticated")


async def test_bad_credentials_are_refused(outside: Outside) -> None:
    good = sign(outside.installation.state_dir, "x", ("agent",), ("*",), ("*",), 600)
    expired = sign(outside.installation.state_dir, "x", ("agent",), ("*",), ("*",), -60)
    header, claims, signature = good.split(".")
    for credentials in (
        {"Authorization": f"Bearer {expired}"},
        {"Authorization": f"Bearer {header}.{claims}.{signature[:-4]}AAAA"},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": f"Basic {good}"},
        {"X-API-Key": "nobody-knows-it"},
    ):
        answer = await outside.anonymous("GET", "workflow", "/v1/work-orders", headers=credentials)
        assert code_of(answer) == (401, "unauthenticated"), credentials


async def test_a_caller_is_told_who_they_are(outside: Outside) -> None:
    caller = outside.caller("handler", "leader", sub="wang-lei", teams=("broadband",), regions=("js",))
    me = (await caller.get("workflow", "/v1/me")).json()
    assert (me["id"], me["roles"], me["teams"], me["regions"]) == (
        *("wang-lei", ["handler", "leader"]),
        *(["broadband"], ["js"]),
    )


# -- the order of checks


async def test_malformed_bodies_speak_before_the_subject_is_looked_for(outside: Outside) -> None:
    caller = outside.caller("handler")
    path = f"{outside.urls['workflow']}/v1/work-orders/{UNKNOWN}/actions/accept"
    headers = {"Authorization": f"Bearer {caller.token}"}
    large = b'{"note": "' + b"x" * (901 * 1024) + b'"}'
    async with httpx.AsyncClient(trust_env=False, headers=headers, timeout=20) as client:
        for content, media_type, wanted in (
            (b"{", "application/json", (400, "malformed")),
            (b'{"a": "\\ud800"}', "application/json", (400, "malformed")),
            (large, "application/json", (413, "too_large")),
            (b"note=1", "application/x-www-form-urlencoded", (415, "unsupported_media_type")),
        ):
            answer = await client.post(path, content=content, headers={"Content-Type": media_type})
            assert code_of(answer) == wanted


async def test_what_is_unknown_or_out_of_scope_is_not_found_before_anything_is_forbidden(outside: Outside) -> None:
    assert code_of(await outside.caller("auditor").act(UNKNOWN, "accept")) == (404, "not_found")
    complaint, order = await outside.submit(customer={"id": "c-scope", "region": "js/suzhou"})
    elsewhere = outside.caller("auditor", "agent", sub="far", regions=("gd",))
    assert (await elsewhere.get("workflow", f"/v1/work-orders/{order}")).status_code == 200
    for stranger in (
        outside.caller("reviewer", sub="r", regions=("gd",)),
        outside.caller("handler", sub="h", teams=("broadband",)),
        outside.caller("handler", sub="j", regions=("js/nanjing", "jsx")),
    ):
        assert code_of(await stranger.get("workflow", f"/v1/work-orders/{order}")) == (404, "not_found")
        for part in ("timeline", "actions"):
            assert code_of(await stranger.get("workflow", f"/v1/work-orders/{order}/{part}")) == (404, "not_found")
        assert code_of(await stranger.get("escalation", f"/v1/work-orders/{order}/clocks")) == (404, "not_found")
        assert code_of(await stranger.act(order, "approve")) == (404, "not_found")
        listed = await stranger.list("workflow", "/v1/work-orders", q="c-scope")
        assert listed == []
    far = outside.caller("agent", sub="f", regions=("gd",))
    assert code_of(await far.get("intake", f"/v1/complaints/{complaint}")) == (404, "not_found")
    assert code_of(await far.post("intake", f"/v1/complaints/{complaint}/withdraw")) == (404, "not_found")
    near = outside.caller("handler", sub="n", regions=("js",), teams=("default",))
    assert (await near.get("workflow", f"/v1/work-orders/{order}")).status_code == 200


async def test_a_role_speaks_before_version_and_arguments(outside: Outside) -> None:
    _, order = await outside.submit()
    stale = '"999"'
    reviewer, handler = outside.caller("reviewer"), outside.caller("handler")
    assert code_of(await reviewer.act(order, "submit_resolution", {}, If_Match=stale)) == (403, "forbidden")
    assert code_of(await handler.act(order, "submit_resolution", {}, If_Match=stale)) == (412, "stale_version")
    assert code_of(await handler.act(order, "submit_resolution", {}, If_Match="*")) == (422, "request_invalid")
    assert code_of(await handler.act(order, "respond", {"text": "x"})) == (422, "wrong_status")


async def test_a_replay_speaks_before_version_and_arguments(outside: Outside) -> None:
    order = await outside.settled()
    handler, key = outside.caller("handler"), uuid4().hex
    seen = {"If_Match": f'"{(await handler.order(order))["version"]}"', "Idempotency_Key": key}
    first = await handler.act(order, "accept", {}, **seen)
    assert first.status_code == 200, first.text
    again = await handler.act(order, "accept", {}, **seen)
    assert again.status_code == 200
    assert again.json()["version"] == first.json()["version"]
    other = await handler.act(order, "accept", {"note": "another"}, **seen)
    assert code_of(other) == (422, "idempotency_key_reused")
    assert code_of(await outside.caller("auditor").act(order, "accept", {}, Idempotency_Key=key)) == (
        403,
        "forbidden",
    )


async def test_faults_point_to_the_field_and_quote_nothing(outside: Outside) -> None:
    body = await outside.complaint(received_at="yesterday", channel="pigeon", customer={})
    answer = await outside.caller("agent").post("intake", "/v1/complaints", body)
    assert code_of(answer) == (422, "request_invalid")
    pointers = {error["pointer"] for error in answer.json()["errors"]}
    assert pointers == {"/received_at", "/channel", "/customer/id"}
    assert all(error["detail"] for error in answer.json()["errors"])
    assert answer.json()["instance"] == "/v1/complaints"


async def test_unknown_paths_and_methods_are_problems_too(outside: Outside) -> None:
    agent = outside.caller("agent")
    assert code_of(await agent.get("intake", "/v1/nonsense")) == (404, "not_found")
    assert (await agent.send("DELETE", "intake", "/v1/complaints")).status_code == 405


# -- complaints


async def test_a_complaint_is_created_once_per_key(outside: Outside) -> None:
    agent, key = outside.caller("agent"), f"key-{uuid4().hex[:8]}"
    body = await outside.complaint()
    del body["external_id"]
    first = await agent.post("intake", "/v1/complaints", body, Idempotency_Key=key)
    assert first.status_code == 201
    created = first.json()
    assert first.headers["location"] == f"/v1/complaints/{created['id']}"
    assert (created["source"], created["external_id"]) == ("dev-agent", key)
    assert created["id"].startswith("cmp_")
    await outside.when(created["work_order_id"], lambda order: order["status"] == "assigned")
    again = await agent.post("intake", "/v1/complaints", body, Idempotency_Key=key)
    assert (again.status_code, again.json(), again.headers["location"]) == (200, created, first.headers["location"])
    changed = await agent.post("intake", "/v1/complaints", {**body, "subject": "Other"}, Idempotency_Key=key)
    assert code_of(changed) == (422, "idempotency_key_reused")
    neighbour = await outside.caller("agent", sub="dev-other").post(
        "intake", "/v1/complaints", body, Idempotency_Key=key
    )
    assert neighbour.status_code == 201
    assert neighbour.json()["id"] != created["id"]


async def test_without_key_and_number_there_is_no_identity(outside: Outside) -> None:
    body = await outside.complaint()
    del body["external_id"]
    assert code_of(await outside.caller("agent").post("intake", "/v1/complaints", body)) == (422, "request_invalid")


async def test_the_same_number_with_other_content_conflicts(outside: Outside) -> None:
    agent, body = outside.caller("agent"), await outside.complaint()
    assert (await agent.post("intake", "/v1/complaints", body)).status_code == 201
    assert (await agent.post("intake", "/v1/complaints", body)).status_code == 200
    other = await agent.post("intake", "/v1/complaints", {**body, "subject": "Other"})
    assert code_of(other) == (409, "conflicting_duplicate")


async def test_a_refusal_is_not_remembered_by_its_key(outside: Outside) -> None:
    agent, key = outside.caller("agent"), uuid4().hex
    body = await outside.complaint()
    bad = {**body, "channel": "pigeon"}
    assert code_of(await agent.post("intake", "/v1/complaints", bad, Idempotency_Key=key)) == (422, "request_invalid")
    assert (await agent.post("intake", "/v1/complaints", body, Idempotency_Key=key)).status_code == 201
    _, order = await outside.submit()
    handler, key = outside.caller("handler"), uuid4().hex
    assert code_of(await handler.act(order, "respond", {"text": "x"}, Idempotency_Key=key)) == (422, "wrong_status")
    await outside.handle(order, "accept")
    assert (await handler.act(order, "respond", {"text": "x"}, Idempotency_Key=key)).status_code == 200


async def test_a_complaint_is_shown_and_may_be_withdrawn(outside: Outside) -> None:
    complaint, order = await outside.submit()
    agent = outside.caller("agent")
    shown = await agent.get("intake", f"/v1/complaints/{complaint}")
    assert (shown.status_code, shown.json()["status"]) == (200, "received")
    assert shown.headers["etag"] == f'"{shown.json()["version"]}"'
    withdrawn = await agent.post("intake", f"/v1/complaints/{complaint}/withdraw", {"text": "solved"})
    assert withdrawn.status_code == 200
    await outside.when(order, lambda found: found["status"] == "cancelled")
    await outside.complaint_is(complaint, "withdrawn")


async def test_only_those_who_speak_for_complainants_submit(outside: Outside) -> None:
    body = await outside.complaint()
    for role in ("handler", "auditor", "reviewer"):
        assert code_of(await outside.caller(role).post("intake", "/v1/complaints", body)) == (403, "forbidden")


async def test_customers_are_put_and_read(outside: Outside) -> None:
    profile = {"name": "赵六", "phone": "13600000000", "tier": "platinum", "region": "js/wuxi", "language": "zh"}
    agent = outside.caller("agent")
    assert (await agent.send("PUT", "intake", "/v1/customers/c-http", profile)).status_code in (200, 201)
    assert (await agent.get("intake", "/v1/customers/c-http")).json() | {"id": "c-http", **profile} == (
        await agent.get("intake", "/v1/customers/c-http")
    ).json()
    assert code_of(await agent.get("intake", "/v1/customers/c-nobody")) == (404, "not_found")
    answer = await agent.post("intake", "/v1/complaints", await outside.complaint(customer={"id": "c-http"}))
    assert (answer.json()["tier"], answer.json()["region"]) == ("platinum", "js/wuxi")


async def test_a_version_seen_is_asked_for_by_header_or_body(outside: Outside) -> None:
    order = await outside.settled()
    handler = outside.caller("handler")
    accepted = await handler.act(order, "accept")
    version = accepted.json()["version"]
    assert accepted.headers["etag"] == f'"{version}"'
    shown = await handler.get("workflow", f"/v1/work-orders/{order}")
    assert shown.json()["version"] == version
    stale = version - 1
    assert code_of(await handler.act(order, "respond", {"text": "x"}, If_Match=f'"{stale}"')) == (
        412,
        "stale_version",
    )
    in_body = {"text": "x", "expected_version": stale}
    assert code_of(await handler.act(order, "respond", in_body)) == (412, "stale_version")
    done = await handler.act(order, "respond", {"text": "x"}, If_Match=f'"{version}"')
    assert (done.status_code, done.json()["version"]) == (200, version + 1)
    assert (await handler.act(order, "respond", {"text": "x", "expected_version": version + 1})).status_code == 200
    assert (await handler.act(order, "respond", {"text": "x"}, If_Match="*")).status_code == 200


async def test_of_many_who_accept_at_once_one_wins(outside: Outside) -> None:
    _, order = await outside.submit()
    people = [outside.caller("handler", sub=f"racer-{n}") for n in range(8)]
    answers = await asyncio.gather(*(person.act(order, "accept") for person in people))
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 7]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"already_accepted"}


async def test_a_command_id_in_the_body_is_a_key(outside: Outside) -> None:
    _, order = await outside.submit()
    handler = outside.caller("handler")
    body: dict[str, Any] = {"command_id": uuid4().hex}
    first = await handler.act(order, "accept", body)
    again = await handler.act(order, "accept", body)
    assert (again.status_code, again.headers["etag"]) == (200, first.headers["etag"])


async def test_administration_asks_for_the_version(outside: Outside) -> None:
    admin, path = outside.caller("admin"), "/v1/admin/teams/http-team"
    team = {"name": "HTTP", "regions": ["js"]}
    assert code_of(await outside.caller("leader").send("PUT", "workflow", path, team)) == (403, "forbidden")
    made = await admin.send("PUT", "workflow", path, team)
    assert made.status_code == 201
    assert code_of(await admin.send("PUT", "workflow", path, team)) == (428, "precondition_required")
    assert code_of(await admin.send("PUT", "workflow", path, team, If_Match='"7"')) == (412, "stale_version")
    changed = await admin.send("PUT", "workflow", path, {**team, "name": "H"}, If_Match=made.headers["etag"])
    assert changed.status_code == 200
