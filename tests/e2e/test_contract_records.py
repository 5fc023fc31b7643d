"""What the system publishes: topics, keys, envelopes and the shapes of the data."""

import re
from datetime import datetime

from tests.e2e.outside import Outside
from tests.e2e.seen import Seen

ENVELOPE = {
    *("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_dataschema", "ce_partitionkey"),
    *("ce_sequence", "ce_correlationid", "ce_causationid", "ce_traceparent", "content-type"),
}
ORDER = {
    *("id", "complaint_id", "version", "status", "cycle", "category", "priority", "tier", "region", "team"),
    *("assignee", "channel", "severity_flags", "received_at", "customer_id", "escalation_level", "flags", "counts"),
}
COMPLAINT = {
    *("id", "external_id", "source", "channel", "status", "category", "priority", "customer_id", "work_order_id"),
    *("received_at", "number"),
}
CLOCK = {
    *("id", "kind", "state", "budget_seconds", "unit", "started_at", "due_at", "elapsed_seconds", "policy"),
    "calendar",
}
RUNG = {"key", "level", "fire_at", "fired_at", "late_ms", "audience", "actions", "collapsed"}
NOTIFICATION = {
    *("id", "cause", "channel", "audience", "recipient_ref", "template", "language", "status", "attempts"),
}


async def closed_order(outside: Outside) -> tuple[str, str]:
    customer = {"id": "c-records", "name": "王芳", "phone": "13800000000", "email": "wang@example.org"}
    complaint, order = await outside.submit(customer=customer, channel="phone")
    await outside.handle(order, "record_callback")
    await outside.record("complaints", lambda seen: seen.subject == complaint and seen.kind == "complaint.closed")
    return complaint, order


def kinds(records: list[Seen]) -> list[str]:
    """Without the flag that nobody could be reached, which comes when it comes: this installation sends no mail."""
    return [seen.kind for seen in records if seen.kind != "workorder.unreached"]


async def test_one_complaint_tells_its_whole_life_in_order(outside: Outside) -> None:
    complaint, order = await closed_order(outside)
    assert kinds(await outside.events("complaints", complaint, "complaint.closed")) == [
        *("complaint.received", "complaint.acknowledged", "complaint.handling_started", "complaint.answered"),
        "complaint.closed",
    ]
    assert kinds(await outside.events("workorders", order, "workorder.closed")) == [
        *("workorder.created", "workorder.acknowledged", "workorder.dispatched", "workorder.accepted"),
        *("workorder.resolution_submitted", "workorder.review_approved", "workorder.decision_communicated"),
        *("workorder.callback_completed", "workorder.closed"),
    ]


async def test_every_record_has_the_whole_envelope_in_binary_mode(outside: Outside) -> None:
    complaint, order = await closed_order(outside)
    for topic, subject, source in (("complaints", complaint, "intake"), ("workorders", order, "workflow")):
        records = await outside.events(topic, subject, f"{topic.removesuffix('s')}.closed")
        for number, seen in enumerate(records, start=1):
            assert set(seen.headers) >= ENVELOPE, seen
            assert seen.key == seen.subject.encode() == seen.headers["ce_partitionkey"].encode()
            assert seen.headers["ce_sequence"] == f"{number:010d}"
            assert seen.headers["ce_id"] == f"{subject}:{seen.headers['ce_sequence']}"
            assert seen.headers["ce_source"] == f"/closedloop/{source}"
            assert re.fullmatch(r"closedloop\.[a-z_.]+\.v1", seen.headers["ce_type"])
            assert seen.headers["ce_correlationid"] == complaint
            assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", seen.headers["ce_traceparent"])
            assert seen.headers["content-type"].startswith("application/json")
            assert datetime.fromisoformat(seen.headers["ce_time"]).utcoffset() is not None


async def test_a_cause_is_the_id_of_the_event_that_caused_it(outside: Outside) -> None:
    complaint, order = await closed_order(outside)
    created = await outside.record("workorders", lambda s: s.subject == order and s.kind == "workorder.created")
    received = await outside.record("complaints", lambda s: s.subject == complaint and s.kind == "complaint.received")
    assert created.headers["ce_causationid"] == received.headers["ce_id"]
    closed = await outside.record("complaints", lambda s: s.subject == complaint and s.kind == "complaint.closed")
    order_closed = await outside.record("workorders", lambda s: s.subject == order and s.kind == "workorder.closed")
    assert closed.headers["ce_causationid"] == order_closed.headers["ce_id"]


async def test_a_record_of_an_order_shows_the_order_as_it_was_then(outside: Outside) -> None:
    _, order = await closed_order(outside)
    records = await outside.events("workorders", order, "workorder.closed")
    statuses = [seen.data["work_order"]["status"] for seen in records if seen.kind != "workorder.unreached"]
    assert statuses == [
        *("dispatching", "dispatching", "assigned", "in_progress", "pending_review", "pending_callback"),
        *("pending_callback", "pending_callback", "closed"),
    ]
    for seen in records:
        assert set(seen.data) >= {"work_order", "change", "actor"}
        assert set(seen.data["work_order"]) >= ORDER
        assert set(seen.data["actor"]) >= {"kind", "id"}
        assert "occurred_at" in seen.data
    submitted = next(seen for seen in records if seen.kind == "workorder.resolution_submitted")
    assert submitted.data["change"]["root_cause"] == "Broken joint"
    assert submitted.data["change"]["remedy"]["kind"] == "repair"
    assert submitted.data["actor"]["id"] == "dev-handler"


async def test_a_complaint_carries_personal_fields_at_receipt_only(outside: Outside) -> None:
    complaint, _ = await closed_order(outside)
    received, *others = await outside.events("complaints", complaint, "complaint.closed")
    assert received.data["change"]["customer"]["name"] == "王芳"
    for seen in (received, *others):
        assert set(seen.data) >= {"complaint", "change", "actor"}
        assert set(seen.data["complaint"]) >= COMPLAINT
    assert not any("王芳" in str(seen.data) for seen in others)
    told = outside.so_far("workorders", lambda s: s.headers.get("ce_correlationid") == complaint)
    assert not any("王芳" in str(seen.data) or "13800000000" in str(seen.data) for seen in told)


async def test_sla_records_are_keyed_by_order_and_list_the_clocks_of_one_decision(outside: Outside) -> None:
    _, order = await closed_order(outside)
    changed = await outside.records(
        "sla", lambda seen: seen.key == order.encode() and seen.kind == "clocks.changed", 2
    )
    for seen in changed:
        assert seen.headers["ce_source"] == "/closedloop/escalation"
        assert set(seen.data) >= {"work_order_id", "cycle", "clocks"}
        assert seen.data["work_order_id"] == order
        for clock in seen.data["clocks"]:
            assert set(clock) >= CLOCK | {"change"}
            assert clock["change"] in {
                "started",
                "paused",
                "resumed",
                "retargeted",
                "stopped",
                "cancelled",
                "corrected",
            }
            assert set(clock["policy"]) == set(clock["calendar"]) == {"id", "version"}
    started = {clock["kind"] for seen in changed for clock in seen.data["clocks"] if clock["change"] == "started"}
    assert {"acknowledge", "accept", "resolve", "statutory"} <= started


async def test_rungs_breaches_and_warnings_name_clock_and_rung(outside: Outside) -> None:
    _, order = await outside.submit()
    await outside.record("sla", lambda seen: seen.key == order.encode())
    await outside.later(hours=2, seconds=1)
    mine = [seen for seen in await outside.records("sla", lambda s: s.key == order.encode(), 4)]
    fired = [seen for seen in mine if seen.kind == "rung.fired" and seen.data["clock"]["kind"] == "accept"]
    assert fired, kinds(mine)
    for seen in fired:
        assert set(seen.data["clock"]) >= CLOCK
        assert set(seen.data["rung"]) >= RUNG
    breached = [seen for seen in mine if seen.kind == "clock.breached"]
    assert [seen.data["clock"]["kind"] for seen in breached] == ["accept"]
    recall = [seen.data["rung"]["command"] for seen in fired if seen.data["rung"].get("command")]
    assert [command["action"] for command in recall] == ["recall"]
    assert set(recall[0]) >= {"command_id", "action", "arguments"}


async def test_notices_are_keyed_by_their_id_and_hold_no_address(outside: Outside) -> None:
    complaint, _ = await outside.submit(
        customer={"id": "c-notice", "name": "Li Lei", "phone": "13900000000", "email": "li@example.org"}
    )
    seen = await outside.record("notifications", lambda seen: seen.headers["ce_correlationid"] == complaint)
    assert seen.kind.startswith("notification.")
    assert seen.key == seen.subject.encode() == seen.data["notification"]["id"].encode()
    assert set(seen.data["notification"]) >= NOTIFICATION
    assert seen.data["notification"]["id"].startswith("ntc_")
    assert set(seen.data["notification"]["template"]) == {"id", "version"}
    all_of_it = outside.so_far("notifications", lambda s: s.headers["ce_correlationid"] == complaint)
    assert "li@example.org" not in str([(s.headers, s.data) for s in all_of_it])


async def test_the_directory_is_published_by_entry(outside: Outside) -> None:
    seen = await outside.record("directory", lambda seen: seen.data["id"] == "default")
    assert seen.kind == "directory.changed"
    assert seen.data["kind"] == "team"
    assert seen.key == b"default"
    assert {"kind", "id", "name", "regions", "parent_team", "leader_id", "members"} <= set(seen.data)
