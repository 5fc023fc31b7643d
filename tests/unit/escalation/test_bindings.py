"""Records as workflow really writes them, read by escalation's binding and lived through by a clock set."""

from dataclasses import replace

import msgspec

from services.escalation.bindings import BINDINGS
from services.escalation.domain import CLOCK_SETS
from services.escalation.domain.clock_sets import SLOTS, slot_of
from services.escalation.domain.commands import Observe
from services.escalation.domain.table import TOUCHES
from services.workflow.domain import WORK_ORDERS
from services.workflow.domain import commands as c
from shared.events.catalogue import by_type
from shared.events.parts import Turn
from shared.events.sla import ClockAtRisk, ClockBreached, ClocksChanged, RungCollapsed, RungFired
from shared.kernel.aggregate import Cause, Decision, Facts, Snapshot
from shared.kernel.history import states_after
from shared.kernel.ids import CLOCK_SET, COMPLAINT, sibling
from shared.messaging.cloudevents import read_data, read_envelope
from shared.messaging.contract import change, record_of
from shared.messaging.reading import Reader, Work
from shared.messaging.records import Envelope, InRecord, OutRecord, Rejected
from tests.unit.escalation.story import Story, shipped_rules
from tests.unit.workflow.builders import (
    AGENT,
    CALLER,
    HANDLER,
    NOW,
    ORDER_ID,
    RESOLUTION,
    REVIEWER,
    Order,
    received,
)

WAY = (
    c.Create(complaint_id=sibling(ORDER_ID, COMPLAINT), received=received()),
    c.Acknowledge(actor=AGENT, by="agent"),
    c.Accept(actor=HANDLER),
    c.Respond(actor=HANDLER, text="we are looking"),
    c.SubmitResolution(actor=HANDLER, **RESOLUTION),
    c.Approve(actor=REVIEWER),
    c.CommunicateDecision(by="system"),
    c.RecordCallback(actor=CALLER, outcome="no_answer"),
    c.RecordCallback(actor=CALLER, outcome="dissatisfied"),
)


def arrived(record: OutRecord) -> InRecord:
    return InRecord(record.topic, 0, 0, record.key, record.value, record.headers, NOW)


def records_of(order: Order, command: c.WorkOrderCommand) -> list[InRecord]:
    """What workflow publishes for a command."""
    before = order.snapshot
    events = order.asked(command)
    assert isinstance(events, tuple), events
    order.does(command)
    decision = Decision(
        before.version + 1, before.sequence, order.now, order.now, command.actor, Cause("test", "1"), events
    )
    states = states_after(WORK_ORDERS, before.state, decision)
    return [
        arrived(record_of(WORK_ORDERS, decision, place, state, ORDER_ID, "workflow"))
        for place, state in enumerate(states)
    ]


def an_observed_order() -> tuple[Story, int]:
    """The clocks after all of `WAY`, and how many records were heard."""
    order = Order(Snapshot(ORDER_ID))
    story = Story(now=NOW, snapshot=Snapshot(sibling(ORDER_ID, CLOCK_SET)))
    heard = 0
    for command in WAY:
        for record in records_of(order.later(minutes=10), command):
            story.now = order.now
            (work,) = Reader(BINDINGS).read(record, Facts(order.now, shipped_rules()))
            assert isinstance(work, Work), work
            assert work.aggregate_id == sibling(ORDER_ID, CLOCK_SET)
            heard += 1
            if work.command is not None:
                story.ask(work.command)
    return story, heard


def test_an_order_heard_through_its_records_has_the_clocks_of_its_status() -> None:
    story, heard = an_observed_order()
    assert heard == len(WAY) + 3  # dispatched twice, and redispatched with the dissatisfied callback
    assert {clock.kind for clock in story.state.running} == {"accept", "resolve"}
    assert story.state.cycle == 2
    assert story.state.team == "default"


def test_a_receipt_clock_counts_from_the_complaints_receipt() -> None:
    story, _ = an_observed_order()
    assert story.clock("acknowledge").started_at == received().received_at


def test_the_accept_clock_starts_at_the_very_instant_of_the_assignment() -> None:
    """Workflow compares the two to tell whether a recall still concerns the present assignment."""
    order = Order(Snapshot(ORDER_ID))
    order.now = NOW.replace(microsecond=987_000)
    story = Story(now=order.now, snapshot=Snapshot(sibling(ORDER_ID, CLOCK_SET)))
    for record in records_of(order, WAY[0]):
        (work,) = Reader(BINDINGS).read(record, Facts(order.now, shipped_rules()))
        assert isinstance(work, Work)
        assert work.command is not None
        story.ask(work.command)
    assert story.clock("accept").started_at == order.state.assigned_at


def test_other_records_of_the_order_only_move_the_watermark() -> None:
    order = Order(Snapshot(ORDER_ID))
    records_of(order, WAY[0])
    (record,) = records_of(order, c.Escalate(level=1))
    (work,) = Reader(BINDINGS).read(record, Facts(NOW, shipped_rules()))
    assert isinstance(work, Work)
    assert work.command is None


def test_the_binding_hears_exactly_the_records_of_the_table() -> None:
    (follow,) = BINDINGS
    assert set(follow.on) == set(by_type(TOUCHES))


def test_what_is_published_is_keyed_by_order_and_correlated_with_the_complaint() -> None:
    story = Story().created().dispatched()
    record, envelope, _ = published(story)[0]
    assert record.key == b"wo_0123456789abcdef0123456789abcdef"
    assert envelope.correlation_id == "cmp_0123456789abcdef0123456789abcdef"
    assert envelope.subject == story.snapshot.id


def test_published_records_read_back_as_the_events_that_were_decided() -> None:
    story = Story().created().dispatched()
    story.outage_until("2026-03-20T09:00:00+08:00")
    kinds = by_type((ClocksChanged, ClockAtRisk, ClockBreached, RungFired, RungCollapsed))
    read = [change(kinds[envelope.type])(data) for _, envelope, data in published(story)]
    assert read == [replace(e, traits=None) if isinstance(e, ClocksChanged) else e for e in story.events]
    assert {type(event) for event in read} == set(kinds.values())


def test_ledgers_and_the_log_name_the_record_and_who_acted() -> None:
    order = Order(Snapshot(ORDER_ID))
    for command in WAY[:3]:
        records = records_of(order, command)
    (work,) = Reader(BINDINGS).read(records[-1], Facts(NOW, shipped_rules()))
    assert isinstance(work, Work)
    assert isinstance(work.command, Observe)
    assert (work.command.actor.kind, work.command.actor.id) == (HANDLER.kind, HANDLER.id)
    sequence = order.snapshot.sequence
    assert work.command.turn == Turn(
        "workorder.accepted", f"{ORDER_ID}:{sequence:010d}", f"{HANDLER.kind}:{HANDLER.id}"
    )


def published(story: Story) -> list[tuple[OutRecord, Envelope, dict[str, object]]]:
    decision = Decision(1, 0, story.now, story.now, AGENT, Cause("test", "1"), tuple(story.events))
    records = [
        record_of(CLOCK_SETS, decision, place, story.state, story.snapshot.id, "escalation")
        for place in range(len(story.events))
    ]
    found = []
    for record in records:
        envelope, data = read_envelope(arrived(record)), read_data(arrived(record))
        assert not isinstance(envelope, Rejected)
        assert not isinstance(data, Rejected)
        found.append((record, envelope, dict(data)))
    return found


def test_no_personal_data_is_published() -> None:
    story, _ = an_observed_order()
    text = b"".join(record.value or b"" for record, _, _ in published(story))
    for personal in (received().subject, received().description, str(RESOLUTION["reply_text"])):
        assert personal.encode() not in text
    assert msgspec.json.decode(published(story)[0][0].value or b"")["work_order_id"] == ORDER_ID


def test_a_slot_lies_in_the_partition_of_the_orders_records() -> None:
    from aiokafka.partitioner import DefaultPartitioner

    for number in range(200):
        order_id = f"wo_{number:032x}"
        for partitions in (1, 6, 24, 960):
            places = list(range(partitions))
            assert DefaultPartitioner()(order_id.encode(), places, places) == slot_of(order_id) % partitions
    assert SLOTS % 24 == 0
