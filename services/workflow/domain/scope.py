"""Who may see and touch an order (数据范围), and which verbs a role has; the same for reads and for writes."""

from collections.abc import Iterable, Mapping

from services.workflow.domain.reference import Directory
from services.workflow.domain.state import WorkOrder
from shared.kernel.aggregate import Actor, Facts
from shared.kernel.refusal import Refusal

SOURCE = "source:"
"""With the name of a source behind it the role of actors whose command came from there: the source's list of actions
decides for them, so without a registered source it permits nothing. No token can hold it."""

READS_ALL = frozenset({"admin", "auditor"})

ROLES: Mapping[str, frozenset[str]] = {
    "acknowledge": frozenset({"system", "agent"}),
    "dispatch": frozenset({"system", "dispatcher"}),
    "accept": frozenset({"handler", "leader"}),
    "recall": frozenset({"system"}),
    "transfer": frozenset({"handler", "leader", "system"}),
    "respond": frozenset({"handler"}),
    "report_progress": frozenset({"handler"}),
    "return": frozenset({"handler"}),
    "arbitrate": frozenset({"dispatcher"}),
    "suspend": frozenset({"handler", "leader"}),
    "resume": frozenset({"handler", "leader", "system"}),
    "request_extension": frozenset({"handler"}),
    "decide_extension": frozenset({"leader", "system"}),
    "urge": frozenset({"agent"}),
    "change_priority": frozenset({"dispatcher", "leader", "system"}),
    "supervise": frozenset({"supervisor", "agent", "system"}),
    "answer_supervision": frozenset({"handler", "leader"}),
    "consult": frozenset({"handler", "system"}),
    "countersign": frozenset({"handler", "system"}),
    "answer_suborder": frozenset({"handler", "leader"}),
    "reopen": frozenset({"agent", "leader", "system"}),
    "rate": frozenset({"agent", "system"}),
    "close_survey": frozenset({"system"}),
    "attribute_liability": frozenset({"reviewer"}),
    "appeal_liability": frozenset({"leader"}),
    "revise_liability": frozenset({"dispatcher", "supervisor"}),
    "settle_liability": frozenset({"system"}),
    "void": frozenset({"leader"}),
    "archive": frozenset({"system"}),
    "reclassify": frozenset({"dispatcher", "leader", "system"}),
    "submit_resolution": frozenset({"handler"}),
    "approve": frozenset({"reviewer"}),
    "reject": frozenset({"reviewer"}),
    "communicate_decision": frozenset({"system", "agent", "callback"}),
    "record_callback": frozenset({"system", "callback"}),
    "prompt_callback": frozenset({"system"}),
    "redispatch": frozenset({"system", "callback", "leader"}),
    "close": frozenset({"system", "leader"}),
    "cancel": frozenset({"agent"}),
    "escalate": frozenset({"system"}),
    "mark_unreached": frozenset({"system"}),
}


def within(path: str, subtree: str) -> bool:
    """Whether `path` (a/b/c) is `subtree` or lies below it; `*` is everything."""
    return subtree == "*" or path == subtree or path.startswith(subtree + "/")


def serves(regions: Iterable[str], region: str) -> bool:
    return any(within(region, served) for served in regions)


def in_scope(order: WorkOrder, actor: Actor) -> bool:
    """The order's own team sees it, and so do those who have a word in it."""
    return any(may_see(actor, order.region, team) for team in (order.team, *order.involved))


def may_see(actor: Actor, region: str, team: str | None) -> bool:
    """Whether orders of that region and team are within the actor's scope; one without a team is the region's."""
    if actor.roles & READS_ALL:
        return True
    of_team = team is None or team in actor.teams or "*" in actor.teams
    return of_team and serves(actor.regions, region)


def from_source(actor: Actor) -> bool:
    return any(role.startswith(SOURCE) for role in actor.roles)


def has_verb(actor: Actor, action: str, directory: Directory) -> bool:
    named = next((role.removeprefix(SOURCE) for role in actor.roles if role.startswith(SOURCE)), None)
    if named is not None:
        source = directory.source(named)
        return source is not None and (action in source.actions or "*" in source.actions)
    return bool(actor.roles & ROLES.get(action, frozenset()))


def scope(order: WorkOrder, actor: Actor, _facts: Facts) -> Refusal | None:
    """Whoever may not see an order is told that there is none."""
    return None if in_scope(order, actor) else Refusal("not_found")


def of_own_team(order: WorkOrder, actor: Actor, _facts: Facts) -> Refusal | None:
    """Who only has a word in the order touches nothing else of it."""
    if may_see(actor, order.region, order.team):
        return None
    return Refusal("forbidden", f"{order.team} has the order; the caller's teams were only asked")


def forbidden(action: str) -> Refusal:
    return Refusal("forbidden", f"{action} is not among the caller's verbs")
