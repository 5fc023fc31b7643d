"""Records as other services write them, read by the bindings: which command comes of which."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from services.workflow.bindings import BINDINGS
from services.workflow.domain import commands as c
from services.workflow.domain import directory as d
from services.workflow.domain import handling_commands as h
from shared.events import notifications, sla
from shared.events.catalogue import wire_type
from shared.events.complaints import WithdrawalRequested
from shared.events.directory import DirectoryChanged
from shared.events.parts import CarriedCommand, ClockChange, ClockView, Reason, Rung, VersionedRef
from shared.kernel.aggregate import SYSTEM, Event
from shared.kernel.ids import COMPLAINT, sibling
from shared.kernel.refusal import Refusal
from shared.messaging.bindings import Replied, Trigger
from shared.messaging.cloudevents import read_data, read_envelope, write
from shared.messaging.reading import Copying, Dead, Reader, Reading, Work
from shared.messaging.records import Envelope, InRecord, OutRecord
from tests.unit.workflow.builders import NOW, ORDER_ID, entry, facts, received

COMPLAINT_ID = sibling(ORDER_ID, COMPLAINT)
REFUSED = notifications.DeliveryError(kind="permanent", code="refused", detail="")
POLICY = VersionedRef("p", 1)
CLOCK: Mapping[str, Any] = {
    "id": "3",
    "kind": "accept",
    "state": "running",
    "budget_seconds": 7200,
    "unit": "natural",
    "started_at": NOW,
    "due_at": NOW,
    "elapsed_seconds": 7200,
    "policy": POLICY,
    "calendar": POLICY,
}


def came(out: OutRecord) -> InRecord:
    return InRecord(out.topic, 0, 7, out.key, out.value, out.headers, NOW)


def read(topic: str, kind: str, data: object, source: str = "/closedloop/other", subject: str = "x") -> list[Reading]:
    envelope = Envelope(id="cause-1", source=source, type=kind, subject=subject, time=NOW, sequence=4)
    record = came(write(topic, "key", envelope, msgspec.json.encode(data)))
    return Reader(BINDINGS).read(record, facts())


def worked(readings: list[Reading]) -> Work:
    [work] = [reading for reading in readings if isinstance(reading, Work)]
    return work


def own(topic: str, event: Event, view: Mapping[str, Any] | None = None, subject: str = "x") -> list[Reading]:
    data = event if view is None else {**view, "change": event, "actor": {"kind": "system", "id": "system"}}
    return read(topic, wire_type(type(event)), data, subject=subject)


def command(action: str, source: str = "/oa", **arguments: Any) -> list[Reading]:
    data = {
        "command_id": "cmd-1",
        "work_order_id": ORDER_ID,
        "action": action,
        "actor": {"kind": "agent", "id": "wang"},
    }
    return read("workorders.inbox", "closedloop.workorder.command.v1", {**data, **arguments}, source=source)


def dead(readings: list[Reading]) -> tuple[str, str]:
    [letter] = readings
    assert isinstance(letter, Dead)
    return letter.reason, letter.detail


def test_a_received_complaint_creates_its_order() -> None:
    work = worked(own("complaints", received(), {"complaint": {}}, subject=COMPLAINT_ID))
    assert work.aggregate_id == ORDER_ID
    assert work.command == c.Create(complaint_id=COMPLAINT_ID, received=received())


@pytest.mark.parametrize(("by", "kind", "confirmed"), [("complainant", "complainant", None), ("regulator",) * 3])
def test_a_withdrawal_cancels_in_the_complainants_name(by: str, kind: str, confirmed: str | None) -> None:
    wanted = WithdrawalRequested(text="solved itself", by=by)
    work = worked(own("complaints", wanted, {"complaint": {}}, subject=COMPLAINT_ID))
    assert isinstance(work.command, c.Cancel)
    assert (work.aggregate_id, work.command.actor.kind, work.command.confirmed_by) == (ORDER_ID, kind, confirmed)
    assert work.command.reason.text == "solved itself"


def test_a_command_acts_for_its_source_and_is_known_by_its_own_id() -> None:
    work = worked(command("transfer", team="billing", reason="wrong team", occurred_at="2026-03-02T17:00:00+08:00"))
    assert (work.aggregate_id, work.cause_id) == (ORDER_ID, "cmd-1")
    assert isinstance(work.command, c.Transfer)
    assert (work.command.actor.id, work.command.actor.org) == ("wang", "/oa")
    assert work.command.occurred_at == NOW


def test_a_command_from_nobody_we_know_is_dead_lettered() -> None:
    assert dead(command("accept", source="/strangers"))[0] == "unknown_source"


@pytest.mark.parametrize(
    ("action", "arguments", "pointer"),
    [
        ("transfer", {"team": "billing"}, "/reason"),
        ("accept", {"occurred_at": "2026-03-02T17:00:00"}, "/occurred_at"),
        ("accept", {"occurred_at": 1772442000}, "/occurred_at"),
        ("accept", {"expected_version": "3"}, "/expected_version"),
        ("accept", {"work_order_id": "wo_1"}, "/work_order_id"),
        ("respond", {"text": "  "}, "/text"),
        ("record_callback", {"outcome": "fine"}, "/outcome"),
        ("record_callback", {"outcome": "satisfied", "scores": {"speed": 6}}, "/scores/speed"),
        ("suspend", {"reason_code": "site_access"}, "/wake_up_at"),
        ("decide_extension", {"approve": 1}, "/approve"),
        ("change_priority", {"priority": "P5", "reason": "x"}, "/priority"),
        ("reclassify", {"category": "a//b", "reason": "x"}, "/category"),
        ("abolish", {}, "/action"),
    ],
)
def test_a_command_that_makes_no_sense_is_dead_lettered(action: str, arguments: dict[str, Any], pointer: str) -> None:
    reason, detail = dead(command(action, **arguments))
    assert reason == "data_invalid"
    assert detail.startswith(f"{pointer}:")


def test_an_action_of_the_contract_that_is_not_there_yet_is_refused_by_the_order() -> None:
    work = worked(command("merge", into=7, anything="else"))
    assert isinstance(work.command, c.Unsupported)
    assert work.command.wanted == "merge"


def test_replies_are_the_same_bytes_whenever_they_are_made() -> None:
    work = worked(command("accept"))
    binding = work.binding
    assert isinstance(binding, Trigger)
    assert binding.reply is not None
    refused = Replied(ORDER_ID, 3, Refusal("already_accepted", "hanna has it"), None)
    record = binding.reply(work.delivery, refused)
    assert record == binding.reply(work.delivery, refused)
    envelope = read_envelope(came(record))
    assert isinstance(envelope, Envelope)
    assert (record.topic, record.key, envelope.id) == ("workorders.replies", b"cmd-1", "cmd-1:reply")
    assert envelope.type == "closedloop.command.refused.v1"
    assert read_data(came(record)) == {
        "command_id": "cmd-1",
        "work_order_id": ORDER_ID,
        "code": "already_accepted",
        "detail": "hanna has it",
        "version": 3,
    }


def fired(carried: CarriedCommand | None) -> list[Reading]:
    rung = Rung(key="k/3/100%/0/1", level=4, name="100%", fire_at=NOW, fired_at=NOW, late_ms=0, command=carried)
    return own("sla", sla.RungFired(work_order_id=ORDER_ID, cycle=1, clock=ClockView(**CLOCK), rung=rung))


def test_a_rung_carries_its_command_once() -> None:
    work = worked(fired(CarriedCommand(command_id="k/3/100%/0/1", action="recall")))
    assert work.cause_id == "k/3/100%/0/1"
    assert work.command == c.Recall(clock_started_at=NOW)
    escalating = worked(fired(CarriedCommand(command_id="k", action="escalate", arguments={"level": 2})))
    assert escalating.command == c.Escalate(level=2)


LATER = NOW.isoformat().replace("+00:00", "Z")
STATED = Reason("other", "late")
HANDLING: Mapping[str, tuple[dict[str, Any], c.WorkOrderCommand]] = {
    "suspend": (
        {"reason_code": "site_access", "wake_up_at": LATER, "evidence": "a locked door"},
        h.Suspend(reason_code="site_access", wake_up_at=NOW, evidence="a locked door"),
    ),
    "resume": ({}, h.Resume()),
    "request_extension": (
        {"until": LATER, "reason_code": "weather", "text": "snow"},
        h.RequestExtension(until=NOW, reason=Reason("weather", "snow")),
    ),
    "decide_extension": ({"approve": False, "text": "no"}, h.DecideExtension(approve=False, text="no")),
    "return": ({"reason_code": "not_ours"}, h.Return(reason=Reason("not_ours"))),
    "arbitrate": ({"team": "billing", "reason": "late"}, h.Arbitrate(team="billing", reason=STATED)),
    "report_progress": ({"text": "soon"}, h.ReportProgress(text="soon")),
    "urge": ({"by": "complainant"}, h.Urge(by="complainant")),
    "change_priority": ({"priority": "P1", "reason": "late"}, h.ChangePriority(priority="P1", reason=STATED)),
    "reclassify": ({"category": "a/b", "reason": "late"}, h.Reclassify(category="a/b", reason=STATED)),
}


@pytest.mark.parametrize("action", HANDLING)
def test_an_action_on_an_order_in_hand_comes_by_the_inbox_and_with_a_rung(action: str) -> None:
    arguments, wanted = HANDLING[action]
    by_inbox = worked(command(action, **arguments)).command
    assert isinstance(by_inbox, c.WorkOrderCommand)
    assert replace(by_inbox, actor=SYSTEM) == wanted
    if isinstance(wanted, h.Resume | h.DecideExtension):
        wanted = replace(wanted, clock_started_at=NOW)
    carried = CarriedCommand(command_id="k", action=action, arguments=arguments)
    assert worked(fired(carried)).command == wanted


def test_a_rung_that_only_tells_somebody_asks_nothing_of_the_order() -> None:
    assert fired(None) == [] or not any(isinstance(reading, Work) for reading in fired(None))


def delivery(kind: type[notifications.DeliveryEvent], template: str, **changed: Any) -> list[Reading]:
    given: dict[str, Any] = {
        "id": "n-1",
        "delivery": "n-1/1",
        "work_order_id": ORDER_ID,
        "cause": f"{ORDER_ID}:0000000009",
        "rung": None,
        "channel": "email",
        "audience": "complainant",
        "recipient_ref": "complainant:x",
        "template": VersionedRef(template, 1),
        "language": "zh",
        "status": "sent",
        "attempts": 1,
    }
    error = changed.pop("error", None)
    return own("notifications", kind(notification=notifications.Notification(**{**given, **changed}), error=error))


def test_what_was_sent_to_the_complainant_counts_as_told() -> None:
    acknowledged = worked(delivery(notifications.Sent, "acknowledgement")).command
    assert acknowledged == c.Acknowledge(by="system", occurred_at=NOW)
    answered = worked(delivery(notifications.Delivered, "answer")).command
    assert answered == c.CommunicateDecision(by="system", occurred_at=NOW, about=9)


def test_other_notices_say_nothing_about_the_order() -> None:
    for readings in (
        delivery(notifications.Sent, "at_risk", audience="handler"),
        delivery(notifications.Sent, "answer", audience="leader"),
        delivery(notifications.Sent, "answer", work_order_id=None),
        delivery(notifications.Failed, "answer", error=REFUSED),
        delivery(notifications.Failed, "answer"),
    ):
        assert not any(isinstance(reading, Work) for reading in readings)


def test_no_route_to_the_complainant_leaves_a_mark() -> None:
    error = notifications.DeliveryError(kind="permanent", code="no_route", detail="")
    assert worked(delivery(notifications.Failed, "answer", error=error)).command == c.MarkUnreached(template="answer")


def copied(readings: list[Reading]) -> list[tuple[str, Mapping[str, Any]]]:
    [copying] = [reading for reading in readings if isinstance(reading, Copying)]
    return list(copying.copies)


def test_each_clock_is_copied_by_itself_and_alarms_are_not() -> None:
    change = {"change": "started", "number": 3, "cycle": 1}
    clock = ClockChange(**CLOCK, **change)  # type: ignore[arg-type]  # the fields, given by name
    alarm = ClockChange(**{**CLOCK, "id": "4", "kind": "alarm.callback_attempt"}, **change)  # type: ignore[arg-type]  # likewise
    event = sla.ClocksChanged(work_order_id=ORDER_ID, cycle=1, clocks=(clock, alarm), region="jiangsu")
    [(document_id, fields)] = copied(own("sla", event))
    assert document_id == f"{ORDER_ID}/3"
    assert (fields["work_order"], fields["clock"], fields["as_of"]) == (ORDER_ID, "3", NOW)
    assert fields["started_at"] == datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_every_version_of_an_entry_is_kept() -> None:
    changed = entry("route", "r", version=3, team="default")
    [(document_id, fields)] = copied(own("directory", changed))
    assert document_id == "r:3"
    assert msgspec.convert(dict(fields), DirectoryChanged) == changed
    assert d.entry_id("r") == "dir_r"
