"""Clocks as the contract promises them, to the second, with the time moved from outside."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.callers import rfc3339
from tests.e2e.outside import SERVICES, Outside
from tests.e2e.test_contract_http import code_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SHANGHAI = timedelta(hours=8)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def clocks(outside: Outside, order: str, *kinds: str) -> Mapping[str, Mapping[str, Any]]:
    """The newest clock of each kind, once all of `kinds` are there."""
    await outside.when(order, lambda found: {*kinds} <= {clock["kind"] for clock in found["clocks"]})
    listed = await outside.caller("auditor").list("escalation", f"/v1/work-orders/{order}/clocks")
    return {clock["kind"]: clock for clock in listed}


def due(clock: Mapping[str, Any]) -> datetime:
    return at(clock["due_at"])


# -- the default policy


async def test_the_default_budgets_run_from_the_complainants_receipt(outside: Outside) -> None:
    received = await outside.now() - timedelta(hours=5)
    _, order = await outside.submit(received_at=rfc3339(received))
    found = await clocks(outside, order, "acknowledge", "accept", "first_response", "resolve", "statutory")
    assert due(found["acknowledge"]) == due(found["first_response"]) == received + 24 * HOUR
    assert due(found["resolve"]) == received + 48 * HOUR
    assert due(found["accept"]) == await outside.now() + 2 * HOUR
    day = (received + SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    assert due(found["statutory"]) == day + 16 * DAY - SHANGHAI  # 24:00 of the 15th day, the first not counted
    resolve = found["resolve"]
    assert (resolve["elapsed_seconds"], resolve["remaining_seconds"]) == (5 * 3600, 43 * 3600)
    assert (resolve["state"], resolve["breached"]) == ("running", False)


async def test_the_regulators_transfer_starts_the_statutory_clock(outside: Outside) -> None:
    now = await outside.now()
    case = {"number": "R-7", "body": "MIIT", "received_at": rfc3339(now - 3 * DAY)}
    received = rfc3339(now - 5 * DAY)
    _, order = await outside.submit(channel="regulator", regulator_case=case, received_at=received)
    found = await clocks(outside, order, "statutory", "resolve")
    assert at(found["statutory"]["started_at"]) == now - 3 * DAY
    assert at(found["resolve"]["started_at"]) == now - 5 * DAY


async def test_spoken_channels_are_acknowledged_at_once(outside: Outside) -> None:
    _, order = await outside.submit(channel="counter")
    found = await clocks(outside, order, "acknowledge", "accept")
    assert found["acknowledge"]["state"] == "stopped"
    assert "acknowledged" in (await outside.caller("auditor").order(order))["flags"]


@pytest.mark.parametrize(
    ("received", "reply"),
    [
        ("2025-03-01T22:00:00+08:00", "2025-03-16T16:00:00Z"),
        ("2025-01-24T17:00:00+08:00", "2025-02-08T16:00:00Z"),
        ("2025-03-01T22:00:00.999-03:30", "2025-03-17T16:00:00Z"),
    ],
)
async def test_days_count_in_the_calendars_zone(outside: Outside, received: str, reply: str) -> None:
    _, order = await outside.submit(received_at=received)
    found = await clocks(outside, order, "statutory", "resolve")
    assert found["statutory"]["due_at"] == reply
    assert due(found["resolve"]) == at(received).astimezone(UTC).replace(microsecond=0) + 48 * HOUR


# -- breach


async def test_at_due_it_is_not_breached_yet_one_second_later_it_is(outside: Outside) -> None:
    _, order = await outside.submit()
    await outside.handle(order, "accept")
    deadline = due((await clocks(outside, order, "resolve", "acknowledge"))["acknowledge"])
    await outside.until(deadline)
    assert not (await clocks(outside, order))["acknowledge"]["breached"]
    assert not outside.so_far("sla", lambda seen: seen.key == order.encode() and seen.kind == "clock.breached")
    await outside.later(seconds=1)
    found = (await clocks(outside, order))["acknowledge"]
    assert (found["breached"], found["state"], found["remaining_seconds"]) == (True, "running", -1)
    breach = await outside.record(
        "sla",
        lambda seen: (
            seen.key == order.encode()
            and seen.kind == "clock.breached"
            and seen.data["clock"]["kind"] == "acknowledge"
        ),
    )
    assert at(breach.headers["ce_time"]) == deadline + timedelta(seconds=1)
    breached = await outside.caller("auditor").list("workflow", "/v1/work-orders", breached="true", limit=200)
    assert order in {item["id"] for item in breached}


async def test_a_stop_that_happened_in_time_but_arrives_late_is_no_miss(outside: Outside) -> None:
    _, order = await outside.submit()
    await outside.handle(order, "accept")
    deadline = due((await clocks(outside, order, "first_response"))["first_response"])
    await outside.until(deadline + 2 * HOUR)
    earlier = rfc3339(deadline - HOUR)
    answer = await outside.caller("handler").act(order, "respond", {"text": "We called you.", "occurred_at": earlier})
    assert answer.status_code == 200
    corrected = await outside.record(
        "sla", lambda seen: seen.key == order.encode() and '"corrected"' in str((seen.value or b"").decode())
    )
    (clock,) = [c for c in corrected.data["clocks"] if c["change"] == "corrected"]
    assert (clock["kind"], clock["elapsed_seconds"]) == ("first_response", 23 * 3600)


async def test_the_ladder_climbs_by_shares_and_a_warning_comes_once(outside: Outside) -> None:
    _, order = await outside.submit()
    await outside.handle(order, "accept")
    start = at((await clocks(outside, order, "resolve"))["resolve"]["started_at"])

    def fired() -> list[tuple[str, str]]:
        mine = outside.so_far("sla", lambda s: s.key == order.encode() and s.kind in ("rung.fired", "clock.at_risk"))
        return [(s.kind, s.data["rung"]["name"]) for s in mine if s.data["clock"]["kind"] == "resolve"]

    for share, wanted in (
        (24, [("rung.fired", "50%")]),
        (36, [("rung.fired", "75%"), ("clock.at_risk", "75%")]),
        (43.2, [("rung.fired", "90%")]),
        (48, [("rung.fired", "100%")]),
    ):
        before = fired()
        await outside.until(start + share * HOUR)
        await outside.record(
            "sla",
            lambda seen, name=wanted[0][1]: (  # type: ignore[misc]  # the default binds the loop's value
                seen.key == order.encode()
                and seen.kind == "rung.fired"
                and (seen.data["clock"]["kind"], seen.data["rung"]["name"]) == ("resolve", name)
            ),
        )
        assert sorted(fired()) == sorted([*before, *wanted]), share
    await outside.when(order, lambda found: found["escalation_level"] == 2)


async def test_rungs_passed_in_one_jump_collapse_into_the_highest(outside: Outside) -> None:
    _, order = await outside.submit()
    await outside.handle(order, "accept")
    await clocks(outside, order, "resolve")
    await outside.later(hours=44)
    fired = await outside.record(
        "sla",
        lambda s: s.key == order.encode() and s.kind == "rung.fired" and s.data["clock"]["kind"] == "resolve",
    )
    assert fired.data["rung"]["name"] in ("50%", "75%", "90%")


async def test_nobody_accepts_in_time_and_the_order_is_recalled_and_dispatched_again(outside: Outside) -> None:
    _, order = await outside.submit()
    first = (await clocks(outside, order, "accept"))["accept"]
    await outside.until(due(first))
    assert (await outside.caller("auditor").order(order))["status"] == "assigned"
    await outside.later(seconds=1)
    recalled = await outside.when(order, lambda found: found["counts"]["recalls"] == 1)
    assert recalled["status"] in ("dispatching", "assigned")


# -- the closed loop


async def test_each_cycle_has_a_resolve_clock_of_its_own(outside: Outside) -> None:
    _, order = await outside.submit()
    await outside.handle(order, "communicate_decision")
    await outside.later(hours=1)
    answer = await outside.caller("callback").act(order, "record_callback", {"outcome": "dissatisfied"})
    assert (answer.json()["cycle"], answer.json()["status"]) == (2, "assigned")
    now = await outside.now()
    await outside.when(order, lambda found: len([c for c in found["clocks"] if c["kind"] == "resolve"]) == 2)
    found = await clocks(outside, order, "accept")
    assert due(found["resolve"]) == now + 48 * HOUR
    assert found["statutory"]["state"] == "stopped"
    listed = await outside.caller("auditor").list("escalation", f"/v1/work-orders/{order}/clocks")
    assert len([clock for clock in listed if clock["kind"] == "first_response"]) == 1


async def test_a_cancelled_order_has_no_clock_that_runs(outside: Outside) -> None:
    _, order = await outside.submit()
    await clocks(outside, order, "accept")
    await outside.caller("agent").act(order, "cancel", {"reason": "withdrawn by phone"})
    found = await outside.when(order, lambda o: all(clock["state"] != "running" for clock in o["clocks"]))
    assert {clock["state"] for clock in found["clocks"] if clock["kind"] in ("resolve", "statutory")} == {"cancelled"}


async def test_nobody_answers_three_calls_and_the_order_closes_with_notice(outside: Outside) -> None:
    _, order = await outside.submit()
    await outside.handle(order, "communicate_decision")
    caller = outside.caller("callback")
    for attempt in (1, 2):
        answer = await caller.act(order, "record_callback", {"outcome": "no_answer"})
        assert (answer.json()["status"], answer.json()["counts"]["callback_attempts"]) == (
            "pending_callback",
            attempt,
        )
        await outside.record(
            "sla",
            lambda s: (
                s.key == order.encode()
                and any(
                    c["kind"] == "alarm.callback_attempt" and c["state"] == "running"
                    for c in s.data.get("clocks", ())
                )
            ),
        )
        await outside.later(hours=24)
    assert (await caller.act(order, "record_callback", {"outcome": "no_answer"})).json()["status"] == "closed"
    closed = await outside.record("workorders", lambda s: s.subject == order and s.kind == "workorder.closed")
    assert closed.data["change"]["notice"] is True


# -- the clock itself


@pytest.mark.parametrize("service", SERVICES)
async def test_every_service_shows_and_moves_its_time(outside: Outside, service: str) -> None:
    shown = (await outside.anonymous("GET", service, "/test/clock")).json()
    assert at(shown["now"]) == await outside.now()
    assert shown["rate"] == 0
    for body in ({}, {"advance_seconds": 1, "rate": 2}, {"set": "soon"}, {"advance_seconds": "much"}, {"rate": -1}):
        answer = await outside.anonymous("POST", service, "/test/clock", json=body)
        assert code_of(answer) == (422, "request_invalid")


async def test_time_advances_by_seconds_and_by_a_rate(outside: Outside) -> None:
    before = await outside.now()
    assert at((await outside.move(advance_seconds=90))["now"]) == before + timedelta(seconds=90)
    await outside.move(rate=1000)
    moved = await outside.move(rate=0)
    assert at(moved["now"]) > before + timedelta(seconds=90)
    await outside.until(at(moved["now"]).replace(microsecond=0) + timedelta(seconds=60))


async def test_what_becomes_due_in_a_jump_has_fired_when_the_answer_comes(outside: Outside) -> None:
    """Without waiting for anything first: escalation may not have read of the order yet."""
    agent = outside.caller("agent")
    orders = []
    for _ in range(10):
        answer = await agent.post("intake", "/v1/complaints", await outside.complaint(channel="web"))
        orders.append(answer.json()["work_order_id"])
    for order in orders:
        await outside.when(order, lambda found: found["status"] == "assigned")
    moved = await outside.move(advance_seconds=24 * 3600 + 1)
    assert moved["waiting"] == []
    for order in orders:
        listed = await outside.caller("auditor").list("escalation", f"/v1/work-orders/{order}/clocks")
        assert {clock["kind"] for clock in listed if clock["breached"]} >= {"acknowledge", "accept"}, listed
