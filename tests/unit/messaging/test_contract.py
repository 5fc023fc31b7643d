"""Our own records: what stands where in their data, and how faults in it are told."""

import json
from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from shared.events import notifications, sla, workorders
from shared.events.parts import Reason, VersionedRef, WorkOrderView
from shared.kernel.aggregate import Actor, AggregateType, Cause, Decision, Event
from shared.messaging.bindings import InvalidData
from shared.messaging.contract import change, model, record_of, topic_of, view
from shared.testing.samples import sample

NOW = datetime(2026, 3, 2, 1, 0, 0, 5_000, tzinfo=UTC)
TRANSFER = workorders.Transferred(from_team="a", team="b", assignee=None, reason=Reason("busy"))


def an_aggregate(**options: Any) -> AggregateType[Any]:
    return AggregateType(
        name="test",
        prefix="wo_",
        topic="workorders",
        state=dict,
        events=(),
        decide=lambda *_: (),
        evolve=lambda *_: {},
        **options,
    )


def a_decision(*events: Event, org: str | None = None) -> Decision:
    actor = Actor("agent", "u1", org, roles=frozenset({"handler"}), teams=frozenset({"a"}))
    return Decision(2, 4, NOW, NOW, actor, Cause("http:u1", "key-1"), events)


def data_of(kind: AggregateType[Any], decision: Decision, position: int = 0) -> dict[str, Any]:
    return dict(json.loads(record_of(kind, decision, position, {"n": 1}, "wo_1", "workflow").value or b""))


VIEWED = an_aggregate(view_name="work_order", view=lambda state, decision: {**state, "version": decision.version})


def test_a_viewed_record_shows_the_aggregate_the_change_and_who_did_it() -> None:
    assert data_of(VIEWED, a_decision(TRANSFER)) == {
        "work_order": {"n": 1, "version": 2},
        "change": {"note": None, "from_team": "a", "team": "b", "assignee": None},
        "actor": {"kind": "agent", "id": "u1"},
        "occurred_at": "2026-03-02T01:00:00.005000Z",
        "reason": {"code": "busy", "text": None},
    }


def test_an_organisation_is_named_and_what_the_caller_may_do_is_not() -> None:
    assert data_of(VIEWED, a_decision(TRANSFER, org="branch"))["actor"] == {
        "kind": "agent",
        "id": "u1",
        "org": "branch",
    }


def test_a_reason_that_was_not_given_is_left_out() -> None:
    assert "reason" not in data_of(VIEWED, a_decision(workorders.Recalled(team="a")))


def test_without_a_view_the_data_is_the_event() -> None:
    event = sample(sla.ClockBreached, full=True)
    assert set(data_of(an_aggregate(), a_decision(event))) == {"work_order_id", "cycle", "clock"}


def test_fields_for_the_log_alone_reach_no_topic() -> None:
    event = sample(notifications.Requested, full=True)
    assert set(data_of(an_aggregate(), a_decision(event))) == {"notification", "error", "quiet_until"}


def test_each_event_of_a_decision_has_its_own_number() -> None:
    decision = a_decision(TRANSFER, workorders.Recalled(team="a"))
    kind = an_aggregate(key=lambda _: "its key", correlation=lambda _id, _state: "cmp_1")
    first, second = (record_of(kind, decision, n, {}, "wo_1", "workflow") for n in (0, 1))
    assert (dict(first.headers)["ce_id"], dict(first.headers)["ce_sequence"]) == (b"wo_1:0000000005", b"0000000005")
    assert (dict(second.headers)["ce_id"], dict(second.headers)["ce_sequence"]) == (b"wo_1:0000000006", b"0000000006")
    assert dict(first.headers)["ce_source"] == b"/closedloop/workflow"
    assert dict(first.headers)["ce_causationid"] == b"key-1"
    assert dict(first.headers)["ce_correlationid"] == b"cmp_1"
    assert first.key == b"its key"


def test_a_change_takes_its_reason_from_beside_it() -> None:
    assert change(workorders.Transferred)(data_of(VIEWED, a_decision(TRANSFER))) == TRANSFER


def test_a_fault_in_our_own_data_is_pointed_at_without_a_quotation() -> None:
    decode = change(workorders.Transferred)
    with pytest.raises(InvalidData) as fault:
        decode({"change": {"from_team": 13800138000, "team": "b", "assignee": None}, "reason": {"code": "x"}})
    assert (fault.value.pointer, fault.value.detail) == ("/change/from_team", "Expected `str`, got `int`")
    with pytest.raises(InvalidData) as fault:
        decode({"change": {"from_team": "a", "team": "b", "assignee": None}, "reason": {"code": 1}})
    assert fault.value.pointer == "/reason/code"
    with pytest.raises(InvalidData) as fault:
        decode({"change": {}})
    assert (fault.value.pointer, fault.value.detail) == ("/change", "Object missing required field `from_team`")


def test_views_decode_by_themselves() -> None:
    wanted = sample(WorkOrderView, full=True)
    raw = {"severity_flags": [1]}
    with pytest.raises(InvalidData):
        view(WorkOrderView, raw, "work_order")
    with pytest.raises(InvalidData) as fault:
        view(VersionedRef, {"id": "a", "version": "13800138000"}, "policy")
    assert str(fault.value) == "/policy/version: Expected `int`, got `str`"
    assert view(WorkOrderView, json.loads(_encoded(wanted)), "work_order") == wanted


def _encoded(value: Any) -> bytes:
    import msgspec

    return msgspec.json.encode(value)


class Customer(BaseModel):
    id: str
    channel: Literal["phone", "web"]


class Submitted(BaseModel):
    customers: list[Customer]


def test_foreign_data_is_judged_by_its_model_and_never_quoted() -> None:
    decode = model(Submitted)
    assert decode({"customers": [{"id": "1", "channel": "web"}], "unknown": 1}).customers[0].id == "1"
    with pytest.raises(InvalidData) as fault:
        decode({"customers": [{"id": "1", "channel": "13800138000"}, {}]})
    assert fault.value.pointer == "/customers/0/channel"
    assert fault.value.detail == "literal_error (and 2 more)"


def test_topics_follow_from_the_modules() -> None:
    from shared.events.replies import CommandApplied

    assert topic_of(workorders.Closed) == "workorders"
    assert topic_of(CommandApplied) == "workorders.replies"
