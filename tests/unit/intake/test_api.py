"""Complaints over HTTP."""

from typing import Any

import httpx
import pytest

from services.intake.domain import COMPLAINT
from services.intake.domain.commands import Mirror
from shared.events import complaints
from shared.kernel.aggregate import Cause
from shared.kernel.ids import complaint_id
from shared.runtime.http.requests import encode_cursor
from tests.unit.intake.complaints import a_source, a_submission, registered
from tests.unit.intake.conftest import Call
from tests.unit.intake.memory import MemoryContext


async def submit(client: httpx.AsyncClient, key: str | None = "k-1", **changes: Any) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    changes.setdefault("external_id", None)
    return await client.post("/v1/complaints", json=a_submission(**changes), headers=headers)


def problem(answer: httpx.Response) -> tuple[int, str, list[str]]:
    body = answer.json()
    return answer.status_code, body["code"], [error["pointer"] for error in body["errors"]]


async def test_a_complaint_is_created_and_found_where_the_answer_says(caller: Call) -> None:
    anna = caller("agent")

    created = await submit(anna, channel="phone", category="billing/fee")
    found = await anna.get(created.headers["location"])

    assert created.status_code == 201
    assert created.json()["id"] == complaint_id("anna", "k-1")
    assert created.json()["status"] == "acknowledged"
    assert (found.status_code, found.headers["etag"], found.json()) == (200, '"1"', created.json())


async def test_the_same_request_again_is_answered_with_the_first_answer(caller: Call) -> None:
    anna = caller("agent")
    first = await submit(anna)

    again = await submit(anna)

    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["location"] == first.headers["location"]


async def test_the_same_submission_under_another_key_is_the_same_complaint(caller: Call) -> None:
    anna = caller("agent")
    first = await submit(anna, "k-1", external_id="A-1")

    again = await submit(anna, "k-2", external_id="A-1")

    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])


async def test_a_key_stands_for_one_body(caller: Call) -> None:
    anna = caller("agent")
    await submit(anna)

    assert problem(await submit(anna, subject="something else"))[:2] == (422, "idempotency_key_reused")
    assert problem(await submit(anna, external_id="A-2"))[:2] == (422, "idempotency_key_reused")


async def test_a_number_stands_for_one_submission(caller: Call) -> None:
    anna = caller("agent")
    await submit(anna, "k-1", external_id="A-1")

    refused = await submit(anna, "k-2", external_id="A-1", subject="something else")

    assert problem(refused) == (409, "conflicting_duplicate", ["/external_id"])


@pytest.mark.parametrize("key", [None, "k" * 65])
async def test_without_a_number_or_a_key_to_take_its_place_nothing_is_created(caller: Call, key: str | None) -> None:
    assert problem(await submit(caller("agent"), key)) == (422, "request_invalid", ["/external_id"])


async def test_without_a_key_the_number_is_enough(caller: Call) -> None:
    assert (await submit(caller("agent"), None, external_id="A-1")).status_code == 201


@pytest.mark.parametrize("role", ["auditor", "admin", "handler", "callback"])
async def test_only_agents_and_systems_submit(caller: Call, role: str) -> None:
    assert problem(await submit(caller(role)))[:2] == (403, "forbidden")


async def test_a_registered_system_submits_and_sees_its_own(caller: Call, context: MemoryContext) -> None:
    app = caller(sub="app")
    assert problem(await submit(app))[:2] == (403, "forbidden")

    context.reference = registered(a_source("app", "complaint.submitted"))
    created = await submit(app, customer={"id": "c-7", "name": "张三"})
    others = await submit(caller("agent"))

    assert created.status_code == 201
    assert created.json()["customer"]["name"] == "***"
    assert (await app.get(created.headers["location"])).status_code == 200
    assert (await app.get(others.headers["location"])).status_code == 404
    assert [item["source"] for item in (await app.get("/v1/complaints")).json()["items"]] == ["app"]


async def test_faults_are_all_pointed_to_and_none_is_quoted(caller: Call) -> None:
    refused = await submit(caller("agent"), channel="pigeon", customer={"name": "张三"}, received_at="yesterday")

    assert problem(refused) == (422, "request_invalid", ["/channel", "/customer/id", "/received_at"])
    assert "张三" not in refused.text


async def test_the_customer_is_completed_from_the_replica(caller: Call) -> None:
    anna = caller("agent")
    profile = {"name": "张三", "phone": "138", "tier": "gold", "region": "js/nj", "language": "en"}
    assert (await anna.put("/v1/customers/c-7", json=profile)).status_code == 201

    created = (await submit(anna)).json()

    assert created["customer"] == {
        "id": "c-7", "name": "张三", "phone": "138", "email": None, "tier": "gold", "region": "js/nj"
    }  # fmt: skip
    assert created["language"] == "en"


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        (role, True)
        for role in ("handler", "leader", "callback", "dispatcher", "reviewer", "supervisor", "auditor", "admin")
    ]
    + [("system", False)],
)
async def test_personal_data_is_for_those_whose_work_needs_it(caller: Call, role: str, seen: bool) -> None:
    created = await submit(caller("agent"), customer={"id": "c-7", "name": "张三", "phone": "138"})

    shown = (await caller(role).get(created.headers["location"])).json()

    assert (shown["customer"]["name"], shown["customer"]["phone"]) == (("张三", "138") if seen else ("***", "***"))
    assert shown["customer"]["email"] is None


async def test_what_lies_outside_ones_regions_does_not_exist(caller: Call) -> None:
    created = await submit(caller("agent"), customer={"id": "c-7", "region": "js/nj"})
    path = created.headers["location"]
    here, there = caller("agent", sub="here", regions=("js",)), caller("agent", sub="there", regions=("zj", "js/n"))

    assert (await here.get(path)).status_code == 200
    assert problem(await there.get(path))[:2] == (404, "not_found")
    assert problem(await there.post(f"{path}/withdraw"))[:2] == (404, "not_found")
    assert [len((await client.get("/v1/complaints")).json()["items"]) for client in (here, there)] == [1, 0]
    assert (await caller("auditor", regions=()).get(path)).status_code == 200


async def test_nobody_submits_for_a_region_that_is_not_theirs(caller: Call) -> None:
    there = caller("agent", regions=("zj",))

    assert problem(await submit(there)) == (403, "forbidden", ["/customer/region"])
    assert (await submit(there, customer={"id": "c-7", "region": "zj"})).status_code == 201


async def test_withdrawing_asks_the_order_and_says_so(caller: Call) -> None:
    anna = caller("agent")
    path = (await submit(anna)).headers["location"]

    asked = await anna.post(f"{path}/withdraw", json={"text": "算了"}, headers={"If-Match": '"1"'})

    assert (asked.status_code, asked.headers["etag"]) == (200, '"2"')
    assert asked.json()["status"] == "received"
    assert asked.json()["withdrawal"] == {"text": "算了", "by": "complainant"}
    assert problem(await anna.post(f"{path}/withdraw", headers={"If-Match": '"1"'}))[:2] == (412, "stale_version")


async def test_withdrawing_is_refused_in_the_order_that_the_contract_gives(caller: Call) -> None:
    path = (await submit(caller("agent"))).headers["location"]
    handler = caller("handler")

    stale = {"If-Match": '"9"'}
    assert problem(await handler.post(f"{path}x/withdraw", json={"by": 1}, headers=stale))[0] == 404
    assert problem(await handler.post(f"{path}/withdraw", json={"by": 1}, headers=stale))[0] == 403
    assert problem(await caller("agent").post(f"{path}/withdraw", json={"by": 1}, headers=stale))[0] == 412
    assert problem(await caller("agent").post(f"{path}/withdraw", json={"by": 1})) == (
        422,
        "request_invalid",
        ["/by"],
    )


async def test_an_ended_complaint_cannot_be_withdrawn(caller: Call, context: MemoryContext) -> None:
    anna = caller("agent")
    created = (await submit(anna)).json()
    closing = Mirror(event=complaints.Closed(outcome="forced"))
    await context.execute(COMPLAINT, created["id"], closing, Cause("test", "1"))

    refused = await anna.post(f"/v1/complaints/{created['id']}/withdraw")

    assert problem(refused)[:2] == (422, "complaint_ended")
    assert refused.json()["detail"] == "the complaint is closed"


async def test_lists_are_filtered(caller: Call) -> None:
    anna, bert = caller("agent"), caller("agent", sub="bert")
    await submit(anna, "a", category="billing/fee", customer={"id": "c-1", "region": "js/nj"})
    await submit(anna, "b", category="billing", channel="phone", received_at="2026-11-22T12:00:00+08:00")
    await submit(bert, "c", category="billingx")

    async def keys(**asked: str) -> list[str]:
        answer = await anna.get("/v1/complaints", params=asked)
        assert answer.status_code == 200, answer.text
        return sorted(item["external_id"] for item in answer.json()["items"])

    assert await keys() == ["a", "b", "c"]
    assert await keys(status="acknowledged") == ["b"]
    assert await keys(status="acknowledged,received") == ["a", "b", "c"]
    assert await keys(source="anna") == ["a", "b"]
    assert await keys(category="billing") == ["a", "b"]
    assert await keys(region="js") == ["a"]
    assert await keys(customer_id="c-1") == ["a"]
    assert await keys(received_after="2026-11-23T00:00:00Z") == ["a", "c"]
    assert await keys(received_before="2026-11-23T00:00:00Z") == ["b"]
    assert await keys(channel="phone", source="bert") == []


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ("status=lost", "/status"),
        ("received_after=today", "/received_after"),
        ("limit=0", "/limit"),
        ("cursor=x", "/cursor"),
    ],
)
async def test_a_list_that_cannot_be_asked_for(caller: Call, asked: str, pointer: str) -> None:
    assert problem(await caller("agent").get(f"/v1/complaints?{asked}")) == (422, "request_invalid", [pointer])


async def test_pages_show_every_complaint_once_the_newest_first(caller: Call) -> None:
    anna = caller("agent")
    for minute in (1, 2, 2, 2, 3):
        number = f"{minute}-{len((await anna.get('/v1/complaints')).json()['items'])}"
        await submit(anna, number, received_at=f"2026-11-23T11:0{minute}:00+08:00")
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await anna.get("/v1/complaints", params=params)).json()
        assert len(page["items"]) <= 2
        seen += [item["external_id"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert len(seen) == len(set(seen)) == 5
    assert [number[0] for number in seen] == ["3", "2", "2", "2", "1"]


async def test_a_cursor_of_another_list_is_refused(caller: Call) -> None:
    answer = await caller("agent").get("/v1/complaints", params={"cursor": encode_cursor((1,))})

    assert problem(answer) == (422, "request_invalid", ["/cursor"])
