"""What speaks against an action (动作规则): small functions that answer a refusal or nothing, one tuple per action.

They look at order, caller and facts only, so that the same tuple tells beforehand what a caller may do.
"""

from collections.abc import Callable, Mapping

from services.workflow.domain.limits import CYCLES, HOPS
from services.workflow.domain.scope import forbidden, has_verb, scope
from services.workflow.domain.state import COMMUNICATED, WorkOrder
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
    if order.assignee in (None, actor.id) or "leader" in actor.roles:
        return None
    return Refusal("assigned_to_another", f"{order.assignee} has the order")


def _owner(order: WorkOrder, actor: Actor, _facts: Facts) -> Refusal | None:
    return None if order.assignee == actor.id else Refusal("not_the_owner", f"{order.assignee} handles the order")


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


_OF_THE_ACTION: Mapping[str, tuple[Policy, ...]] = {
    "accept": (_named_or_leader, _four_eyes("reviewers", "callback_agents")),
    "transfer": (_named_or_leader, _hops_left),
    "respond": (_owner,),
    "submit_resolution": (_owner, _four_eyes("reviewers", "callback_agents")),
    "approve": (_four_eyes("handlers", "callback_agents"),),
    "reject": (_four_eyes("handlers", "callback_agents"),),
    "record_callback": (_four_eyes("handlers", "reviewers"), _unanswered),
    "prompt_callback": (_unanswered,),
    "redispatch": (_dissatisfied, _cycles_left_or_leader),
    "close": (_communicated,),
}

POLICIES: Mapping[str, tuple[Policy, ...]] = {
    action: (scope, _verb(action), _status(action), *_OF_THE_ACTION.get(action, ())) for action in TRANSITIONS
}


def objection(action: str, order: WorkOrder, actor: Actor, facts: Facts) -> Refusal | None:
    """The first thing that speaks against `action` now, whatever its arguments."""
    if action in NOT_YET_SUPPORTED:
        return scope(order, actor, facts) or Refusal("not_yet_supported", f"{action} is not handled by this version")
    return next((refusal for policy in POLICIES[action] if (refusal := policy(order, actor, facts))), None)
