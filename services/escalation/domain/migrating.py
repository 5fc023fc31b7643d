"""Migration 迁移: the clocks of an order that still count go over to the versions in force now."""

from collections.abc import Sequence, Set
from datetime import datetime

from services.escalation.domain.matching import asked_of
from services.escalation.domain.moments import Moment, Step
from services.escalation.domain.policies import Rulebook
from services.escalation.domain.rematching import by_versions
from services.escalation.domain.retargeting import Target, retargeted
from services.escalation.domain.state import ClockSet
from shared.events.parts import ClockChange, Turn

EVENT = "migration"
"""How ledgers name it; the id beside it is the migration's."""


def migrated(
    state: ClockSet, rules: Rulebook, now: datetime, kinds: frozenset[str] | None = None, turn: Turn | None = None
) -> Sequence[ClockChange]:
    """The clocks that a migration at `now` would change, as they would be then; for previews."""
    return [step.record for step in migration_steps(state, moment_of(state, rules, now, turn), kinds)]


def migration_steps(
    state: ClockSet, moment: Moment, kinds: frozenset[str] | None, rule: str | None = None
) -> Sequence[Step]:
    steps = []
    for clock in state.live:
        target = by_versions(clock, moment) if kinds is None or clock.kind in kinds else None
        if target is not None and (rule is None or rule in _rules_of(clock, target)):
            steps.append(retargeted(clock, target, moment))
    return steps


def _rules_of(clock: ClockChange, target: Target) -> Set[str]:
    """The policies and calendars that the clock leaves or comes to, as `policy/<id>` and `calendar/<id>`."""
    found = set()
    if clock.policy != target.match.policy:
        found |= {f"policy/{clock.policy.id}", f"policy/{target.match.policy.id}"}
    if clock.calendar != target.match.calendar:
        found |= {f"calendar/{clock.calendar.id}", f"calendar/{target.match.calendar.id}"}
    return found


def moment_of(state: ClockSet, rules: Rulebook, now: datetime, turn: Turn | None) -> Moment:
    """A moment for which no record of the order speaks: the order is as it was last heard of."""
    asked = asked_of(state.traits, state.region)
    return Moment(now, now, state.cycle, rules, turn, asked, state.clocks)
