"""Which orders a policy speaks of: conditions compared with an order's traits."""

from collections.abc import Mapping

from shared.events.parts import WorkOrderView

TRAITS = ("regulator_case", "tier", "category", "flags", "priority", "channel", "region", "repeat")
Conditions = Mapping[str, tuple[str, ...]]
"""For each trait named the values of which an order must have at least one."""


def traits_of(order: WorkOrderView) -> Mapping[str, tuple[str, ...]]:
    """What conditions can ask for. A category is also each of its ancestors, so a condition means a subtree."""
    levels = order.category.split("/")
    return {
        "regulator_case": (_truth(order.regulator_case is not None),),
        "tier": (order.tier,),
        "category": tuple("/".join(levels[:depth]) for depth in range(1, len(levels) + 1)),
        "flags": order.severity_flags,
        "priority": (order.priority,),
        "channel": (order.channel,),
        "region": (order.region,),
        "repeat": (_truth(order.repeat_of is not None),),
    }


def matched(conditions: Conditions, order: WorkOrderView) -> Mapping[str, str] | None:
    """The conditions with the order's values that met them; None if one of them does not hold."""
    traits = traits_of(order)
    met = {trait: "|".join(v for v in traits[trait] if v in wanted) for trait, wanted in conditions.items()}
    return met if all(met.values()) else None


def specificity(met: Mapping[str, str]) -> tuple[int, int]:
    """More conditions are more specific; among as many, the deeper category."""
    return len(met), met.get("category", "").rpartition("|")[2].count("/")


def _truth(value: bool) -> str:
    return "true" if value else "false"
