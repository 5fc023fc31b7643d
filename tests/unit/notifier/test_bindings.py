"""Which record makes which notice; a target is a function of the record alone."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec

from services.notifier.bindings import BINDINGS
from services.notifier.domain.commands import RequestNotice
from services.notifier.schemas import EventName
from shared.events import complaints, directory, sla, workorders
from shared.events.catalogue import wire_type
from shared.events.parts import CarriedCommand, ClockView, Reason, Rung, VersionedRef, WorkOrderView
from shared.kernel.aggregate import Event
from shared.messaging.bindings import Replica, Trigger
from shared.messaging.records import Delivery, Envelope, InRecord
from tests.unit.notifier.notices import COMPLAINT, NOON, WORK_ORDER

ORDER = WorkOrderView(
    id=WORK_ORDER,
    complaint_id=COMPLAINT,
    version=3,
    status="assigned",
    cycle=1,
    category="billing/fee",
    priority="P2",
    tier="gold",
    region="sh",
    team="billing",
    assignee="chen",
    channel="web",
    received_at=NOON,
    customer_id="cus_1",
)
CREATED = workorders.Created(
    complaint_id=COMPLAINT,
    number="C1",
    channel="web",
    subject="多收费",
    category="billing/fee",
    priority="P2",
    tier="gold",
    region="sh",
    customer_id="cus_1",
    remedy_sought="refund",
    received_at=NOON,
    promised_reply_at=NOON + timedelta(days=2),
)
CLOCK = ClockView(
    id="1",
    kind="resolve",
    state="running",
    budget_seconds=3600,
    unit="natural",
    started_at=NOON,
    due_at=NOON + timedelta(hours=1),
    elapsed_seconds=2700,
    policy=VersionedRef(id="default", version=1),
    calendar=VersionedRef(id="default", version=1),
)


def a_rung(share: float, *audience: str, command: CarriedCommand | None = None, **more: Any) -> sla.RungFired:
    at = NOON + timedelta(hours=share)
    rung = Rung(
        key=f"{WORK_ORDER}/1/{share:.0%}/0/0",
        level=2,
        name=f"{share:.0%}",
        fire_at=at,
        fired_at=at,
        late_ms=0,
        audience=audience,
        command=command,
        **more,
    )
    return sla.RungFired(work_order_id=WORK_ORDER, cycle=1, clock=CLOCK, rung=rung)


def delivered(topic: str, event: Event, order: WorkOrderView = ORDER, subject: str = WORK_ORDER) -> list[Any]:
    """The record of `event`, over the wire and through every binding of its topic that wants it."""
    bare = {name: value for name, value in msgspec.to_builtins(event).items() if value is not None}
    reason = bare.pop("reason", None)
    data = bare if topic in ("sla", "directory") else {"work_order": order, "change": bare, "reason": reason}
    wire = json.loads(msgspec.json.encode(data))
    record = InRecord(topic, 0, 0, None, None, (), NOON)
    envelope = Envelope(f"{subject}:0000000009", "/closedloop/x", wire_type(type(event)), subject, NOON, 9)
    found: list[Any] = []
    for binding in BINDINGS:
        entry = binding.on.get(envelope.type) if binding.topic == topic else None
        if entry is None:
            continue
        delivery = Delivery(record, envelope, wire, entry.decode(wire))
        if isinstance(binding, Replica):
            found.append((binding.collection, binding.copy(delivery)))
        elif isinstance(binding, Trigger):
            targets = entry.to(delivery)
            found += [] if targets is None else [targets] if isinstance(targets, tuple) else targets
    return found


def requests(topic: str, event: Event, **about: Any) -> list[RequestNotice]:
    found = [target for target in delivered(topic, event, **about) if isinstance(target[1], RequestNotice)]
    assert all(aggregate == request.notice_id for aggregate, request in found)
    return [request for _, request in found]


def test_a_new_order_is_acknowledged_to_the_complainant() -> None:
    [request] = requests("workorders", CREATED)
    assert (request.audience, request.template) == ("complainant", "acknowledgement")
    assert request.values["promised_reply_at"] == NOON + timedelta(days=2)
    assert request.complaint_id == COMPLAINT


def test_who_was_told_already_is_not_told_again() -> None:
    assert requests("workorders", replace(CREATED, told=True)) == []


def test_a_dispatched_or_transferred_order_is_assigned() -> None:
    transferred = workorders.Transferred(
        from_team="other", team="billing", assignee="chen", reason=Reason(code="wrong_team")
    )
    for event in (workorders.Dispatched(team="billing"), transferred):
        [request] = requests("workorders", event)
        assert (request.audience, request.template) == ("handler", "assignment")
        assert request.order is not None
        assert (request.order.team, request.order.assignee) == ("billing", "chen")


def test_an_approved_answer_is_sent_to_the_complainant() -> None:
    [request] = requests("workorders", workorders.ReviewApproved(reviewer="r", reply_text="$100 已退"))
    assert (request.template, request.values["reply_text"]) == ("answer", "$100 已退")


def test_a_closing_tells_subscribers_and_whoever_could_not_be_reached() -> None:
    plain = requests("workorders", workorders.Closed(outcome="satisfied"))
    documented = requests("workorders", workorders.Closed(outcome="unreachable", notice=True))
    assert [request.audience for request in plain] == ["subscribers"]
    assert [(r.audience, r.template) for r in documented] == [
        ("complainant", "closing_notice"),
        ("subscribers", "workorder.closed"),
    ]


def test_subscribers_do_not_get_the_words_of_an_action() -> None:
    closed = workorders.Closed(outcome="forced", reason=Reason(code="other", text="张三说不用回访"))
    [request] = requests("workorders", closed)
    payload = json.loads(request.payload)
    assert payload["type"] == "workorder.closed"
    assert payload["data"]["work_order"]["id"] == WORK_ORDER
    assert "张三" not in request.payload


def test_a_rung_makes_one_notice_for_each_audience() -> None:
    at_risk = requests("sla", a_rung(0.75, "handler", "leader", "handler"))
    assert [(r.audience, r.template) for r in at_risk] == [("handler", "at_risk"), ("leader", "at_risk")]
    assert {request.order for request in at_risk} == {None}
    [breach] = requests("sla", a_rung(1.0, "department"))
    assert (breach.template, breach.rung) == ("breach", f"{WORK_ORDER}/1/100%/0/0")


def test_a_rung_that_only_carries_a_command_tells_nobody() -> None:
    recall = CarriedCommand(command_id="k", action="recall")
    assert requests("sla", a_rung(1.0, command=recall)) == []


def test_a_rung_tells_subscribers_if_its_policy_says_so() -> None:
    notices = requests("sla", a_rung(1.0, "handler", actions=("notify", "webhook"), quiet_until=NOON))
    assert [(r.audience, r.template, r.quiet_until) for r in notices] == [
        ("handler", "breach", NOON),
        ("subscribers", "rung.fired", None),
    ]
    data = json.loads(notices[1].payload)["data"]
    assert (data["work_order_id"], data["clock"]["kind"], data["rung"]["name"]) == (WORK_ORDER, "resolve", "100%")


def test_a_rung_whose_conditions_did_not_hold_tells_nobody() -> None:
    assert requests("sla", a_rung(1.0, unmet=("tier",))) == []


def test_subscribers_hear_of_clocks_at_risk_and_breached() -> None:
    risk = sla.ClockAtRisk(work_order_id=WORK_ORDER, cycle=1, clock=CLOCK, rung=a_rung(0.75).rung)
    breached = sla.ClockBreached(work_order_id=WORK_ORDER, cycle=1, clock=CLOCK)
    assert [r.template for event in (risk, breached) for r in requests("sla", event)] == [
        "clock.at_risk",
        "clock.breached",
    ]


def test_every_type_that_can_be_subscribed_to_is_sent_and_no_other() -> None:
    events: list[tuple[str, Event]] = [
        ("workorders", workorders.Closed(outcome="satisfied")),
        ("workorders", workorders.Escalated(level=1)),
        ("workorders", workorders.Redispatched(cycle=2)),
        ("sla", sla.ClockAtRisk(work_order_id=WORK_ORDER, cycle=1, clock=CLOCK, rung=a_rung(0.75).rung)),
        ("sla", sla.ClockBreached(work_order_id=WORK_ORDER, cycle=1, clock=CLOCK)),
        ("sla", a_rung(0.75, actions=("webhook",))),
    ]
    sent = {r.template for topic, event in events for r in requests(topic, event) if r.audience == "subscribers"}
    assert sent == set(EventName.__args__)  # type: ignore[attr-defined] # a Literal's values


def test_a_recalled_order_keeps_the_team_that_had_it() -> None:
    [(collection, (order, fields))] = delivered(
        "workorders", workorders.Recalled(team="billing"), order=replace(ORDER, team=None, assignee=None)
    )
    assert (collection, order) == ("orders", WORK_ORDER)
    assert "team" not in fields
    assert fields["assignee"] is None


def test_contacts_come_from_the_complaint() -> None:
    received = complaints.Received(
        source="crm",
        external_id="1",
        number="C1",
        channel="web",
        customer=complaints.Customer(id="cus_1", name="张三", email="z@example.com"),
        subject="s",
        description="d",
        category="other",
        category_given=False,
        priority="P3",
        remedy_sought="unknown",
        received_at=NOON,
        acknowledged=False,
        language="en",
        work_order_id=WORK_ORDER,
        digest="d",
    )
    [(collection, copied)] = delivered("complaints", received, subject=COMPLAINT)
    wanted = {"number": "C1", "name": "张三", "email": "z@example.com", "language": "en"}
    assert (collection, copied) == ("contacts", (COMPLAINT, wanted))


def test_only_teams_and_people_of_the_directory_are_copied() -> None:
    def entry(kind: str) -> Any:
        event = directory.DirectoryChanged(kind=kind, id="x", version=1, effective_at=NOON, name="n")
        [(_, copied)] = delivered("directory", event, subject="dir_x")
        return copied

    assert entry("route") is None
    assert entry("team")[0] == "dir_x"
