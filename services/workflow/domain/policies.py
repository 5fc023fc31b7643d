"""What speaks against an action (动作规则): small functions that answer a refusal or nothing, one tuple per action.

They look at order, caller and facts only, so that the same tuple tells beforehand what a caller may do.
"""

from collections.abc import Callable, Mapping

from services.workflow.domain.limits import CYCLES, HOPS, REOPENING, REOPENINGS
from services.workflow.domain.scope import forbidden, from_source, has_verb, of_own_team, scope
from services.workflow.domain.state import (
    ARBITRATED,
    COMMUNICATED,
    IN_ARBITRATION,
    REQUESTED,
    SURVEY_CLOSED,
    WorkOrder,
)
from services.workflow.domain.subresources import APPEALED, ASSIGNED, OPEN, PENDING
from services.workflow.domain.transitions import NOT_YET_SUPPORTED, TRANSITIONS, allowed_here
from shared.kernel.aggregate import Actor, Facts
from shared.kernel.refusal import Refusal

Policy = Callable[[WorkOrder, Actor, Facts], Refusal | None]


def _verb(action: str) -> Policy:
    def has(_order: WorkOrder, actor: Actor, facts: Facts) -> Refusal | None:
        return None if has_verb(actor, action, facts.reference.at(facts.now)) else forbidden(action)

    return has


def _status(action: str) -> Policy:
    return lambda order, _actor, _facts: allowed_here(order, action)


def _four_eyes(*duties: str) -> Policy:
    """Nobody handles, reviews and calls back one order within one cycle."""

    def differs(order: WorkOrder, actor: Actor, _facts: Facts) -> Refusal | None:
        duty = next((duty for duty in duties if actor.id in getattr(order, duty)), None)
        return Refusal("four_eyes", f"{actor.id} is among the {duty} of this cycle") if duty else None

    return differs


def _named_or_leader(order: WorkOrder, actor: Actor, _facts: Facts) -> Refusal | None:
    if order.assignee in (None, actor.id) or actor.roles & {"leader", "system"}:
        return None
    return Refusal("assigned_to_another", f"{order.assignee} has the order")


def _owner(order: WorkOrder, actor: Actor, _facts: Facts) -> Refusal | None:
    return None if order.assignee == actor.id else Refusal("not_the_owner", f"{order.assignee} handles the order")


def _owner_or(*roles: str) -> Policy:
    return lambda order, actor, facts: None if actor.roles & set(roles) else _owner(order, actor, facts)


def _not_in_arbitration(order: WorkOrder, _actor: Actor, _facts: Facts) -> Refusal | None:
    return Refusal("arbitration_required") if IN_ARBITRATION in order.flags else None


def _not_arbitrated(order: WorkOrder, _actor: Actor, _facts: Facts) -> Refusal | None:
    return Refusal("arbitrated", f"{order.team} has it by arbitration") if ARBITRATED in order.flags else None


def _no_extension_pending(order: WorkOrder, _actor: Actor, facts: Facts) -> Refusal | None:
    """One that nobody decided before the time asked for has come is past deciding."""
    asked = order.extension
    if asked is None or asked.status != REQUESTED or asked.until <= facts.now:
        return None
    return Refusal("extension_pending", f"{asked.requested_by} asked for one already")


def _anothers_request(order: WorkOrder, actor: Actor, _facts: Facts) -> Refusal | None:
    asked = order.extension
    if asked is None or asked.status != REQUESTED:
        return Refusal("no_extension_requested")
    return Refusal("own_request", "another person decides") if asked.requested_by == actor.id else None


def _leads(_order: WorkOrder, actor: Actor, _facts: Facts) -> Refusal | None:
    """A registered source need not: its list of actions decides for its people."""
    if "leader" in actor.roles or from_source(actor):
        return None
    return Refusal("leader_required", "a dispatcher who is a leader decides")


def _hops_left(order: WorkOrder, _actor: Actor, _facts: Facts) -> Refusal | None:
    return Refusal("hop_limit", f"transferred {HOPS} times already") if order.counts["hops"] >= HOPS else None


def _cycles_left_or_leader(order: WorkOrder, actor: Actor, _facts: Facts) -> Refusal | None:
    if order.cycle < CYCLES or "leader" in actor.roles:
        return None
    return Refusal("cycle_limit", f"cycle {order.cycle} of {CYCLES}: a leader decides")


def _dissatisfied(order: WorkOrder, _actor: Actor, _facts: Facts) -> Refusal | None:
    if order.satisfaction is not None and not order.satisfaction.satisfied:
        return None
    return Refusal("not_dissatisfied", "the complainant did not say so in this cycle")


def _unanswered(order: WorkOrder, _actor: Actor, _facts: Facts) -> Refusal | None:
    return Refusal("callback_completed", "the complainant has answered") if order.satisfaction else None


def _communicated(order: WorkOrder, _actor: Actor, _facts: Facts) -> Refusal | None:
    return None if COMMUNICATED in order.flags else Refusal("decision_not_communicated")


def _supervises(order: WorkOrder, actor: Actor, _facts: Facts) -> Refusal | None:
    """An agent does so in the regulator's name only, so only where there is a regulator."""
    in_a_name = "agent" in actor.roles and not actor.roles & {"supervisor", "system"}
    return Refusal("no_regulator_case") if in_a_name and order.regulator_case is None else None


def _demand_open(order: WorkOrder, _actor: Actor, _facts: Facts) -> Refusal | None:
    return None if any(demand.status == OPEN for demand in order.demands) else Refusal("no_open_demand")


def _suborder_open(order: WorkOrder, _actor: Actor, _facts: Facts) -> Refusal | None:
    return None if order.waits_for else Refusal("no_open_suborder")


def _no_suborder_open(order: WorkOrder, _actor: Actor, _facts: Facts) -> Refusal | None:
    return Refusal("open_suborder", f"waits for {', '.join(order.waits_for)}") if order.waits_for else None


def _reopenable(order: WorkOrder, _actor: Actor, facts: Facts) -> Refusal | None:
    if order.closed_at is not None and facts.now - order.closed_at > REOPENING:
        return Refusal("reopen_window_over", f"closed more than {REOPENING.days} days ago")
    if order.counts.get("reopenings", 0) >= REOPENINGS:
        return Refusal("reopen_limit", f"reopened {REOPENINGS} times already")
    return None


def _ratable(order: WorkOrder, _actor: Actor, _facts: Facts) -> Refusal | None:
    if SURVEY_CLOSED in order.flags:
        return Refusal("survey_closed")
    return Refusal("already_rated") if order.rating is not None else None


def _liability_is(*statuses: str) -> Policy:
    def so(order: WorkOrder, _actor: Actor, _facts: Facts) -> Refusal | None:
        if order.liability is None:
            return Refusal("no_liability")
        stands = order.liability.status
        return None if stands in statuses else Refusal("liability_status", f"the liability is {stands}")

    return so


def _of_the_liable_unit(order: WorkOrder, actor: Actor, _facts: Facts) -> Refusal | None:
    if order.liability is None or actor.teams & {order.liability.unit, "*"}:
        return None
    return Refusal("not_the_liable_unit", f"{order.liability.unit} appeals")


def _arbitrates(order: WorkOrder, actor: Actor, facts: Facts) -> Refusal | None:
    if order.liability is not None and order.liability.appealed_by == actor.id:
        return Refusal("own_appeal", "another person decides on it")
    return None if "supervisor" in actor.roles else _leads(order, actor, facts)


def _liability_final(order: WorkOrder, _actor: Actor, _facts: Facts) -> Refusal | None:
    if order.liability is None or order.liability.status not in PENDING:
        return None
    return Refusal("liability_not_final", f"the liability is {order.liability.status}")


_OF_THE_ACTION: Mapping[str, tuple[Policy, ...]] = {
    "dispatch": (_not_in_arbitration,),
    "accept": (_named_or_leader, _four_eyes("reviewers", "callback_agents")),
    "transfer": (_named_or_leader, _hops_left),
    "respond": (_owner,),
    "report_progress": (_owner,),
    "return": (_named_or_leader, _not_arbitrated),
    "arbitrate": (_leads,),
    "suspend": (_owner_or("leader"),),
    "resume": (_owner_or("leader", "system"),),
    "request_extension": (_owner, _no_extension_pending),
    "decide_extension": (_anothers_request,),
    "submit_resolution": (_owner, _four_eyes("reviewers", "callback_agents"), _no_suborder_open),
    "approve": (_four_eyes("handlers", "callback_agents"),),
    "reject": (_four_eyes("handlers", "callback_agents"),),
    "record_callback": (_four_eyes("handlers", "reviewers"), _unanswered),
    "prompt_callback": (_unanswered,),
    "redispatch": (_dissatisfied, _cycles_left_or_leader),
    "close": (_communicated,),
    "supervise": (_supervises,),
    "answer_supervision": (_owner_or("leader"), _demand_open),
    "consult": (_owner_or("system"),),
    "countersign": (_owner_or("system"),),
    "answer_suborder": (_suborder_open,),
    "reopen": (_reopenable,),
    "rate": (_ratable,),
    "appeal_liability": (_liability_is(ASSIGNED), _of_the_liable_unit),
    "revise_liability": (_liability_is(APPEALED), _arbitrates),
    "settle_liability": (_liability_is(ASSIGNED),),
    "archive": (_liability_final,),
}

_FOR_THOSE_ASKED = frozenset({"answer_suborder", "appeal_liability"})

POLICIES: Mapping[str, tuple[Policy, ...]] = {
    action: (
        scope,
        _verb(action),
        *(() if action in _FOR_THOSE_ASKED else (of_own_team,)),
        _status(action),
        *_OF_THE_ACTION.get(action, ()),
    )
    for action in TRANSITIONS
}


def objection(action: str, order: WorkOrder, actor: Actor, facts: Facts) -> Refusal | None:
    """The first thing that speaks against `action` now, whatever its arguments."""
    if action in NOT_YET_SUPPORTED:
        return scope(order, actor, facts) or Refusal("not_yet_supported", f"{action} is not handled by this version")
    return next((refusal for policy in POLICIES[action] if (refusal := policy(order, actor, facts))), None)
