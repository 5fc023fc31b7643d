"""What people read: the clocks of an order as of now, policies and calendars."""

from pathlib import Path

import pytest

from services.escalation.coverage_watch import uncovered_orders
from tests.unit.escalation.memory_service import MemoryContext
from tests.unit.escalation.story import ORDER, Story, an_order, instant

CLOCKS = f"/v1/work-orders/{ORDER}/clocks"


@pytest.fixture
def context(tmp_path: Path) -> MemoryContext:
    story = Story().created().dispatched("2026-03-02T09:10:00+08:00").timers_until("2026-03-02T11:10:01+08:00")
    return MemoryContext(story, tmp_path)


async def test_clocks_are_shown_as_of_now(context: MemoryContext) -> None:
    context.clock.set(instant("2026-03-02T11:40:00+08:00"))
    async with context.client() as client:
        answer = await client.get(CLOCKS)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["next_cursor"] is None
    accept = next(item for item in body["items"] if item["kind"] == "accept")
    expected = {
        "id": f"{ORDER}/6",
        "state": "running",
        "budget_seconds": 7200,
        "elapsed_seconds": 9000,
        "remaining_seconds": -1800,
        "due_at": "2026-03-02T03:10:00Z",
        "as_of": "2026-03-02T03:40:00Z",
        "breached": True,
        "breached_at": "2026-03-02T03:10:00Z",
        "policy": {"id": "default", "version": 1},
        "matched": {},
    }
    assert {name: accept[name] for name in expected} == expected
    assert [rung["status"] for rung in accept["rungs"]] == ["fired"] * 4
    assert accept["rungs"][3]["key"] == f"{ORDER}/6/breach/0/1"


async def test_a_stopped_clock_stands_still(context: MemoryContext) -> None:
    context.clock.set(instant("2026-03-09T11:40:00+08:00"))
    async with context.client() as client:
        items = (await client.get(CLOCKS)).json()["items"]
    dispatch = next(item for item in items if item["kind"] == "dispatch")
    assert (dispatch["state"], dispatch["elapsed_seconds"], dispatch["breached"]) == ("stopped", 600, False)


@pytest.mark.parametrize(
    ("roles", "teams", "regions", "status"),
    [
        (("handler",), ["core"], ["jiangsu"], 200),
        (("handler",), ["core"], ["jiangsu/suzhou"], 200),
        (("handler",), ["*"], ["*"], 200),
        (("handler",), ["edge"], ["jiangsu"], 404),
        (("handler",), ["core"], ["anhui"], 404),
        (("handler",), ["core"], ["jiang"], 404),
        (("auditor",), [], [], 200),
        (("admin",), [], [], 200),
    ],
)
async def test_only_callers_in_scope_see_an_orders_clocks(
    context: MemoryContext, roles: tuple[str, ...], teams: list[str], regions: list[str], status: int
) -> None:
    async with context.client(*roles, teams=teams, regions=regions) as client:
        assert (await client.get(CLOCKS)).status_code == status


@pytest.mark.parametrize(
    "order_id", ["wo_ffffffffffffffffffffffffffffffff", "0123456789abcdef0123456789abcdef", "wo_"]
)
async def test_an_unknown_order_is_not_found(context: MemoryContext, order_id: str) -> None:
    async with context.client() as client:
        answer = await client.get(f"/v1/work-orders/{order_id}/clocks")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_policies_and_calendars_are_shown_with_their_versions(context: MemoryContext) -> None:
    await context.seeded()
    async with context.client() as client:
        policies = (await client.get("/v1/policies")).json()["items"]
        calendars = (await client.get("/v1/calendars")).json()["items"]
    assert [(one["id"], one["version"]) for one in policies] == [("default", 1), ("statutory", 1)]
    assert policies[0]["clocks"]["accept"] == {
        "budget": "2h",
        "unit": "natural",
        "ladder": "accept",
        "roll_to_working_day": False,
        "counts_review": False,
    }
    assert policies[0]["effective_at"] == "2024-12-31T16:00:00Z"
    assert [(one["id"], one["complete_until"]) for one in calendars] == [("default", "2026-12-31")]


async def test_orders_without_a_due_for_lack_of_a_calendar_are_listed(tmp_path: Path) -> None:
    last_day = "2026-12-31T17:50:00+08:00"
    story = Story(an_order(received_at=instant(last_day)), now=instant(last_day)).created()
    context = MemoryContext(story, tmp_path)
    assert await uncovered_orders(context) == [ORDER]
    async with context.client() as client, context.client(regions=["anhui"]) as elsewhere:
        [listed] = (await client.get("/v1/clocks/uncovered")).json()["items"]
        assert (await elsewhere.get("/v1/clocks/uncovered")).json()["items"] == []
    assert listed["work_order_id"] == ORDER
    assert {clock["kind"] for clock in listed["clocks"]} == {"dispatch"}
    story.dispatched("2027-01-04T09:00:00+08:00")
    assert await uncovered_orders(context) == []
