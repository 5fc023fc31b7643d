"""What workflow hears, and which command it makes of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from services.workflow.arguments import Arguments
from services.workflow.clock_facts import facts_of_breach, facts_of_change, is_alarm
from services.workflow.domain import WORK_ORDERS
from services.workflow.domain import aftercare_commands as a
from services.workflow.domain import commands as c
from services.workflow.domain import handling_commands as h
from services.workflow.domain.scope import SOURCE
from services.workflow.domain.transitions import NOT_YET_SUPPORTED
from services.workflow.projection import CLOCKS, DIRECTORY
from services.workflow.replies import reply
from services.workflow.schemas import ARGUMENTS, CommandHeader
from shared.events import complaints, notifications, sla
from shared.events.catalogue import wire_type
from shared.events.directory import DirectoryChanged
from shared.events.parts import Reason
from shared.kernel.aggregate import SYSTEM, Actor, Event, Facts
from shared.kernel.ids import COMPLAINT, WORK_ORDER, sibling
from shared.kernel.refusal import Refusal
from shared.messaging import contract
from shared.messaging.bindings import Binding, Copy, InvalidData, On, Replica, Target, Trigger
from shared.messaging.records import Delivery
from shared.persistence.codec import stored

COMPLAINANT = "complainant"  # the audience of notices whose delivery the order waits for
SPEAKS_FOR_COMPLAINANTS = frozenset({"agent"})
ALL = frozenset({"*"})
FOR_ONE_CLOCK = (c.Recall, h.Resume, h.DecideExtension, a.CloseSurvey, a.SettleLiability, a.Archive)
"""Commands of rungs that mean what their clock was started for, and nothing that came later."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A command from outside: who asks what of which order."""

    header: CommandHeader
    arguments: Arguments | None  # None: an action that is known by name only


@dataclass(frozen=True, slots=True)
class Fired:
    """A rung, and what it wants of the order, if anything."""

    event: sla.RungFired
    arguments: Arguments | None


# complaints


def on_received(delivery: Delivery) -> Target:
    received: complaints.Received = delivery.change
    complaint_id = sibling(received.work_order_id, COMPLAINT)
    return received.work_order_id, c.Create(complaint_id=complaint_id, received=received)


def on_withdrawal(delivery: Delivery) -> Target:
    """The complainant wants out; of a regulator's case only the regulator's own word counts."""
    wanted: complaints.WithdrawalRequested = delivery.change
    by_regulator = wanted.by == "regulator"
    actor = Actor("regulator" if by_regulator else "complainant", wanted.by, None, SPEAKS_FOR_COMPLAINANTS, ALL, ALL)
    return sibling(str(delivery.envelope.subject), WORK_ORDER), c.Cancel(
        actor=actor, reason=Reason("withdrawn", wanted.text), confirmed_by=wanted.by if by_regulator else None
    )


# workorders.inbox


class CommandDecoder(contract.ModelDecoder[CommandHeader]):
    """Reads what is the same in every command, then the arguments of its action."""

    def __call__(self, data: Mapping[str, Any]) -> Any:
        header = contract.model(self.kind)(data)
        if header.action in NOT_YET_SUPPORTED:
            return Asked(header, None)
        return Asked(header, _arguments(header.action, data))


def _arguments(action: str, raw: Mapping[str, Any]) -> Arguments:
    if action not in ARGUMENTS:
        raise InvalidData("/action", "not an action of the contract")
    return contract.model(ARGUMENTS[action])(raw)


def on_command(delivery: Delivery) -> Target:
    asked: Asked = delivery.change
    who = asked.header.actor
    source = delivery.envelope.source
    actor = Actor(who.kind, who.id, who.org or source, frozenset({SOURCE + source}), ALL, ALL)
    if asked.arguments is None:
        return asked.header.work_order_id, c.Unsupported(actor=actor, wanted=asked.header.action)
    return asked.header.work_order_id, asked.arguments.command(actor)


def registered(delivery: Delivery, facts: Facts) -> Refusal | None:
    if facts.reference.at(facts.now).source(delivery.envelope.source) is not None:
        return None
    return Refusal("unknown_source", "commands need a registered source")


def command_id(delivery: Delivery) -> str:
    asked: Asked = delivery.change
    return asked.header.command_id


# sla


class RungDecoder(contract.EventDecoder[sla.RungFired]):
    """Reads the rung, then the arguments of the command that it carries."""

    def __call__(self, data: Mapping[str, Any]) -> Any:
        event = contract.change(self.kind)(data)
        carried = event.rung.command
        return Fired(event, _arguments(carried.action, carried.arguments) if carried else None)


def on_rung(delivery: Delivery) -> Target | None:
    fired: Fired = delivery.change
    if fired.arguments is None:
        return None
    command = fired.arguments.command(SYSTEM)
    if isinstance(command, FOR_ONE_CLOCK):
        command = replace(command, clock_started_at=fired.event.clock.started_at)
    return fired.event.work_order_id, command


def rung_command_id(delivery: Delivery) -> str:
    fired: Fired = delivery.change
    carried = fired.event.rung.command
    return carried.command_id if carried else delivery.envelope.id


def copy_clocks(delivery: Delivery) -> list[Copy]:
    """One document per clock, so that the newest of each wins. Alarms are timers of ours, not clocks of the order."""
    changed: sla.ClocksChanged | sla.ClockBreached = delivery.change
    at = delivery.envelope.time or delivery.record.timestamp
    if isinstance(changed, sla.ClocksChanged):
        told = [facts_of_change(changed, clock, at) for clock in changed.clocks if not is_alarm(clock)]
    else:
        told = [] if is_alarm(changed.clock) else [facts_of_breach(changed)]
    order = changed.work_order_id
    return [(f"{order}/{facts['clock']}", {**facts, "work_order": order, "as_of": at}) for facts in told]


# notifications


def on_sent(delivery: Delivery) -> Target | None:
    """The acknowledgement or the answer reached the complainant, as far as the channel can tell."""
    told: notifications.DeliveryEvent = delivery.change
    notification = told.notification
    if notification.work_order_id is None or notification.audience != COMPLAINANT:
        return None
    at = delivery.envelope.time
    if notification.template.id == "acknowledgement":
        return notification.work_order_id, c.Acknowledge(by="system", occurred_at=at)
    if notification.template.id == "answer":
        about = _sequence(notification.cause)
        return notification.work_order_id, c.CommunicateDecision(by="system", occurred_at=at, about=about)
    return None


def _sequence(event_id: str) -> int | None:
    _, _, number = event_id.rpartition(":")
    return int(number) if number.isascii() and number.isdigit() else None


def on_failed(delivery: Delivery) -> Target | None:
    failed: notifications.Failed = delivery.change
    notification = failed.notification
    no_route = failed.error is not None and failed.error.code == "no_route"
    if notification.work_order_id is None or notification.audience != COMPLAINANT or not no_route:
        return None
    return notification.work_order_id, c.MarkUnreached(template=notification.template.id)


# directory


def copy_entry(delivery: Delivery) -> Copy:
    """One document per version: the next one counts only from its time on, and until then the present one does."""
    entry: DirectoryChanged = delivery.change
    return f"{entry.id}:{entry.version}", stored(entry)


def _whole(kind: type[Event], to: Callable[[Delivery], Target | None] = lambda _: None) -> tuple[str, On]:
    """An event that is all there is in its record."""
    return wire_type(kind), On(contract.change(kind), to, directly=msgspec.json.Decoder(kind).decode)


BINDINGS: tuple[Binding, ...] = (
    Trigger(
        topic="complaints",
        aggregate=WORK_ORDERS,
        on={
            wire_type(complaints.Received): On(contract.change(complaints.Received), on_received),
            wire_type(complaints.WithdrawalRequested): On(
                contract.change(complaints.WithdrawalRequested), on_withdrawal
            ),
        },
    ),
    Trigger(
        topic="workorders.inbox",
        aggregate=WORK_ORDERS,
        on={"closedloop.workorder.command.v1": On(CommandDecoder(CommandHeader), on_command)},
        foreign=True,
        may_send=registered,
        reply=reply,
        cause_id=command_id,
    ),
    Trigger(
        topic="sla",
        aggregate=WORK_ORDERS,
        on={wire_type(sla.RungFired): On(RungDecoder(sla.RungFired), on_rung)},
        cause_id=rung_command_id,
    ),
    Trigger(
        topic="notifications",
        aggregate=WORK_ORDERS,
        on=dict(
            (
                _whole(notifications.Sent, on_sent),
                _whole(notifications.Delivered, on_sent),
                _whole(notifications.Failed, on_failed),
            )
        ),
    ),
    Replica(
        topic="sla",
        collection=CLOCKS,
        on=dict((_whole(sla.ClocksChanged), _whole(sla.ClockBreached))),
        copy=copy_clocks,
    ),
    Replica(
        topic="directory",
        collection=DIRECTORY,
        on=dict((_whole(DirectoryChanged),)),
        copy=copy_entry,
    ),
)
