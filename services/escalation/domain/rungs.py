"""Rungs 升级档 as a policy gives them: each of their repeats, and the conditions under which they do something."""

from collections.abc import Iterator, Mapping, Sequence

from services.escalation.domain.matching import Conditions
from services.escalation.domain.policies import Repeat, RungEffect
from shared.kernel.sla_clock import OffsetRung, RepeatRung, Rung, ShareRung


def expanded(
    rungs: Sequence[ShareRung | OffsetRung], effects: Sequence[RungEffect]
) -> tuple[tuple[Rung, ...], tuple[RungEffect, ...]]:
    """The ladder with every repeat as a rung of its own, right after what it repeats, each with its effect."""
    ladder = [
        (each, effect)
        for rung, effect in zip(rungs, effects, strict=True)
        for each in _occurrences(rung, effect.repeat)
    ]
    return tuple(rung for rung, _ in ladder), tuple(effect for _, effect in ladder)


def _occurrences(rung: ShareRung | OffsetRung, repeat: Repeat | None) -> Iterator[Rung]:
    yield rung
    if repeat is not None:
        for occurrence in range(2, repeat.times + 1):
            yield RepeatRung(rung, repeat.every, repeat.unit, occurrence)


def unmet(conditions: Conditions, order: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The conditions that an order does not meet: of none of the values wanted it has one."""
    return tuple(trait for trait, wanted in conditions.items() if not {*wanted} & {*order.get(trait, ())})
