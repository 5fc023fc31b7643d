"""What people and systems may do with an order: roles, arguments, guards, and commands through Kafka."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
import pytest_asyncio

from tests.e2e.callers import STEPS, rfc3339
from tests.e2e.outside import Outside
from tests.e2e.test_contract_http import code_of

LATER = ("merge", "unmerge", "override", "correct")
ROLES: Mapping[str, set[str]] = {
    "acknowledge": {"agent", "system"},
    "dispatch": {"dispatcher", "system"},
    "accept": {"handler", "leader"},
    "recall": {"system"},
    "transfer": {"handler", "leader", "system"},
    "respond": {"handler"},
    "submit_resolution": {"handler"},
    "approve": {"reviewer"},
    "reject": {"reviewer"},
    "communicate_decision": {"agent", "callback", "system"},
    "record_callback": {"callback", "system"},
    "redispatch": {"callback", "system", "leader"},
    "close": {"leader", "system"},
    "cancel": {"agent"},
    "escalate": {"system"},
    "return": {"handler"},
    "arbitrate": {"dispatcher"},  # who is a leader too
    "report_progress": {"handler"},
    "suspend": {"handler", "leader"},
    "resume": {"handler", "leader", "system"},
    "request_extension": {"handler"},
    "decide_extension": {"leader", "system"},
    "urge": {"agent"},
    "change_priority": {"dispatcher", "leader", "system"},
    "reclassify": {"dispatcher", "leader", "system"},
    "supervise": {"agent", "supervisor", "system"},
    "answer_supervision": {"handler", "leader"},
    "consult": {"handler", "system"},
    "countersign": {"handler", "system"},
    "answer_suborder": {"handler", "leader"},
    "reopen": {"agent", "leader", "system"},
    "rate": {"agent", "system"},
    "attribute_liability": {"reviewer"},
    "appeal_liability": {"leader"},
    "revise_liability": {"dispatcher", "supervisor"},
    "void": {"leader"},
    "archive": {"system"},
}
EVERYBODY = (
    *("agent", "dispatcher", "handler", "leader", "supervisor", "reviewer", "callback", "admin", "auditor", "system"),
)
REQUIRED: Mapping[str, set[str]] = {
    "acknowledge": {"by"},
    "dispatch": {"team"},
    "accept": set(),
    "transfer": {"reason"},
    "respond": {"text"},
    "submit_resolution": {"root_cause", "measures", "remedy", "reply_text"},
    "approve": set(),
    "reject": {"reason_code", "text"},
    "communicate_decision": {"by"},
    "record_callback": {"outcome"},
    "redispatch": set(),
    "close": set(),
    "cancel": {"reason"},
    "escalate": {"level"},
    "recall": set(),
    "return": {"reason_code"},
    "arbitrate": {"team", "reason"},
    "report_progress": {"text"},
    "suspend": {"reason_code", "wake_up_at"},
    "resume": set(),
    "request_extension": {"until", "reason_code", "text"},
    "decide_extension": {"approve"},
    "urge": {"by"},
    "change_priority": {"priority", "reason"},
    "reclassify": {"category", "reason"},
    "supervise": {"demand", "due_at"},
    "answer_supervision": {"text"},
    "consult": {"participants", "question", "rule"},
    "countersign": {"participants", "question", "rule"},
    "answer_suborder": {"suborder_id", "text"},
    "reopen": {"reason_code", "text"},
    "rate": {"satisfied"},
    "attribute_liability": {"valid", "unit", "degree", "text"},
    "appeal_liability": {"text"},
    "revise_liability": {"valid", "unit", "degree", "text"},
    "void": {"reason", "approved_by"},
    "archive": set(),
}
COMMON = {"occurred_at", "expected_version", "command_id", "note"}


@pytest_asyncio.fixture(scope="module")
async def order(outside: Outside) -> str:
    """An assigned order that every test of this module may ask, and none changes."""
    _, order = await outside.submit()
    return order


async def test_each_role_has_its_verbs_and_no_other(outside: Outside, order: str) -> None:
    for action, allowed in ROLES.items():
        for role in EVERYBODY:
            answer = await outside.caller(role, sub=f"verb-{role}").act(order, action, {"expected_version": 99_999})
            # the version is looked at after the role, so nothing ever happens to the order
            wanted = (412, "stale_version") if role in allowed else (403, "forbidden")
            assert code_of(answer) == wanted, (role, action)


async def test_actions_tell_what_is_allowed_now_and_what_they_need(outside: Outside, order: str) -> None:
    listed = await outside.caller("handler").list("workflow", f"/v1/work-orders/{order}/actions")
    actions = {item["action"]: item for item in listed}
    assert {*ROLES, *LATER} <= set(actions)
    assert {name for name, item in actions.items() if item["allowed"]} == {"accept", "transfer", "return"}
    assert actions["respond"]["code"] == "wrong_status"
    assert actions["approve"]["code"] == "forbidden"
    assert actions["suspend"]["code"] == "wrong_status"
    assert actions["merge"]["code"] == "not_yet_supported"
    for name, required in REQUIRED.items():
        schema = actions[name]["arguments"]
        jsonschema.Draft202012Validator.check_schema(schema)
        assert set(schema.get("required", ())) == required, name
        assert set(schema["properties"]) >= COMMON | required, name


@pytest.mark.parametrize("action", LATER)
async def test_the_other_actions_of_the_contract_are_not_yet_supported(
    outside: Outside, order: str, action: str
) -> None:
    answer = await outside.caller("leader").act(order, action, {"text": "x", "reason": "y"})
    assert code_of(answer) == (422, "not_yet_supported")


async def test_an_action_that_nobody_knows_is_not_found(outside: Outside, order: str) -> None:
    assert code_of(await outside.caller("leader").act(order, "dance")) == (404, "not_found")


@pytest.mark.parametrize(
    ("role", "action", "arguments", "pointer"),
    [
        ("agent", "acknowledge", {}, "/by"),
        ("agent", "acknowledge", {"by": "parrot"}, "/by"),
        ("dispatcher", "dispatch", {"team": ""}, "/team"),
        ("handler", "respond", {"text": " "}, "/text"),
        (
            "handler",
            "submit_resolution",
            {**STEPS["submit_resolution"][1], "remedy": {"kind": "car"}},
            "/remedy/kind",
        ),
        ("reviewer", "reject", {"reason_code": "thin"}, "/text"),
        ("callback", "record_callback", {"outcome": "happy"}, "/outcome"),
        ("callback", "record_callback", {"outcome": "satisfied", "scores": {"speed": 6}}, "/scores/speed"),
        ("agent", "cancel", {}, "/reason"),
        ("handler", "accept", {"occurred_at": "2025-03-01T22:00:00"}, "/occurred_at"),
        ("handler", "accept", {"expected_version": "1"}, "/expected_version"),
        ("handler", "accept", [], ""),
    ],
)
async def test_arguments_that_do_not_fit_are_pointed_out(
    outside: Outside, order: str, role: str, action: str, arguments: Any, pointer: str
) -> None:
    answer = await outside.caller(role).act(order, action, arguments)
    assert code_of(answer) == (422, "request_invalid")
    assert pointer in {error["pointer"] for error in answer.json()["errors"]}


async def test_a_claimed_time_lies_between_receipt_and_soon(outside: Outside) -> None:
    now = await outside.now()
    complaint, order = await outside.submit(received_at=rfc3339(now - timedelta(hours=1)))
    handler = outside.caller("handler")
    for claimed in (now - timedelta(hours=1, seconds=1), now + timedelta(minutes=5, seconds=1)):
        answer = await handler.act(order, "accept", {"occurred_at": rfc3339(claimed)})
        assert code_of(answer) == (422, "occurred_at_out_of_bounds")
    claimed = now - timedelta(minutes=30)
    assert (await handler.act(order, "accept", {"occurred_at": rfc3339(claimed)})).status_code == 200
    accepted = await outside.record("workorders", lambda s: s.subject == order and s.kind == "workorder.accepted")
    assert accepted.data["occurred_at"] == rfc3339(claimed)
    assert accepted.headers["ce_time"] != accepted.data["occurred_at"]
    assert complaint in accepted.data["work_order"]["complaint_id"]


async def test_handler_reviewer_and_callback_agent_are_three_people(outside: Outside) -> None:
    _, order = await outside.submit()
    everything = outside.caller("handler", "reviewer", "callback", "leader", "agent", sub="one-for-all")
    for action in ("accept", "submit_resolution"):
        assert (await everything.act(order, action, STEPS[action][1])).status_code == 200
    assert code_of(await everything.act(order, "approve")) == (422, "four_eyes")
    other = outside.caller("reviewer", "callback", sub="reviews")
    assert (await other.act(order, "approve")).status_code == 200
    assert (await everything.act(order, "communicate_decision", {"by": "agent"})).status_code == 200
    for person in (everything, other):
        answer = await person.act(order, "record_callback", {"outcome": "satisfied"})
        assert code_of(answer) == (422, "four_eyes")
    third = await outside.caller("callback").act(order, "record_callback", {"outcome": "satisfied"})
    assert third.json()["status"] == "closed"
    assert third.json()["satisfaction"]["satisfied"] is True
    assert code_of(await outside.caller("handler").act(order, "respond", {"text": "x"})) == (422, "terminal_status")


async def test_a_rejected_review_goes_back_to_the_handler(outside: Outside) -> None:
    _, order = await outside.submit()
    await outside.handle(order, "submit_resolution")
    rejected = await outside.caller("reviewer").act(
        order, "reject", {"reason_code": "thin", "text": "What was done?"}
    )
    assert rejected.json()["status"] == "in_progress"
    seen = await outside.record("workorders", lambda s: s.subject == order and s.kind == "workorder.review_rejected")
    assert seen.data["reason"] == {"code": "thin", "text": "What was done?"}


async def test_a_transfer_needs_a_new_place_and_no_more_than_five_are_made(outside: Outside) -> None:
    _, order = await outside.submit()
    leader = outside.caller("leader")
    assert code_of(await leader.act(order, "transfer", {"reason": "?"})) == (422, "request_invalid")
    assert code_of(await leader.act(order, "transfer", {"team": "no-such", "reason": "?"})) == (422, "unknown_team")
    for hop in range(5):
        answer = await leader.act(order, "transfer", {"assignee": f"person-{hop}", "reason": "knows better"})
        assert (answer.status_code, answer.json()["assignee"]) == (200, f"person-{hop}")
    assert code_of(await leader.act(order, "transfer", {"assignee": "x", "reason": "?"})) == (422, "hop_limit")
    stranger = await outside.caller("handler").act(order, "accept")
    assert code_of(stranger) == (422, "assigned_to_another")
    assert (await outside.caller("handler", sub="person-4").act(order, "accept")).status_code == 200


async def test_a_leader_may_close_without_satisfaction_but_never_without_an_answer(outside: Outside) -> None:
    _, order = await outside.submit()
    await outside.handle(order, "approve")
    leader = outside.caller("leader")
    assert code_of(await leader.act(order, "close", {"reason": "enough"})) == (422, "decision_not_communicated")
    await outside.caller("callback").act(order, "communicate_decision", {"by": "agent"})
    closed = await leader.act(order, "close", {"reason": "enough", "notice": True})
    assert (closed.status_code, closed.json()["status"]) == (200, "closed")


async def test_the_complaint_follows_its_order(outside: Outside) -> None:
    complaint, order = await outside.submit()
    agent = outside.caller("agent")

    async def told(kind: str) -> str:
        """The complaint's status in the record that tells of it, and soon at its address."""
        record = await outside.record(
            "complaints", lambda s: s.subject == complaint and s.kind == f"complaint.{kind}"
        )
        status: str = record.data["complaint"]["status"]
        await outside.complaint_is(complaint, status)
        return status

    await agent.act(order, "acknowledge", {"by": "agent"})
    assert await told("acknowledged") == "acknowledged"
    await outside.handle(order, "accept")
    assert await told("handling_started") == "in_handling"
    for action in ("submit_resolution", "approve", "communicate_decision"):
        role, arguments = STEPS[action]
        assert (await outside.caller(role).act(order, action, arguments)).status_code == 200
    assert await told("answered") == "answered"
    await outside.caller("callback").act(order, "record_callback", {"outcome": "dissatisfied"})
    assert await told("reopened") == "in_handling"
    await outside.handle(order, "record_callback")
    assert await told("closed") == "closed"


async def test_a_regulators_case_is_cancelled_only_with_its_word(outside: Outside) -> None:
    case = {"number": "R-1", "body": "MIIT", "received_at": rfc3339(await outside.now())}
    _, order = await outside.submit(channel="regulator", regulator_case=case)
    agent = outside.caller("agent")
    refused = await agent.act(order, "cancel", {"reason": "withdrawn"})
    assert code_of(refused) == (422, "regulator_confirmation_required")
    done = await agent.act(order, "cancel", {"reason": "withdrawn", "confirmed_by": "MIIT"})
    assert done.json()["status"] == "cancelled"
