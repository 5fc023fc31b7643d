"""The end of a cycle (闭环): answer, callback, then closing or another cycle.

What becomes of an attempt: `satisfied` and `dissatisfied` complete the callback. `no_answer` and `wrong_number`
reached nobody; the last allowed one ends the order with a written notice. `refused` is a person who was reached and
will not say: no satisfaction is invented from it and nobody calls for ever, so it counts as an attempt and, when it
is the last, leaves the order to a leader. `rescheduled` counts too, but the call agreed on is made in any case.
"""

from services.workflow.domain.assignment import cannot_take, route_again
from services.workflow.domain.commands import Close, CommunicateDecision, PromptCallback, RecordCallback, Redispatch
from services.workflow.domain.decisions import Result
from services.workflow.domain.limits import CALLBACK_ATTEMPTS, CYCLES
from services.workflow.domain.state import COMMUNICATED, UNREACHABLE, WorkOrder
from shared.events import workorders as e
from shared.events.parts import Reason
from shared.kernel.aggregate import Event, Facts
from shared.kernel.refusal import UNCHANGED, Refusal


def communicate_decision(order: WorkOrder, command: CommunicateDecision, _facts: Facts) -> Result:
    """答复; closes too what only waited for it. A report about the answer of an earlier approval says nothing."""
    approval = order.resolution.approval if order.resolution else None
    if command.about not in (None, approval):
        return UNCHANGED
    if COMMUNICATED in order.flags:
        return UNCHANGED if "system" in command.actor.roles else Refusal("already_communicated")
    told: list[Event] = [e.DecisionCommunicated(by=command.by, text=command.text)]
    if order.satisfaction is not None and order.satisfaction.satisfied:
        return [*told, e.Closed(outcome="satisfied")]
    if order.attempts_exhausted and order.last_callback in UNREACHABLE:
        return [*told, e.Closed(outcome="unreachable", notice=True)]
    return told


def record_callback(order: WorkOrder, command: RecordCallback, facts: Facts) -> Result:
    attempt = order.counts["callback_attempts"] + 1
    if command.outcome in ("satisfied", "dissatisfied"):
        return _answered(order, command, attempt, facts)
    if order.attempts_exhausted:
        return _exhausted()
    attempted = e.CallbackAttempted(
        outcome=command.outcome, attempt=attempt, next_at=command.next_at, text=command.text
    )
    is_last = attempt >= CALLBACK_ATTEMPTS and command.outcome in UNREACHABLE
    if is_last and COMMUNICATED in order.flags:
        return [attempted, e.Closed(outcome="unreachable", notice=True)]
    return [attempted]


def _exhausted() -> Refusal:
    return Refusal("callback_attempts_exhausted", f"{CALLBACK_ATTEMPTS} attempts were made")


def _answered(order: WorkOrder, command: RecordCallback, attempt: int, facts: Facts) -> list[Event]:
    satisfied = command.outcome == "satisfied"
    completed = e.CallbackCompleted(
        outcome=command.outcome, attempt=attempt, satisfied=satisfied, scores=command.scores, text=command.text
    )
    if satisfied:
        return [completed, e.Closed(outcome="satisfied")] if COMMUNICATED in order.flags else [completed]
    if order.cycle >= CYCLES:
        return [completed]
    return [completed, *_next_cycle(order, None, Reason("dissatisfied"), facts)]


def prompt_callback(order: WorkOrder, _command: PromptCallback, _facts: Facts) -> Result:
    if order.attempts_exhausted:
        return _exhausted()
    return [e.CallbackPrompted(attempt=order.counts["callback_attempts"] + 1)]


def redispatch(order: WorkOrder, command: Redispatch, facts: Facts) -> Result:
    if command.team is not None:
        refusal = cannot_take(command.team, order, facts.reference.at(facts.now))
        if refusal is not None:
            return refusal
    return _next_cycle(order, command.team, command.reason, facts)


def _next_cycle(order: WorkOrder, team: str | None, reason: Reason | None, facts: Facts) -> list[Event]:
    """不满意重派, and at once to the team asked for or to the one that the routes name."""
    redispatched = e.Redispatched(cycle=order.cycle + 1, team=team, reason=reason)
    dispatched = e.Dispatched(team=team, reason=reason) if team is not None else route_again(order, facts)
    return [redispatched, dispatched] if dispatched else [redispatched]


def close(order: WorkOrder, command: Close, _facts: Facts) -> Result:
    """办结: satisfied; or unreachable, with notice; or by a leader, who says why."""
    if order.satisfaction is not None and order.satisfaction.satisfied:
        return [e.Closed(outcome="satisfied", notice=bool(command.notice), reason=command.reason)]
    if order.satisfaction is None and order.attempts_exhausted:
        if command.notice is False:
            return Refusal("notice_required", "nobody was reached", pointer="/notice")
        return [e.Closed(outcome="unreachable", notice=True, reason=command.reason)]
    if "leader" not in command.actor.roles:
        return Refusal("not_satisfied", "the complainant is not satisfied, and attempts remain")
    if command.reason is None:
        return Refusal("reason_required", "closing without satisfaction needs a reason", pointer="/reason")
    return [e.Closed(outcome="forced", notice=bool(command.notice), reason=command.reason)]
