"""What a set of policies must have together: a clock of the vital kinds for every order, and no two equal answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from services.escalation.domain.policies import Policy, Rulebook

VITAL = ("acknowledge", "dispatch", "accept", "resolve", "statutory")
"""Kinds of clocks that no order may lack."""


@dataclass(frozen=True, slots=True)
class Hole:
    """`of`: the policy at fault, as `policy/<id>/<version>`; None where one is missing."""

    what: str
    path: tuple[str, ...] = ()
    of: str | None = None


def holes(rules: Rulebook, at: datetime) -> Iterator[Hole]:
    """Why the policies in force at `at` cannot be used together; nothing when they can."""
    in_force = rules.policies_at(at)
    known = {ref.id for ref in rules.calendars}
    for policy in in_force:
        if policy.calendar not in known:
            yield Hole(f"there is no calendar {policy.calendar}", ("calendar",), _name(policy))
    for kind in VITAL:
        if not any(kind in policy.clocks and not policy.conditions for policy in in_force):
            what = f"no policy without conditions has this clock, so some orders would lack it: {kind}"
            yield Hole(what, ("clocks", kind))
    yield from _teams_in_doubt(rules, at)
    for first, second, kind in _shared(in_force):
        if kind == "statutory" and _conditions(first) == _conditions(second):
            yield Hole(f"{_name(first)} has this clock too, with equal rank and conditions", ("rank",), _name(second))


def _teams_in_doubt(rules: Rulebook, at: datetime) -> Iterator[Hole]:
    of_team: dict[str, str] = {}
    for name in sorted({ref.id for ref in rules.calendars}):
        version = rules.calendar_at(name, at)
        for team in sorted(version.teams):
            if of_team.setdefault(team, name) != name:
                what = f"the calendar {of_team[team]} is that of {team} already"
                yield Hole(what, ("teams",), f"calendar/{name}/{version.ref.version}")


def ambiguities(rules: Rulebook, at: datetime) -> Iterator[str]:
    """Pairs of policies between which only their ids decide, for orders that match both."""
    for first, second, kind in _shared(rules.policies_at(at)):
        if _can_both_match(first, second):
            yield f"{_name(first)} and {_name(second)} may both match an order for {kind}: the later id counts"


def _shared(policies: list[Policy]) -> Iterator[tuple[Policy, Policy, str]]:
    """Pairs of equal rank that both have a clock of the kind."""
    by_id = sorted(policies, key=lambda policy: policy.ref.id)
    for first, second in combinations(by_id, 2):
        if first.rank == second.rank:
            yield from ((first, second, kind) for kind in first.clocks if kind in second.clocks)


def _can_both_match(first: Policy, second: Policy) -> bool:
    """With as many conditions met by one order; of categories one may lie below the other."""
    if len(first.conditions) != len(second.conditions):
        return False
    both = first.conditions.keys() & second.conditions.keys()
    return all(_meet(trait, first.conditions[trait], second.conditions[trait]) for trait in both)


def _meet(trait: str, first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    if trait == "flags":
        return True
    depths = {value.count("/") for value in (*first, *second)}
    if trait == "category" and len(depths) > 1:
        return False  # the deeper one wins
    return bool(set(first) & set(second))


def _conditions(policy: Policy) -> dict[str, frozenset[str]]:
    return {trait: frozenset(values) for trait, values in policy.conditions.items()}


def _name(policy: Policy) -> str:
    return f"policy/{policy.ref.id}/{policy.ref.version}"
