"""Which orders a policy speaks of: conditions compared with an order's traits."""

from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from operator import attrgetter, itemgetter

from shared.events.parts import WorkOrderView
from shared.events.sla import Traits

TRAITS = ("regulator_case", "tier", "category", "flags", "priority", "channel", "region", "repeat")
Conditions = Mapping[str, tuple[str, ...]]
"""For each trait named the values of which an order must have at least one."""
Asked = Mapping[str, tuple[str, ...]]
"""For each trait the values that an order has."""


_terms = attrgetter(*(f.name for f in fields(Traits) if f.name not in ("status", "escalation_level")))


def traits_of(order: WorkOrderView) -> Traits:
    """What a clock set keeps of its order."""
    return Traits(
        status=order.status,
        category=order.category,
        priority=order.priority,
        tier=order.tier,
        channel=order.channel,
        flags=order.severity_flags,
        regulator_case=order.regulator_case is not None,
        repeat=order.repeat_of is not None,
        escalation_level=order.escalation_level,
        received_at=order.received_at,
        transferred_at=None if order.regulator_case is None else order.regulator_case.received_at,
    )


def same_terms(one: Traits, other: Traits) -> bool:
    """Whether no policy can tell the two apart; status and escalation level are asked by rungs alone."""
    return _terms(one) == _terms(other)


def asked_of(traits: Traits, region: str) -> Asked:
    """What conditions can ask for. A category is also each of its ancestors, so a condition means a subtree.

    The last two are for the conditions of rungs.
    """
    return {
        "regulator_case": (_truth(traits.regulator_case),),
        "tier": (traits.tier,),
        "category": _subtrees(traits.category),
        "flags": traits.flags,
        "priority": (traits.priority,),
        "channel": (traits.channel,),
        "region": (region,),
        "repeat": (_truth(traits.repeat),),
        "status": (traits.status,),
        "escalation_level": (str(traits.escalation_level),),
    }


@lru_cache(maxsize=4096)
def _subtrees(category: str) -> tuple[str, ...]:
    levels = category.split("/")
    return tuple("/".join(levels[:depth]) for depth in range(1, len(levels) + 1))


terms_asked = itemgetter(*TRAITS)
"""What a policy's conditions can ask for, in the order of TRAITS: orders that have it alike get the same rules."""


def matched(conditions: Conditions, asked: Asked) -> Mapping[str, str] | None:
    """The conditions with the order's values that met them; None if one of them does not hold."""
    met = {trait: "|".join(v for v in asked[trait] if v in wanted) for trait, wanted in conditions.items()}
    return met if all(met.values()) else None


def specificity(met: Mapping[str, str]) -> tuple[int, int]:
    """More conditions are more specific; among as many, the deeper category."""
    return len(met), met.get("category", "").rpartition("|")[2].count("/")


def _truth(value: bool) -> str:
    return "true" if value else "false"
