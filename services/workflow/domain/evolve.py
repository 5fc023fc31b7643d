"""From an event to the next state (演化). Every status is reached through `move`, so only where the table leads."""

from dataclasses import replace

from services.workflow.domain import (
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
from services.workflow.domain import state as s
from services.workflow.domain.decisions import Evolvers
from services.workflow.domain.limits import CYCLES
from services.workflow.domain.state import Resolution, Satisfaction, WorkOrder
from services.workflow.domain.states import Status
from services.workflow.domain.transitions import move
from shared.events import workorders as e
from shared.kernel.aggregate import Event, Stamp
from shared.kernel.alteration import altered


def evolve(order: WorkOrder | None, event: Event, stamp: Stamp) -> WorkOrder:
    if isinstance(event, e.Created):
        return created(event, stamp)
    if order is None:
        raise ValueError(f"{type(event).__name__} before the order was created")
    changed = EVOLVERS[type(event)](order, event, stamp)
    return altered(changed, updated_at=stamp.at, events=order.events + 1)


def created(event: e.Created, stamp: Stamp) -> WorkOrder:
    return WorkOrder(
        complaint_id=event.complaint_id,
        number=event.number,
        channel=event.channel,
        subject=event.subject,
        category=event.category,
        priority=event.priority,
        tier=event.tier,
        region=event.region,
        customer_id=event.customer_id,
        remedy_sought=event.remedy_sought,
        object=event.object,
        severity_flags=event.severity_flags,
        regulator_case=event.regulator_case,
        received_at=event.received_at,
        language=event.language,
        promised_reply_at=event.promised_reply_at,
        created_at=stamp.at,
        updated_at=stamp.at,
        events=1,
    )


def acknowledged(order: WorkOrder, _event: e.Acknowledged, _stamp: Stamp) -> WorkOrder:
    return move(order, "acknowledge", order.status).flagged(s.ACKNOWLEDGED)


def dispatched(order: WorkOrder, event: e.Dispatched, stamp: Stamp) -> WorkOrder:
    order = move(order, "dispatch", Status.ASSIGNED)
    return altered(order, team=event.team, assignee=event.assignee, route=event.route, assigned_at=stamp.occurred_at)


def accepted(order: WorkOrder, event: e.Accepted, _stamp: Stamp) -> WorkOrder:
    order = move(order, "accept", Status.IN_PROGRESS)
    return altered(order, assignee=event.assignee, handlers=_with(order.handlers, event.assignee))


def recalled(order: WorkOrder, _event: e.Recalled, _stamp: Stamp) -> WorkOrder:
    order = move(order, "recall", Status.DISPATCHING)
    return altered(order, team=None, assignee=None, route=None, counts=order.counted("recalls"))


def transferred(order: WorkOrder, event: e.Transferred, stamp: Stamp) -> WorkOrder:
    order = move(order, "transfer", Status.ASSIGNED)
    return altered(
        order,
        team=event.team,
        assignee=event.assignee,
        route=None,
        assigned_at=stamp.occurred_at,
        counts=order.counted("hops"),
    )


def responded(order: WorkOrder, _event: e.Responded, _stamp: Stamp) -> WorkOrder:
    return move(order, "respond", Status.IN_PROGRESS).flagged(s.RESPONDED)


def resolution_submitted(order: WorkOrder, event: e.ResolutionSubmitted, stamp: Stamp) -> WorkOrder:
    resolution = Resolution(
        handler=event.handler,
        root_cause=event.root_cause,
        measures=event.measures,
        remedy=event.remedy,
        reply_text=event.reply_text,
        submitted_at=stamp.occurred_at,
    )
    order = move(order, "submit_resolution", Status.PENDING_REVIEW)
    return altered(order, resolution=resolution, handlers=_with(order.handlers, event.handler))


def review_approved(order: WorkOrder, event: e.ReviewApproved, _stamp: Stamp) -> WorkOrder:
    resolution = replace(order.resolution, approval=order.events + 1) if order.resolution else None
    order = move(order, "approve", Status.PENDING_CALLBACK)
    return altered(order, resolution=resolution, reviewers=_with(order.reviewers, event.reviewer))


def review_rejected(order: WorkOrder, event: e.ReviewRejected, _stamp: Stamp) -> WorkOrder:
    order = move(order, "reject", Status.IN_PROGRESS)
    return altered(order, reviewers=_with(order.reviewers, event.reviewer))


def decision_communicated(order: WorkOrder, _event: e.DecisionCommunicated, _stamp: Stamp) -> WorkOrder:
    return move(order, "communicate_decision", Status.PENDING_CALLBACK).flagged(s.COMMUNICATED)


def callback_attempted(order: WorkOrder, event: e.CallbackAttempted, stamp: Stamp) -> WorkOrder:
    return _called(order, event.outcome, stamp)


def callback_completed(order: WorkOrder, event: e.CallbackCompleted, stamp: Stamp) -> WorkOrder:
    order = altered(
        _called(order, event.outcome, stamp),
        satisfaction=Satisfaction(satisfied=event.satisfied, scores=event.scores),
    )
    waits = not event.satisfied and order.cycle >= CYCLES
    return order.flagged(s.WAITS_FOR_LEADER) if waits else order


def _called(order: WorkOrder, outcome: str, stamp: Stamp) -> WorkOrder:
    order = move(order, "record_callback", Status.PENDING_CALLBACK)
    return altered(
        order,
        last_callback=outcome,
        counts=order.counted("callback_attempts"),
        callback_agents=_with(order.callback_agents, stamp.actor.id),
    )


def callback_prompted(order: WorkOrder, _event: e.CallbackPrompted, _stamp: Stamp) -> WorkOrder:
    return move(order, "prompt_callback", Status.PENDING_CALLBACK)


def redispatched(order: WorkOrder, event: e.Redispatched, _stamp: Stamp) -> WorkOrder:
    return move(order, "redispatch", Status.DISPATCHING).in_cycle(event.cycle)


def closed(order: WorkOrder, event: e.Closed, stamp: Stamp) -> WorkOrder:
    """Nobody is left to answer a demand: those that are open lapse, as their clocks stop."""
    order = move(order, "close", Status.CLOSED).unflagged(s.WAITS_FOR_LEADER)
    open_until_now = supervision.lapsed(order.demands)
    return altered(order, closed_as=event.outcome, closed_at=stamp.occurred_at, demands=open_until_now)


def cancelled(order: WorkOrder, _event: e.Cancelled, _stamp: Stamp) -> WorkOrder:
    order = move(order, "cancel", Status.CANCELLED).unflagged(s.WAITS_FOR_LEADER, s.IN_ARBITRATION)
    return altered(order, suspension=None)


def escalated(order: WorkOrder, event: e.Escalated, _stamp: Stamp) -> WorkOrder:
    return altered(move(order, "escalate", order.status), escalation_level=event.level)


def unreached(order: WorkOrder, _event: e.Unreached, _stamp: Stamp) -> WorkOrder:
    return move(order, "mark_unreached", order.status).flagged(s.UNREACHED)


def _with(people: tuple[str, ...], person: str) -> tuple[str, ...]:
    return people if person in people else (*people, person)


EVOLVERS: Evolvers = {
    e.Acknowledged: acknowledged,
    e.Dispatched: dispatched,
    e.Accepted: accepted,
    e.Recalled: recalled,
    e.Transferred: transferred,
    e.Responded: responded,
    e.ResolutionSubmitted: resolution_submitted,
    e.ReviewApproved: review_approved,
    e.ReviewRejected: review_rejected,
    e.DecisionCommunicated: decision_communicated,
    e.CallbackAttempted: callback_attempted,
    e.CallbackCompleted: callback_completed,
    e.CallbackPrompted: callback_prompted,
    e.Redispatched: redispatched,
    e.Closed: closed,
    e.Cancelled: cancelled,
    e.Escalated: escalated,
    e.Unreached: unreached,
    **suspension.EVOLVERS,
    **extensions.EVOLVERS,
    **returns.EVOLVERS,
    **terms.EVOLVERS,
    **demands.EVOLVERS,
    **supervision.EVOLVERS,
    **suborders.EVOLVERS,
    **reopening.EVOLVERS,
    **rating.EVOLVERS,
    **liability.EVOLVERS,
    **endings.EVOLVERS,
}
