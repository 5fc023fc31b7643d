"""From a command to events or a refusal (决策). One function per action."""

from dataclasses import replace
from typing import Any

from services.workflow.domain import (
    callbacks,
    demands,
    endings,
    extensions,
    liability,
    rating,
    reopening,
    returns,
    suborders,
    supervision,
    suspension,
    terms,
)
from services.workflow.domain import commands as c
from services.workflow.domain.assignment import dispatch, initial_route, transfer
from services.workflow.domain.decisions import Deciders, Result
from services.workflow.domain.limits import FUTURE_TOLERANCE
from services.workflow.domain.policies import objection
from services.workflow.domain.state import ACKNOWLEDGED, RESPONDED, UNREACHED, WorkOrder
from shared.events import workorders as e
from shared.kernel.aggregate import Event, Facts, Outcome
from shared.kernel.refusal import UNCHANGED, Refusal


def decide(order: WorkOrder | None, command: c.WorkOrderCommand, facts: Facts) -> Outcome:
    if isinstance(command, c.Create):
        return UNCHANGED if order is not None else create(command, facts)
    if order is None:
        return Refusal("not_found")
    action = command.wanted if isinstance(command, c.Unsupported) else command.ACTION
    refusal = objection(action, order, command.actor, facts) or out_of_bounds(order, command, facts)
    if refusal is not None:
        return refusal
    outcome = DECIDERS[type(command)](order, command, facts)
    return outcome if command.note is None or not isinstance(outcome, list) else _noted(outcome, command.note)


def _noted(events: list[Event], note: str) -> list[Event]:
    first: Any = events[0]
    return [replace(first, note=note), *events[1:]]


def create(command: c.Create, facts: Facts) -> list[Event]:
    """建单: the order, that the complainant was told if so, and where it goes, in one decision."""
    received = command.received
    events: list[Event] = [_created(command)]
    if received.acknowledged:
        events.append(e.Acknowledged(by="agent"))
    dispatched = initial_route(received.category, received.customer, facts)
    return [*events, dispatched] if dispatched else events


def _created(command: c.Create) -> e.Created:
    received = command.received
    return e.Created(
        complaint_id=command.complaint_id,
        number=received.number,
        channel=received.channel,
        subject=received.subject,
        category=received.category,
        priority=received.priority,
        tier=received.customer.tier,
        region=received.customer.region,
        customer_id=received.customer.id,
        remedy_sought=received.remedy_sought,
        object=received.object,
        severity_flags=received.severity_flags,
        regulator_case=received.regulator_case,
        received_at=received.received_at,
        language=received.language,
        promised_reply_at=received.promised_reply_at,
        told=received.acknowledged,
    )


def out_of_bounds(order: WorkOrder, command: c.WorkOrderCommand, facts: Facts) -> Refusal | None:
    claimed = command.occurred_at
    if claimed is None or order.received_at <= claimed <= facts.now + FUTURE_TOLERANCE:
        return None
    return Refusal("occurred_at_out_of_bounds", "before the complaint or in the future", pointer="/occurred_at")


def acknowledge(order: WorkOrder, command: c.Acknowledge, _facts: Facts) -> Result:
    if ACKNOWLEDGED in order.flags:
        return UNCHANGED if "system" in command.actor.roles else Refusal("already_acknowledged")
    return [e.Acknowledged(by=command.by, text=command.text)]


def accept(_order: WorkOrder, command: c.Accept, _facts: Facts) -> list[Event]:
    return [e.Accepted(assignee=command.actor.id)]


def recall(order: WorkOrder, command: c.Recall, _facts: Facts) -> Result:
    started = command.clock_started_at
    if started is not None and order.assigned_at is not None and order.assigned_at > started:
        return Refusal("assignment_changed", "the order was assigned anew since that clock started")
    return [e.Recalled(team=order.team or "", reason=command.reason)]


def respond(order: WorkOrder, command: c.Respond, _facts: Facts) -> list[Event]:
    return [e.Responded(text=command.text, first=RESPONDED not in order.flags)]


def submit_resolution(_order: WorkOrder, command: c.SubmitResolution, _facts: Facts) -> list[Event]:
    return [
        e.ResolutionSubmitted(
            handler=command.actor.id,
            root_cause=command.root_cause,
            measures=command.measures,
            remedy=command.remedy,
            reply_text=command.reply_text,
        )
    ]


def approve(order: WorkOrder, command: c.Approve, _facts: Facts) -> Result:
    if order.resolution is None:
        return Refusal("no_resolution")
    return [
        e.ReviewApproved(reviewer=command.actor.id, text=command.text, reply_text=order.resolution.reply_text),
    ]


def reject(_order: WorkOrder, command: c.Reject, _facts: Facts) -> list[Event]:
    return [e.ReviewRejected(reviewer=command.actor.id, reason=command.reason)]


def cancel(order: WorkOrder, command: c.Cancel, _facts: Facts) -> Result:
    """撤单: a regulator's case ends only with the regulator's word."""
    if order.regulator_case is not None and command.confirmed_by is None:
        return Refusal("regulator_confirmation_required", pointer="/confirmed_by")
    return [e.Cancelled(reason=command.reason, confirmed_by=command.confirmed_by)]


def escalate(order: WorkOrder, command: c.Escalate, _facts: Facts) -> Result:
    if command.level <= order.escalation_level:
        return UNCHANGED
    return [e.Escalated(level=command.level, reason=command.reason)]


def mark_unreached(order: WorkOrder, command: c.MarkUnreached, _facts: Facts) -> Result:
    if UNREACHED in order.flags:
        return UNCHANGED
    return [e.Unreached(template=command.template)]


DECIDERS: Deciders = {
    c.Acknowledge: acknowledge,
    c.Dispatch: dispatch,
    c.Accept: accept,
    c.Recall: recall,
    c.Transfer: transfer,
    c.Respond: respond,
    c.SubmitResolution: submit_resolution,
    c.Approve: approve,
    c.Reject: reject,
    c.CommunicateDecision: callbacks.communicate_decision,
    c.RecordCallback: callbacks.record_callback,
    c.PromptCallback: callbacks.prompt_callback,
    c.Redispatch: callbacks.redispatch,
    c.Close: callbacks.close,
    c.Cancel: cancel,
    c.Escalate: escalate,
    c.MarkUnreached: mark_unreached,
    **suspension.DECIDERS,
    **extensions.DECIDERS,
    **returns.DECIDERS,
    **terms.DECIDERS,
    **demands.DECIDERS,
    **supervision.DECIDERS,
    **suborders.DECIDERS,
    **reopening.DECIDERS,
    **rating.DECIDERS,
    **liability.DECIDERS,
    **endings.DECIDERS,
}
