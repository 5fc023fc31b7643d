"""Lists: their shape, limits, cursors, filters and order."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.callers import rfc3339
from tests.e2e.outside import Outside
from tests.e2e.test_contract_http import code_of

ORDER = {
    *(
        "id",
        "complaint_id",
        "version",
        "status",
        "cycle",
        "subject",
        "category",
        "priority",
        "tier",
        "region",
        "team",
    ),
    *("assignee", "created_at", "updated_at", "escalation_level", "flags", "counts", "clocks"),
}
CLOCK = {"kind", "state", "due_at", "elapsed_seconds", "remaining_seconds", "as_of", "breached"}
LISTS = [
    *(("workflow", "/v1/work-orders"), ("workflow", "/v1/teams"), ("workflow", "/v1/routing")),
    *(("intake", "/v1/complaints"), ("escalation", "/v1/policies"), ("escalation", "/v1/calendars")),
    *(("notifier", "/v1/notifications"), ("notifier", "/v1/templates"), ("notifier", "/v1/subscriptions")),
    *(("workflow", "/v1/work-orders/{order}/timeline"), ("escalation", "/v1/work-orders/{order}/clocks")),
]


async def some_orders(outside: Outside, number: int = 5, **changed: Any) -> tuple[str, list[str]]:
    """Orders with a customer of their own, by which they are found; the eldest first."""
    customer = f"c-{uuid4().hex[:8]}"
    orders = []
    for _ in range(number):
        _, order = await outside.submit(**{**changed, "customer": {"id": customer, **changed.get("customer", {})}})
        orders.append(order)
        await outside.later(seconds=1)
    return customer, orders


@pytest.mark.parametrize(("service", "path"), LISTS)
async def test_every_list_has_items_a_cursor_and_a_limit(outside: Outside, service: str, path: str) -> None:
    if "{order}" in path:
        order = await outside.settled()
        path = path.format(order=order)
    admin = outside.caller("admin")
    whole = (await admin.get(service, path)).json()
    assert set(whole) == {"items", "next_cursor"}
    for limit in ("0", "201", "many"):
        assert code_of(await admin.get(service, path, limit=limit)) == (422, "request_invalid")
    assert code_of(await admin.get(service, path, cursor="made up")) == (422, "request_invalid")
    first = (await admin.get(service, path, limit=1)).json()
    assert len(first["items"]) == min(1, len(whole["items"]))
    assert (first["next_cursor"] is not None) == (len(whole["items"]) > 1)
    if first["next_cursor"]:
        second = (await admin.get(service, path, limit=1, cursor=first["next_cursor"])).json()
        assert second["items"][0] == whole["items"][1]


async def test_fifty_are_listed_unless_told(outside: Outside) -> None:
    body = {"customer": {"id": "c-fifty"}}
    agent, said = outside.caller("agent"), [await outside.complaint(**body) for _ in range(51)]
    await asyncio.gather(*(agent.post("intake", "/v1/complaints", complaint) for complaint in said))
    page = (await outside.caller("agent").get("intake", "/v1/complaints", customer_id="c-fifty")).json()
    assert len(page["items"]) == 50
    assert page["next_cursor"]


async def test_an_order_has_the_same_full_shape_in_list_and_alone(outside: Outside) -> None:
    order = await outside.settled(customer={"id": "c-shape"})
    (listed,) = await outside.caller("auditor").list("workflow", "/v1/work-orders", q="c-shape")
    alone = await outside.caller("auditor").order(order)
    assert listed == alone
    assert set(alone) >= ORDER
    for clock in alone["clocks"]:
        assert set(clock) >= CLOCK
        assert isinstance(clock["breached"], bool)


async def test_a_walk_over_pages_sees_every_order_once(outside: Outside) -> None:
    customer, orders = await some_orders(outside)
    for sort in ("created_at", "-created_at", "priority", "-updated_at", "received_at"):
        seen, cursor = [], None
        while True:
            query: dict[str, Any] = {"q": customer, "sort": sort, "limit": 2}
            if cursor:
                query["cursor"] = cursor
            page = (await outside.caller("auditor").get("workflow", "/v1/work-orders", **query)).json()
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert sorted(seen) == sorted(orders), sort
        if sort.lstrip("-") == "created_at":
            assert seen == (orders if sort == "created_at" else orders[::-1])


async def test_filters_narrow_the_list(outside: Outside) -> None:
    customer, (mine, done) = await some_orders(
        outside, 2, category="network/broadband", customer={"tier": "gold", "region": "js/nanjing"}
    )
    await outside.handle(done, "record_callback")
    auditor = outside.caller("auditor")

    async def found(**query: Any) -> set[str]:
        return {item["id"] for item in await auditor.list("workflow", "/v1/work-orders", q=customer, **query)}

    assert await found() == {mine, done}  # every status, unless asked otherwise
    assert await found(status="assigned") == {mine}
    assert await found(status="closed") == {done}
    assert await found(status="assigned,closed") == {mine, done}
    assert await found(team="default") == {mine, done}
    assert await found(team="other") == set()
    assert await found(assignee="dev-handler") == {done}
    assert await found(priority="P3") == {mine, done}
    assert await found(priority="P1") == set()
    assert await found(tier="gold") == {mine, done}
    assert await found(tier="silver") == set()
    assert await found(category="network") == {mine, done}
    assert await found(category="net") == set()
    assert await found(region="js") == {mine, done}
    assert await found(region="js/nanjing/xuanwu") == set()
    assert await found(breached="false") == {mine, done}
    assert await found(breached="true") == set()
    await outside.when(mine, lambda order: any(clock["kind"] == "accept" for clock in order["clocks"]))
    now = await outside.now()
    assert await found(due_before=rfc3339(now + timedelta(hours=3))) == {mine}
    assert await found(due_before=rfc3339(now + timedelta(minutes=5))) == set()


@pytest.mark.parametrize(
    "query",
    [
        *({"status": "sleeping"}, {"sort": "beauty"}, {"due_before": "soon"}, {"breached": "perhaps"}),
        {"due_before": "2026-01-01T00:00:00"},
    ],
)
async def test_filters_that_make_no_sense_are_refused(outside: Outside, query: dict[str, str]) -> None:
    answer = await outside.caller("auditor").get("workflow", "/v1/work-orders", **query)
    assert code_of(answer) == (422, "request_invalid")
    assert answer.json()["errors"][0]["pointer"] == f"/{next(iter(query))}"


async def test_a_timeline_tells_every_step_with_actor_and_cause(outside: Outside) -> None:
    _, order = await outside.submit()
    await outside.handle(order, "record_callback")
    items = await outside.caller("auditor").list("workflow", f"/v1/work-orders/{order}/timeline")
    assert [item["version"] for item in items] == list(range(1, len(items) + 1))
    told = [(event["type"], item["actor"]["id"]) for item in items for event in item["events"]]
    assert ("closedloop.workorder.accepted.v1", "dev-handler") in told
    assert ("closedloop.workorder.review_approved.v1", "dev-reviewer") in told
    for item in items:
        assert set(item["cause"]) == {"source", "id"}
        assert item["at"]
