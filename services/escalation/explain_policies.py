"""Which policy gave the clock, and for every other version the reason why it did not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.escalation.domain.matching import Asked, asked_of, specificity
from services.escalation.domain.policies import Policy, Rulebook
from services.escalation.explain_history import Step
from services.escalation.explain_parts import Condition, Considered, Reason
from shared.events.parts import ClockChange, VersionedRef

CONSIDERED_AT_MOST = 100


@dataclass(frozen=True, slots=True)
class Choice:
    """The choice as it was made: for which clock, when, and what was known of the order."""

    kind: str
    chosen: Policy
    at: datetime
    asked: Asked | None
    met: Mapping[str, str]
    rules: Rulebook

    def considered(self, policy: Policy) -> Considered:
        reason, by = self._reason(policy)
        conditions = tuple(self._conditions(policy))
        return Considered(
            policy=policy.ref,
            rank=policy.rank,
            effective_from=policy.effective_from,
            reason=reason,
            by=by,
            conditions=conditions,
        )

    def _reason(self, policy: Policy) -> tuple[Reason, VersionedRef | None]:
        if policy.ref == self.chosen.ref:
            return "matched", None
        if policy.effective_from > self.at:
            return "not_yet_effective", None
        newer = self._newest_in_force(policy.ref.id)
        if newer.ref != policy.ref:
            return "superseded", newer.ref
        if self.kind not in policy.clocks:
            return "no_such_clock", None
        conditions = list(self._conditions(policy))
        if any(condition.has is not None and not condition.met for condition in conditions):
            return "condition_not_met", None
        if any(condition.has is None for condition in conditions):
            return "order_unknown", None
        return self._outdone(policy, conditions), self.chosen.ref

    def _outdone(self, policy: Policy, conditions: Sequence[Condition]) -> Reason:
        """Both match: rank decides, then specificity, then the id."""
        if policy.rank != self.chosen.rank:
            return "lower_rank"
        met = {condition.trait: "|".join(_met(condition, self.asked or {})) for condition in conditions}
        return "less_specific" if specificity(met) != specificity(self.met) else "later_id"

    def _newest_in_force(self, policy_id: str) -> Policy:
        versions = [policy for policy in self.rules.policies_at(self.at) if policy.ref.id == policy_id]
        return versions[0]

    def _conditions(self, policy: Policy) -> Iterator[Condition]:
        """A category is asked for with each of its ancestors, and shown as it is."""
        for trait, wanted in policy.conditions.items():
            has = None if self.asked is None else self.asked[trait]
            met = has is not None and any(value in wanted for value in has)
            shown = has[-1:] if has is not None and trait == "category" else has
            yield Condition(trait=trait, wanted=wanted, has=shown, met=met)


def _met(condition: Condition, asked: Asked) -> Iterator[str]:
    return (value for value in asked[condition.trait] if value in condition.wanted)


def considered(record: ClockChange, step: Step | None, rules: Rulebook) -> tuple[Considered, ...]:
    """The version that matched first, then the others that were in force, then the rest; at most a hundred."""
    choice = Choice(
        kind=record.kind,
        chosen=rules.policies[record.policy],
        at=record.started_at if step is None else step.at,
        asked=None if step is None or step.traits is None else asked_of(step.traits, step.region),
        met=record.matched,
        rules=rules,
    )
    found = [choice.considered(policy) for policy in rules.policies.values()]
    idle = ("not_yet_effective", "superseded")
    found.sort(key=lambda one: (one.reason != "matched", one.reason in idle, one.policy.id, -one.policy.version))
    return tuple(found[:CONSIDERED_AT_MOST])
