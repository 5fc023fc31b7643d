"""Workflow on real Kafka and MongoDB: complaints and commands come by topics, people by HTTP."""

import asyncio
import json
from typing import Any

from shared.events.complaints import Customer
from tests.integration.workflow_installation import (
    Installation,
    next_event,
    replies_of,
    streaming,
    until_known,
)

RESOLUTION = {"root_cause": "cable", "measures": "mended", "remedy": {"kind": "repair"}, "reply_text": "It works."}


async def test_an_order_comes_back_closed(workflow: Installation) -> None:
    order = await workflow.complain("loop", acknowledged=True)
    created = await workflow.until(order, lambda seen: seen["status"] == "assigned")
    assert (created["team"], created["flags"], created["version"]) == ("default", ["acknowledged"], 1)
    assert created["route"]["rule"] == "catch-all"
    for role, action, arguments in (
        ("handler", "accept", {}),
        ("handler", "respond", {"text": "We look into it."}),
        ("handler", "submit_resolution", RESOLUTION),
        ("reviewer", "approve", {}),
        ("agent", "communicate_decision", {"by": "agent"}),
        ("callback", "record_callback", {"outcome": "satisfied", "scores": {"speed": 5}}),
    ):
        answer = await workflow.act(role, order, action, **arguments)
        assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "closed"
    assert answer.headers["etag"] == '"7"'
    timeline = (await workflow.call("auditor", "GET", f"/v1/work-orders/{order}/timeline")).json()
    assert [item["status"] for item in timeline["items"]] == [
        *("assigned", "in_progress", "in_progress", "pending_review", "pending_callback", "pending_callback"),
        "closed",
    ]
    assert [event["type"] for event in timeline["items"][-1]["events"]] == [
        "closedloop.workorder.callback_completed.v1",
        "closedloop.workorder.closed.v1",
    ]
    assert timeline["items"][1]["actor"]["id"] == "dev-handler"
    assert timeline["items"][1]["events"][0]["change"]["assignee"] == "dev-handler"


async def test_the_timeline_comes_in_pages(workflow: Installation) -> None:
    order = await workflow.complain("pages")
    await workflow.act("handler", order, "accept")
    first = (await workflow.call("auditor", "GET", f"/v1/work-orders/{order}/timeline?limit=1")).json()
    path = f"/v1/work-orders/{order}/timeline?limit=1&cursor={first['next_cursor']}"
    second = (await workflow.call("auditor", "GET", path)).json()
    assert [item["version"] for item in first["items"] + second["items"]] == [1, 2]
    assert second["next_cursor"] is None


async def test_refusals_come_in_the_contracts_order(workflow: Installation) -> None:
    order = await workflow.complain("refusals")
    accept = f"/v1/work-orders/{order}/actions/accept"
    nowhere = f"/v1/work-orders/wo_{'0' * 32}/actions/accept"

    async def refused(role: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        answer = await workflow.call(role, "POST", path, body, **headers)
        return answer.status_code, answer.json()["code"]

    assert await refused("agent", nowhere, {}) == (404, "not_found")
    assert await refused("handler", accept.replace("accept", "abolish"), {}) == (404, "not_found")
    assert await refused("agent", accept, {"occurred_at": "bad"}, if_match='"9"') == (403, "forbidden")
    assert await refused("admin", accept, {}) == (403, "forbidden")
    assert await refused("handler", accept, {"occurred_at": "bad"}, if_match='"9"') == (412, "stale_version")
    assert await refused("handler", accept, {"occurred_at": "2026-03-02T09:00:00"}) == (422, "request_invalid")
    assert await refused("handler", accept, {"expected_version": 9}) == (412, "stale_version")
    assert await refused("handler", accept, {"occurred_at": "2020-01-01T00:00:00Z"}) == (
        422,
        "occurred_at_out_of_bounds",
    )
    assert await refused("handler", accept.replace("accept", "respond"), {"text": "x"}) == (422, "wrong_status")
    assert await refused("leader", accept.replace("accept", "merge"), {}) == (422, "not_yet_supported")
    async with workflow.client("handler", teams=("billing",)) as client:
        assert (await client.post(accept, json={})).status_code == 404
        assert (await client.get(f"/v1/work-orders/{order}")).status_code == 404
        assert (await client.get(f"/v1/work-orders/{order}/timeline")).status_code == 404


async def test_a_repeated_request_is_answered_as_before(workflow: Installation) -> None:
    order = await workflow.complain("repeat")
    path = f"/v1/work-orders/{order}/actions/accept"
    first = await workflow.call("handler", "POST", path, {}, idempotency_key="k1")
    again = await workflow.call("handler", "POST", path, {}, idempotency_key="k1")
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["version"] == again.json()["version"] == 2
    other = await workflow.call("handler", "POST", path, {"note": "x"}, idempotency_key="k1")
    assert other.json()["code"] == "idempotency_key_reused"
    taken = await workflow.call("leader", "POST", path, {})
    assert (taken.status_code, taken.json()["code"]) == (409, "already_accepted")


async def test_of_many_who_accept_at_once_one_wins_and_the_others_are_told(workflow: Installation) -> None:
    order = await workflow.complain("race")
    answers = await asyncio.gather(*(workflow.act(role, order, "accept") for role in ("handler", "leader") * 5))
    codes = sorted((answer.status_code, answer.json().get("code")) for answer in answers if answer.status_code != 200)
    assert codes == [(409, "already_accepted")] * 9
    assert (await workflow.until(order, lambda seen: True))["version"] == 2


async def test_what_a_caller_may_do_is_told_with_the_reasons(workflow: Installation) -> None:
    order = await workflow.complain("actions")
    listed = (await workflow.call("handler", "GET", f"/v1/work-orders/{order}/actions")).json()["items"]
    by_name = {item["action"]: item for item in listed}
    assert by_name["accept"]["allowed"]
    assert by_name["respond"] | {"arguments": 0, "detail": 0} == {
        "action": "respond",
        "allowed": False,
        "code": "wrong_status",
        "roles": ["handler"],
        "arguments": 0,
        "detail": 0,
    }
    assert by_name["dispatch"]["code"] == "forbidden"
    assert by_name["merge"]["code"] == "not_yet_supported"
    assert "text" in by_name["respond"]["arguments"]["required"]


async def test_commands_come_by_the_inbox_and_are_answered(workflow: Installation, kafka_bootstrap: str) -> None:
    put = await workflow.call("admin", "PUT", "/v1/admin/sources//oa/7", {"actions": ["accept"]})
    assert put.status_code == 201, put.text
    workflow.service.clock.advance(61)
    order = await workflow.complain("inbox")

    async def send(command_id: str, action: str, **arguments: Any) -> None:
        data = {"command_id": command_id, "work_order_id": order, "action": action}
        actor = {"kind": "agent", "id": "wang"}
        await workflow.publish(
            "workorders.inbox",
            "closedloop.workorder.command.v1",
            {**data, "actor": actor, **arguments},
            source="/oa/7",
        )

    await until_known(workflow, "/oa/7")
    await send("c-1", "accept")
    await send("c-1", "accept")
    await send("c-2", "accept")
    await send("c-3", "cancel", reason="x")
    replies = await replies_of(workflow, kafka_bootstrap, {"c-1", "c-2", "c-3"})
    assert {name: reply.get("code") for name, reply in replies.items()} == {
        "c-1": None,
        "c-2": "already_accepted",
        "c-3": "forbidden",
    }
    seen = await workflow.until(order, lambda seen: seen["status"] == "in_progress")
    assert seen["assignee"] == "wang"


async def test_administrators_write_the_directory_and_everybody_reads_it(workflow: Installation) -> None:
    path = "/v1/admin/teams/network"
    body = {"name": "Network", "regions": ["jiangsu"], "leader_id": "lena"}
    assert (await workflow.call("leader", "PUT", path, body)).status_code == 403
    assert (await workflow.call("auditor", "GET", path)).status_code == 404
    made = await workflow.call("admin", "PUT", path, body, if_none_match="*", idempotency_key="make")
    assert (made.status_code, made.headers["etag"]) == (201, '"1"')
    assert (await workflow.call("admin", "PUT", path, body, idempotency_key="make")).headers["etag"] == '"1"'
    assert (await workflow.call("admin", "PUT", path, body)).status_code == 428
    assert (await workflow.call("admin", "PUT", path, body, if_match='"3"')).status_code == 412
    changed = await workflow.call("admin", "PUT", path, {**body, "regions": ["jiangsu", "anhui"]}, if_match='"1"')
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert (await workflow.call("auditor", "GET", path)).json()["regions"] == ["jiangsu", "anhui"]
    taken = await workflow.call("admin", "PUT", "/v1/admin/routes/network", {"team": "network"}, if_match='"2"')
    assert (taken.status_code, taken.json()["code"]) == (409, "id_taken")
    assert (await workflow.call("admin", "PUT", "/v1/admin/teams/x", {"name": ""})).status_code == 422
    teams = (await workflow.call("handler", "GET", "/v1/teams")).json()["items"]
    assert "default" in {team["id"] for team in teams}
    assert (await workflow.call("handler", "GET", "/v1/routing")).json()["items"][-1]["id"] == "catch-all"


async def test_the_stream_shows_what_the_caller_may_see_and_goes_on_where_it_stopped(workflow: Installation) -> None:
    async with streaming(workflow) as (lines, first):
        order = await workflow.complain("streamed")
        seen = await next_event(lines, order)
        assert seen["event"] == "closedloop.workorder.created.v1"
        assert json.loads(seen["data"])["data"]["work_order"]["id"] == order
    await workflow.act("handler", order, "accept")
    async with streaming(workflow, last_event_id=seen["id"]) as (lines, _):
        missed = [(await next_event(lines, order))["event"].split(".")[2] for _ in range(2)]
        assert missed == ["dispatched", "accepted"]
    async with streaming(workflow, last_event_id=first, regions=("elsewhere",)) as (lines, _):
        other = await workflow.complain("elsewhere", customer=Customer(id="c", region="elsewhere"))
        assert (await next_event(lines))["data"].find(other) > 0


async def test_the_document_of_the_routes_is_complete(workflow: Installation) -> None:
    document = (await workflow.call("leader", "GET", "/openapi.json")).json()
    assert {"/v1/work-orders", "/v1/work-orders/{order_id}/actions/{action}", "/v1/stream"} <= document[
        "paths"
    ].keys()
    parameters = {parameter["name"] for parameter in document["paths"]["/v1/work-orders"]["get"]["parameters"]}
    assert {"status", "due_before", "q", "sort", "limit", "cursor"} <= parameters


async def test_a_place_that_no_stream_gave_out_is_refused(workflow: Installation) -> None:
    answer = await workflow.call("leader", "GET", "/v1/stream", last_event_id="yesterday")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
