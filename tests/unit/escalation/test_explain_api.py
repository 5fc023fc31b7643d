"""The route: who may ask, for which clock, in which form and language."""

from pathlib import Path

import pytest

from tests.unit.escalation.memory_service import MemoryContext
from tests.unit.escalation.story import ORDER, Story, instant

CLOCKS = f"/v1/work-orders/{ORDER}/clocks"


@pytest.fixture
def context(tmp_path: Path) -> MemoryContext:
    story = Story().created().dispatched("2026-03-02T09:10:00+08:00").recalled("2026-03-02T09:40:00+08:00")
    context = MemoryContext(story.dispatched("2026-03-02T09:50:00+08:00"), tmp_path)
    context.clock.set(instant("2026-03-02T10:20:00+08:00"))
    return context


async def test_the_newest_clock_of_the_kind_is_explained(context: MemoryContext) -> None:
    async with context.client() as client:
        answer = await client.get(f"{CLOCKS}/accept/explain")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    body = answer.json()
    expected = {
        "work_order_id": ORDER,
        "kind": "accept",
        "state": "running",
        "as_of": "2026-03-02T02:20:00Z",
        "elapsed_seconds": 1800,
        "remaining_seconds": 5400,
        "sum_is_exact": True,
        "due_at": "2026-03-02T03:50:00Z",
    }
    assert {name: body[name] for name in expected} == expected
    assert body["clock_id"] == context.story.clock("accept").id
    assert body["intervals"][0]["began"]["event"] == "workorder.dispatched"
    assert body["text"][0].startswith("时限解释：接单时限")
    assert answer.headers["content-language"] == "zh"


async def test_an_earlier_clock_is_asked_for_by_its_number(context: MemoryContext) -> None:
    number = context.story.clock("accept", 0).number
    async with context.client() as client:
        body = (await client.get(f"{CLOCKS}/accept/explain", params={"number": number})).json()
    assert (body["number"], body["state"], body["elapsed_seconds"]) == (number, "stopped", 1800)


@pytest.mark.parametrize(
    ("query", "header", "language", "first"),
    [
        ({}, "en", "en", "accept (clock"),
        ({"language": "zh"}, "en", "zh", "时限解释"),
        ({"language": "en"}, "zh-CN", "en", "accept (clock"),
    ],
)
async def test_the_language_is_the_callers(
    context: MemoryContext, query: dict[str, str], header: str, language: str, first: str
) -> None:
    async with context.client() as client:
        answer = await client.get(f"{CLOCKS}/accept/explain", params=query, headers={"Accept-Language": header})
    assert answer.headers["content-language"] == language
    assert answer.json()["text"][0].startswith(first)


@pytest.mark.parametrize(
    ("query", "accept", "media", "begins"),
    [
        ({"format": "svg"}, "*/*", "image/svg+xml", "<svg"),
        ({}, "image/svg+xml", "image/svg+xml", "<svg"),
        ({}, "text/plain;q=0.9, */*", "text/plain", "时限解释"),
        ({"format": "json"}, "text/plain", "application/json", "{"),
    ],
)
async def test_the_form_is_the_one_asked_for(
    context: MemoryContext, query: dict[str, str], accept: str, media: str, begins: str
) -> None:
    async with context.client() as client:
        answer = await client.get(f"{CLOCKS}/accept/explain", params=query, headers={"Accept": accept})
    assert answer.headers["content-type"].partition(";")[0] == media
    assert answer.headers["vary"] == "Accept, Accept-Language"
    assert answer.text.startswith(begins)


async def test_a_picture_may_run_nothing(context: MemoryContext) -> None:
    async with context.client() as client:
        answer = await client.get(f"{CLOCKS}/accept/explain", params={"format": "svg"})
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{CLOCKS}/cooperation/explain", 404, "not_found"),
        (f"{CLOCKS}/nonsense/explain", 404, "not_found"),
        (f"{CLOCKS}/accept/explain?number=1", 404, "not_found"),
        ("/v1/work-orders/wo_ffffffffffffffffffffffffffffffff/clocks/accept/explain", 404, "not_found"),
        (f"{CLOCKS}/accept/explain?number=0", 422, "request_invalid"),
        (f"{CLOCKS}/accept/explain?language=fr", 422, "request_invalid"),
        (f"{CLOCKS}/accept/explain?format=pdf", 422, "request_invalid"),
    ],
)
async def test_what_is_not_there_or_not_known_is_refused(
    context: MemoryContext, path: str, status: int, code: str
) -> None:
    async with context.client() as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("teams", "regions", "status"),
    [(["core"], ["jiangsu"], 200), (["edge"], ["jiangsu"], 404), (["core"], ["hunan"], 404)],
)
async def test_an_order_out_of_scope_is_not_there(
    context: MemoryContext, teams: list[str], regions: list[str], status: int
) -> None:
    async with context.client(teams=teams, regions=regions) as client:
        assert (await client.get(f"{CLOCKS}/accept/explain")).status_code == status
