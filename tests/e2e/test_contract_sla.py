"""The SLA engine as its users meet it: pauses, new terms, promises, rules by API, explanations, reports, what-if."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.callers import eventually, rfc3339
from tests.e2e.outside import Outside
from tests.e2e.test_contract_http import code_of
from tests.e2e.test_contract_time import HOUR, at, clocks, due

WAITING = {"reason_code": "waiting_complainant"}


def policy(category: str, hours: int, **more: Any) -> dict[str, Any]:
    ladder = [{"key": "100%", "at_percent": 100, "audience": ["leader"]}]
    resolve = {"budget": f"{hours}h", "unit": "natural", "ladder": "resolve"}
    match = {"category": category, **more}
    return {
        "rank": 50,
        "match": match,
        "calendar": "default",
        "ladders": {"resolve": ladder},
        "clocks": {"resolve": resolve},
    }


async def published(outside: Outside, name: str, document: Mapping[str, Any]) -> int:
    """Drafts and publishes a policy, and lets it come into force; answers its version."""
    admin = outside.caller("admin")
    shown = await admin.get("escalation", f"/v1/policies/{name}")
    condition = {"If_Match": shown.headers["etag"]} if shown.status_code == 200 else {}
    drafted = await admin.send("PUT", "escalation", f"/v1/policies/{name}", document, **condition)
    assert drafted.status_code in (200, 201), drafted.text
    answer = await admin.post("escalation", f"/v1/policies/{name}:publish", None, If_Match=drafted.headers["etag"])
    assert answer.status_code == 200, answer.text
    await outside.later(seconds=61)
    version: int = max(one["version"] for one in answer.json()["versions"])
    return version


async def accepted(outside: Outside, **changed: Any) -> str:
    _, order = await outside.submit(**changed)
    await outside.handle(order, "accept")
    await clocks(outside, order, "resolve", "statutory")
    return order


async def job(outside: Outside, location: str) -> dict[str, Any]:
    """The job once it has ended."""
    admin = outside.caller("admin")

    async def look() -> dict[str, Any] | None:
        found: dict[str, Any] = (await admin.get("escalation", location)).json()
        return found if found["state"] in ("done", "failed", "cancelled") else None

    return await eventually(look, lambda: f"{location} never ended")


# -- pauses


async def test_a_suspension_pauses_what_the_policy_lists_and_nothing_else(outside: Outside) -> None:
    order = await accepted(outside)
    before = await clocks(outside, order, "resolve", "statutory", "first_response")
    handler = outside.caller("handler")
    now = await outside.now()
    wake_up_at = rfc3339(now + 10 * HOUR)
    assert (await handler.act(order, "suspend", {**WAITING, "wake_up_at": wake_up_at})).status_code == 200
    await outside.when(order, lambda o: any(c["state"] == "paused" for c in o["clocks"]))
    paused = await clocks(outside, order, "suspension")
    assert (paused["resolve"]["state"], paused["resolve"]["due_at"]) == ("paused", None)
    assert {paused[kind]["state"] for kind in ("statutory", "first_response", "suspension")} == {"running"}
    await outside.later(hours=7)
    assert (await handler.act(order, "resume")).status_code == 200
    await outside.when(order, lambda o: all(c["state"] != "paused" for c in o["clocks"]))
    after = await clocks(outside, order, "resolve")
    assert due(after["resolve"]) == due(before["resolve"]) + 7 * HOUR
    assert after["statutory"]["due_at"] == before["statutory"]["due_at"]


async def test_a_suspended_order_wakes_up_by_itself(outside: Outside) -> None:
    order = await accepted(outside)
    wake_up_at = await outside.now() + 3 * HOUR
    await outside.caller("handler").act(order, "suspend", {**WAITING, "wake_up_at": rfc3339(wake_up_at)})
    await clocks(outside, order, "suspension")
    await outside.until(wake_up_at)
    found = await outside.when(order, lambda o: o["status"] == "in_progress")
    assert "suspension" not in found


@pytest.mark.parametrize("body", [{}, {"wake_up_at": "2030-01-01T00:00:00Z"}, {**WAITING, "wake_up_at": "soon"}])
async def test_a_suspension_without_reason_or_end_is_refused(outside: Outside, body: dict[str, Any]) -> None:
    order = await accepted(outside)
    answer = await outside.caller("handler").act(order, "suspend", body)
    assert code_of(answer) == (422, "request_invalid")
    assert answer.json()["errors"][0]["pointer"] in ("/reason_code", "/wake_up_at")


# -- new terms


async def test_a_higher_priority_retargets_by_the_policy_that_matches_now(outside: Outside) -> None:
    category = f"terms-{uuid4().hex[:8]}"
    await published(outside, category, policy(category, 4, priority="P1"))
    order = await accepted(outside, category=f"{category}/x")
    before = (await clocks(outside, order))["resolve"]
    await outside.later(hours=3)
    answer = await outside.caller("dispatcher").act(
        order, "change_priority", {"priority": "P1", "reason": "ministry"}
    )
    assert answer.status_code == 200, answer.text
    await outside.when(order, lambda o: _resolve(o)["due_at"] != before["due_at"])
    after = (await clocks(outside, order))["resolve"]
    assert due(after) == at(before["started_at"]) + 4 * HOUR
    assert after["policy"]["id"] == category
    assert after["matched"]["priority"] == "P1"


def _resolve(order: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(clock for clock in reversed(order["clocks"]) if clock["kind"] == "resolve")


async def test_an_approved_extension_moves_the_promise_and_not_the_law(outside: Outside) -> None:
    order = await accepted(outside)
    before = await clocks(outside, order, "resolve", "statutory")
    until = due(before["resolve"]) + 24 * HOUR
    wanted = {"until": rfc3339(until), "reason_code": "waiting_parts", "text": "The part is on its way."}
    assert (await outside.caller("handler").act(order, "request_extension", wanted)).status_code == 200
    own = outside.caller("leader", sub="dev-handler")
    assert code_of(await own.act(order, "decide_extension", {"approve": True})) == (422, "own_request")
    assert (await outside.caller("leader").act(order, "decide_extension", {"approve": True})).status_code == 200
    await outside.when(order, lambda o: _resolve(o)["due_at"] == rfc3339(until))
    after = await clocks(outside, order)
    assert after["statutory"]["due_at"] == before["statutory"]["due_at"]
    explained = await explanation(outside, order, "resolve")
    (retarget,) = explained["retargets"]
    assert (retarget["old_due_at"], retarget["new_due_at"]) == (before["resolve"]["due_at"], rfc3339(until))


# -- explanations


async def explanation(outside: Outside, order: str, kind: str) -> dict[str, Any]:
    answer = await outside.caller("auditor").get("escalation", f"/v1/work-orders/{order}/clocks/{kind}/explain")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_every_clock_is_explained_and_the_sum_is_exact(outside: Outside) -> None:
    order = await accepted(outside)
    await outside.caller("handler").act(
        order, "suspend", {**WAITING, "wake_up_at": rfc3339(await outside.now() + HOUR)}
    )
    found = await clocks(outside, order, "suspension")
    await outside.later(minutes=30)
    for kind in found:
        explained = await explanation(outside, order, kind)
        assert explained["sum_is_exact"] is True, kind
    path = f"/v1/work-orders/{order}/clocks/resolve/explain"
    auditor = outside.caller("auditor")
    text = await auditor.get("escalation", path, language="zh", format="text")
    assert "挂起" in text.text
    picture = await auditor.get("escalation", path, format="svg")
    assert picture.headers["content-type"].startswith("image/svg+xml")
    code, output, _ = await outside.command("sla", "explain", order, "resolve", "--language", "en")
    assert (code, "paused" in output) == (0, True)


# -- rules by API


async def test_a_published_policy_is_for_new_orders_until_a_migration_brings_it_to_the_others(
    outside: Outside, tmp_path: Path
) -> None:
    category = f"rules-{uuid4().hex[:8]}"
    first = await published(outside, category, policy(category, 20))
    old = await accepted(outside, category=category)
    admin = outside.caller("admin")
    preview = await admin.post("escalation", f"/v1/policies/{category}:preview", policy(category, 10))
    assert (preview.status_code, preview.json()["preview"]["would_change"]) == (200, 1), preview.text
    file = tmp_path / "next.yaml"
    fields = {"kind": "policy", "id": category, "version": 2, "effective_from": rfc3339(await outside.now())}
    file.write_text(json.dumps({**policy(category, 10), **fields}))
    code, output, _ = await outside.command("policy", "preview", str(file))
    assert (code, "would change  1" in output, "-10.0 h" in output) == (0, True, True), output
    second = await published(outside, category, policy(category, 10))
    assert (first, second) == (1, 2)
    new = await accepted(outside, category=category)
    assert (await clocks(outside, new))["resolve"]["budget_seconds"] == 10 * 3600
    assert (await clocks(outside, old))["resolve"]["budget_seconds"] == 20 * 3600
    body = {"version": second, "reason": "shorter promise for all"}
    begun = await admin.post("escalation", f"/v1/policies/{category}:migrate", body, Idempotency_Key=uuid4().hex)
    assert begun.status_code == 202, begun.text
    ended = await job(outside, begun.headers["location"])
    assert ended["state"] == "done", ended
    migrated = (await clocks(outside, old))["resolve"]
    assert (migrated["budget_seconds"], migrated["policy"]["version"]) == (10 * 3600, second)
    (retarget,) = (await explanation(outside, old, "resolve"))["retargets"]
    assert (retarget["old_budget_seconds"], retarget["turn"]["actor"]) == (20 * 3600, "agent:dev-admin")


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"clocks": {}}, "/clocks"),
        ({"clocks": {"resolve": {"budget": "0h", "unit": "natural"}}}, "/clocks/resolve/budget"),
        ({"calendar": "nowhere"}, "/calendar"),
        ({"pauses": {"waiting": {"clocks": []}}}, "/pauses/waiting/clocks"),
        ({"pauses": {"waiting": {"clocks": ["statutory"]}}}, "/pauses/waiting/clocks"),
    ],
)
async def test_a_policy_with_a_fault_is_refused_by_field(
    outside: Outside, changed: dict[str, Any], pointer: str
) -> None:
    name = f"bad-{uuid4().hex[:8]}"
    admin = outside.caller("admin")
    document = {**policy("x", 1), **changed}
    answer = await admin.send("PUT", "escalation", f"/v1/policies/{name}", document)
    if answer.status_code == 201:  # right by itself, wrong beside what is in force
        answer = await admin.post("escalation", f"/v1/policies/{name}:publish", None, If_Match=answer.headers["etag"])
        assert (await admin.get("escalation", f"/v1/policies/{name}")).json()["versions"] == []
    assert answer.status_code == 422, answer.text
    assert any(error["pointer"].startswith(pointer) for error in answer.json()["errors"]), answer.text


async def test_a_calendar_with_an_impossible_window_is_refused_by_field(outside: Outside) -> None:
    document = {"zone": "Asia/Shanghai", "weekly": {"mon": [["09:00", "25:00"]]}, "complete_until": "2027-12-31"}
    answer = await outside.caller("admin").send("PUT", "escalation", "/v1/calendars/odd", document)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith("/weekly/mon")


async def test_rules_need_an_administrator_and_the_version_that_was_seen(outside: Outside) -> None:
    path = "/v1/policies/default"
    document = {"rank": 0}
    assert (await outside.caller("leader").send("PUT", "escalation", path, document)).status_code == 403
    admin = outside.caller("admin")
    assert (await admin.send("PUT", "escalation", path, document)).status_code == 428
    assert (await admin.post("escalation", f"{path}:publish", None)).status_code == 428


async def test_an_order_beyond_the_calendar_is_listed_and_never_guessed(outside: Outside) -> None:
    category = f"far-{uuid4().hex[:8]}"
    beyond = policy(category, 2000)
    beyond["clocks"]["resolve"]["unit"] = "business"
    await published(outside, category, beyond)
    order = await accepted(outside, category=category)
    assert (await clocks(outside, order))["resolve"]["due_at"] is None
    uncovered = await outside.caller("auditor").list("escalation", "/v1/clocks/uncovered", limit=200)
    assert order in {one["work_order_id"] for one in uncovered}
    explained = await explanation(outside, order, "resolve")
    assert (explained["not_covered"], explained["due_at"]) == (True, None)


# -- reports and what-if


async def test_attainment_adds_up_and_a_simulation_of_what_is_in_force_changes_nothing(outside: Outside) -> None:
    await accepted(outside)
    await outside.later(hours=60)
    now = await outside.now()
    span = {"from": rfc3339(now - timedelta(days=60)), "to": rfc3339(now + timedelta(days=60))}
    report = await outside.caller("supervisor").get("workflow", "/v1/reports/attainment", **span)
    assert report.status_code == 200, report.text
    for row in report.json()["items"]:
        met = row["attainment"]
        assert met["denominator"] >= met["numerator"]
        missed = sum(cause["numerator"] for cause in row["causes"].values())
        assert missed == met["denominator"] - met["numerator"], row
    body = {"policy": {"id": "default", "version": 1}, **span}
    begun = await outside.caller("admin").post("escalation", "/v1/simulations", body, Idempotency_Key=uuid4().hex)
    assert begun.status_code == 202, begun.text
    ended = await job(outside, begun.headers["location"])
    assert ended["state"] == "done", ended


async def test_a_deadline_is_never_moved_by_a_later_clock_of_another_kind(outside: Outside) -> None:
    order = await accepted(outside)
    before = await clocks(outside, order, "resolve")
    demand = {"demand": "Call today.", "due_at": rfc3339(await outside.now() + 2 * HOUR)}
    assert (await outside.caller("supervisor").act(order, "supervise", demand)).status_code == 200
    found = await clocks(outside, order, "supervision")
    assert due(found["supervision"]) == await outside.now() + 2 * HOUR
    assert found["resolve"]["due_at"] == before["resolve"]["due_at"]
    assert (await outside.caller("handler").act(order, "answer_supervision", {"text": "Called."})).status_code == 200
    await outside.when(
        order, lambda o: all(c["state"] == "stopped" for c in o["clocks"] if c["kind"] == "supervision")
    )


async def test_asked_for_help_a_team_has_a_clock_of_its_own(outside: Outside) -> None:
    order = await accepted(outside)
    question = {"participants": [{"team": "default"}], "question": "Is the line up?", "rule": "all"}
    assert (await outside.caller("handler").act(order, "consult", question)).status_code == 200
    await clocks(outside, order, "cooperation")
    (suborder,) = (await outside.caller("auditor").order(order))["suborders"]
    answer = {"suborder_id": suborder["id"], "text": "It is."}
    assert (await outside.caller("handler", sub="helper").act(order, "answer_suborder", answer)).status_code == 200
    await outside.when(
        order, lambda o: all(c["state"] == "stopped" for c in o["clocks"] if c["kind"] == "cooperation")
    )
