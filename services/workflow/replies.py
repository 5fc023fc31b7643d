"""Answers to commands that came by the inbox (指令回执), the same bytes whenever they are made again."""

import msgspec

from shared.events.catalogue import wire_type
from shared.events.replies import CommandApplied, CommandRefused
from shared.kernel.ids import COMPLAINT, sibling
from shared.messaging.bindings import Replied
from shared.messaging.cloudevents import write
from shared.messaging.contract import source_of
from shared.messaging.records import Delivery, Envelope, OutRecord

TOPIC = "workorders.replies"


def reply(delivery: Delivery, replied: Replied) -> OutRecord:
    command_id = str(delivery.data["command_id"])
    answer = _answer(command_id, replied)
    envelope = Envelope(
        id=f"{command_id}:reply",
        source=source_of("workflow"),
        type=wire_type(type(answer)),
        subject=replied.aggregate_id,
        time=replied.decision.at if replied.decision else delivery.record.timestamp,
        correlation_id=sibling(replied.aggregate_id, COMPLAINT),
        causation_id=delivery.envelope.id,
        trace=delivery.envelope.trace,
    )
    return write(TOPIC, command_id, envelope, msgspec.json.encode(answer))


def _answer(command_id: str, replied: Replied) -> CommandApplied | CommandRefused:
    if replied.refusal is None:
        return CommandApplied(command_id=command_id, work_order_id=replied.aggregate_id, version=replied.version)
    return CommandRefused(
        command_id=command_id,
        work_order_id=replied.aggregate_id,
        code=replied.refusal.code,
        detail=replied.refusal.detail,
        version=replied.version,
    )
