"""Lists of orders on a real MongoDB: scope, filters, order, pages, and the clocks beside."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.events.catalogue import wire_type
from shared.events.complaints import Customer
from shared.events.parts import ClockChange, VersionedRef
from shared.events.sla import ClocksChanged
from shared.runtime.http.requests import encode_cursor
from tests.integration.workflow_installation import Installation


async def test_lists_filter_sort_and_page(workflow: Installation) -> None:
    regions = ("jiangsu/nanjing", "jiangsu/suzhou", "jiangsux", "jiangsu/wuxi")
    orders = [
        await workflow.complain(
            f"list-{n}",
            customer=Customer(id=f"lister-{n}", region=region, tier="gold"),
            category="lists/all" if n else "lists",
            subject=f"$100 (list) {n}",
            priority=f"P{n + 1}",
        )
        for n, region in enumerate(regions)
    ]

    async def listed(query: str, **scope: Any) -> list[str]:
        found: list[str] = []
        cursor = ""
        async with workflow.client("leader", **scope) as client:
            while True:
                answer = await client.get(f"/v1/work-orders?{query}{cursor}")
                assert answer.status_code == 200, answer.text
                found += [item["id"] for item in answer.json()["items"]]
                if answer.json()["next_cursor"] is None:
                    return found
                cursor = f"&cursor={answer.json()['next_cursor']}"

    assert await listed("category=lists&sort=priority&limit=1") == orders
    assert await listed("category=lists&sort=-priority&limit=3") == orders[::-1]
    assert await listed("category=lists/all&sort=priority") == orders[1:]
    assert await listed("category=lists&region=jiangsu&sort=priority") == [orders[0], orders[1], orders[3]]
    assert await listed("category=lists&sort=priority", regions=("jiangsu",)) == [orders[0], orders[1], orders[3]]
    assert await listed("category=lists", teams=("billing",)) == []
    assert await listed("category=lists", regions=()) == []
    assert await listed("q=%24100%20(LIST)%202") == [orders[2]]
    assert await listed("category=lists&priority=P1,P4&sort=priority") == [orders[0], orders[3]]
    assert await listed("category=lists&status=closed,cancelled") == []
    assert set(await listed("category=lists&tier=gold&team=default&status=assigned&limit=2")) == set(orders)
    made_up: list[tuple[str, Any, str]] = [
        ("-created_at", datetime(1, 1, 1, tzinfo=UTC), "x"),
        ("-created_at", 7, "x"),
        ("priority", "P1", "x"),
    ]
    forged = [f"cursor={encode_cursor(values)}" for values in made_up]
    for bad in (
        *forged,
        "status=lost",
        "sort=shoe_size",
        "limit=0",
        "cursor=abc",
        "q=%00",
        "category=a%00",
        "due_before=2026-01-01T00:00:00",
    ):
        answer = await workflow.call("leader", "GET", f"/v1/work-orders?{bad}")
        assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid"), bad


async def test_clocks_stand_beside_their_order_and_can_be_filtered_by(workflow: Installation) -> None:
    orders = [await workflow.complain(f"clocks-{n}", category="clocked") for n in range(3)]
    now = workflow.service.clock.now()
    policy = VersionedRef("p", 1)
    for n, order in enumerate(orders):
        clock = ClockChange(
            id=str(n),
            kind="resolve",
            state="running",
            budget_seconds=3600,
            unit="natural",
            started_at=now,
            due_at=now + timedelta(hours=n - 1) if n != 1 else now + timedelta(hours=1),
            elapsed_seconds=0,
            policy=policy,
            calendar=policy,
            change="started",
            number=1,
            cycle=1,
        )
        event = ClocksChanged(work_order_id=order, cycle=1, clocks=(clock,), region="jiangsu")
        await workflow.publish("sla", wire_type(ClocksChanged), event, subject="clk")
    for order in orders:
        await workflow.until(order, lambda seen: bool(seen["clocks"]))
    shown = (await workflow.until(orders[0], lambda seen: True))["clocks"][0]
    assert shown["breached"]
    assert shown["remaining_seconds"] + shown["elapsed_seconds"] == 3600

    async def listed(query: str) -> set[str]:
        answer = await workflow.call("leader", "GET", f"/v1/work-orders?category=clocked&{query}")
        assert answer.json()["next_cursor"] is None
        return {item["id"] for item in answer.json()["items"]}

    soon = (now + timedelta(minutes=30)).isoformat().replace("+", "%2B")
    assert await listed("breached=true") == {orders[0]}
    assert await listed("breached=false") == set(orders[1:])
    assert await listed(f"due_before={soon}") == {orders[0]}
