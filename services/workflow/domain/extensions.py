"""延期: the owner asks for a later promise, a leader who is somebody else decides, and nobody's silence grants it.

Whether the request comes before the deadline is escalation's to see: the clocks are there, and an extension that is
granted too late moves none of them.
"""

from dataclasses import replace

from services.workflow.domain import handling_commands as h
from services.workflow.domain.decisions import Deciders, Evolvers, Result
from services.workflow.domain.state import Extension, WorkOrder
from services.workflow.domain.transitions import move
from shared.events import workorders as e
from shared.kernel.aggregate import Facts, Stamp
from shared.kernel.alteration import altered
from shared.kernel.refusal import Refusal


def request_extension(_order: WorkOrder, command: h.RequestExtension, facts: Facts) -> Result:
    if command.until <= facts.now:
        return _gone("/until")
    return [e.ExtensionRequested(until=command.until, reason=command.reason, requested_by=command.actor.id)]


def decide_extension(order: WorkOrder, command: h.DecideExtension, facts: Facts) -> Result:
    """A timer may only let the request lapse."""
    asked, started = order.extension, command.clock_started_at
    if asked is None:
        return Refusal("no_extension_requested")
    if started is not None and asked.requested_at > started:
        return Refusal("extension_changed", "another one was requested since that clock started")
    if command.approve and "system" in command.actor.roles:
        return Refusal("leader_required", "nothing extends by itself", pointer="/approve")
    if command.approve and asked.until <= facts.now:
        return _gone("/approve")
    decided = e.ExtensionDecided(
        approved=command.approve,
        until=asked.until,
        reason=asked.reason,
        requested_by=asked.requested_by,
        decided_by=command.actor.id,
        text=command.text,
    )
    return [decided]


def _gone(pointer: str) -> Refusal:
    return Refusal("not_in_the_future", "the time asked for has passed", pointer=pointer)


def requested(order: WorkOrder, event: e.ExtensionRequested, stamp: Stamp) -> WorkOrder:
    extension = Extension(
        until=event.until, reason=event.reason, requested_by=event.requested_by, requested_at=stamp.occurred_at
    )
    return altered(move(order, "request_extension", order.status), extension=extension)


def decided(order: WorkOrder, event: e.ExtensionDecided, _stamp: Stamp) -> WorkOrder:
    order = move(order, "decide_extension", order.status)
    status = "approved" if event.approved else "rejected"
    return altered(order, extension=replace(order.extension, status=status) if order.extension else None)


DECIDERS: Deciders = {
    h.RequestExtension: request_extension,
    h.DecideExtension: decide_extension,
}
EVOLVERS: Evolvers = {
    e.ExtensionRequested: requested,
    e.ExtensionDecided: decided,
}
