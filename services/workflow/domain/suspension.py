"""挂起/解挂: the work rests for a reason from the list, and wakes up by itself at the time agreed."""

from services.workflow.domain import handling_commands as h
from services.workflow.domain.decisions import Deciders, Evolvers, Result
from services.workflow.domain.limits import SUSPENSION, SUSPENSION_BY_HANDLER
from services.workflow.domain.state import Suspension, WorkOrder
from services.workflow.domain.states import Status
from services.workflow.domain.transitions import move
from shared.events import workorders as e
from shared.events.parts import Reason
from shared.kernel.aggregate import Facts, Stamp
from shared.kernel.alteration import altered
from shared.kernel.refusal import Refusal

FORCE_MAJEURE = "force_majeure"
REASONS = ("waiting_complainant", "complainant_unreachable", "waiting_third_party", "site_access", FORCE_MAJEURE)


def suspend(_order: WorkOrder, command: h.Suspend, facts: Facts) -> Result:
    refusal = _without_ground(command) or _at_wrong_time(command, facts)
    if refusal is not None:
        return refusal
    reason = Reason(command.reason_code)
    return [e.Suspended(reason=reason, wake_up_at=command.wake_up_at, evidence=command.evidence)]


def _without_ground(command: h.Suspend) -> Refusal | None:
    if command.reason_code not in REASONS:
        return Refusal("unknown_reason", f"known are {', '.join(REASONS)}", pointer="/reason_code")
    if command.reason_code == FORCE_MAJEURE and command.evidence is None:
        return Refusal("evidence_required", f"{FORCE_MAJEURE} has to be shown", pointer="/evidence")
    return None


def _at_wrong_time(command: h.Suspend, facts: Facts) -> Refusal | None:
    if command.wake_up_at <= facts.now:
        return Refusal("not_in_the_future", "the order would wake up at once", pointer="/wake_up_at")
    lasts = command.wake_up_at - (command.occurred_at or facts.now)
    if lasts > SUSPENSION:
        return Refusal("suspension_too_long", f"at most {SUSPENSION.days} days", pointer="/wake_up_at")
    if lasts > SUSPENSION_BY_HANDLER and "leader" not in command.actor.roles:
        return Refusal("above_suspension_cap", "beyond 72 hours a leader suspends", pointer="/wake_up_at")
    return None


def resume(order: WorkOrder, command: h.Resume, _facts: Facts) -> Result:
    started = command.clock_started_at
    if started is not None and order.suspension is not None and order.suspension.since > started:
        return Refusal("suspension_changed", "the order was suspended anew since that clock started")
    return [e.Resumed()]


def suspended(order: WorkOrder, event: e.Suspended, stamp: Stamp) -> WorkOrder:
    suspension = Suspension(reason=event.reason.code, wake_up_at=event.wake_up_at, since=stamp.occurred_at)
    return altered(move(order, "suspend", Status.SUSPENDED), suspension=suspension)


def resumed(order: WorkOrder, _event: e.Resumed, _stamp: Stamp) -> WorkOrder:
    return altered(move(order, "resume", Status.IN_PROGRESS), suspension=None)


DECIDERS: Deciders = {h.Suspend: suspend, h.Resume: resume}
EVOLVERS: Evolvers = {e.Suspended: suspended, e.Resumed: resumed}
