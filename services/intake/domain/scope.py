"""Who may see, submit and withdraw complaints (数据范围): by region on reads and writes alike."""

from collections.abc import Iterable

from services.intake.domain.reference import Reference
from services.intake.domain.state import Complaint
from shared.kernel.aggregate import Actor, Facts

SUBMITTED, PROFILE_CHANGED = "complaint.submitted", "customer.profile_changed"
READS_ALL = frozenset({"admin", "auditor"})
SPEAKS_FOR_COMPLAINANTS = frozenset({"agent", "system"})
SEES_PERSONAL_DATA = READS_ALL | frozenset(
    {"agent", "handler", "leader", "callback", "dispatcher", "reviewer", "supervisor"}
)


def source_actor(source: str) -> Actor:
    """A system (来源系统) that speaks for itself; what it may send is checked where its record comes in."""
    return Actor(kind="system", id=source, org=source, regions=frozenset({"*"}))


def within(path: str, subtree: str) -> bool:
    """Whether `path` (a/b/c) is `subtree` or lies below it; `*` is everything."""
    return subtree == "*" or path == subtree or path.startswith(subtree + "/")


def serves(regions: Iterable[str], region: str) -> bool:
    return any(within(region, served) for served in regions)


def may_read(complaint: Complaint, actor: Actor) -> bool:
    """A caller without a role is a source and sees its own complaints only."""
    if actor.roles & READS_ALL:
        return True
    known = bool(actor.roles) or actor.id == complaint.received.source
    return known and serves(actor.regions, complaint.region)


def may_read_customer(region: str, actor: Actor, facts: Facts) -> bool:
    if actor.roles & READS_ALL:
        return True
    reference: Reference = facts.reference
    known = bool(actor.roles) or reference.registered_for(actor.id, PROFILE_CHANGED, facts.now)
    return known and serves(actor.regions, region)


def may_send(actor: Actor, kind: str, facts: Facts) -> bool:
    """Whether a caller of ours may do what a source does by records of type `kind`."""
    reference: Reference = facts.reference
    return bool(actor.roles & SPEAKS_FOR_COMPLAINANTS) or reference.registered_for(actor.id, kind, facts.now)


def may_withdraw(complaint: Complaint, actor: Actor) -> bool:
    """Sources have no roles; a person's right does not come from having submitted."""
    if actor.roles:
        return bool(actor.roles & SPEAKS_FOR_COMPLAINANTS)
    return actor.id == complaint.received.source
