"""Deciding for a clock set: records of the order move clocks, time fires what is due, migrations bring new rules."""

from services.escalation.domain.commands import Fire, Migrate, Observe
from services.escalation.domain.migrating import EVENT, migration_steps, moment_of
from services.escalation.domain.moments import in_turn
from services.escalation.domain.observing import Observation
from services.escalation.domain.state import ClockSet, next_due
from services.escalation.domain.steps import passed
from shared.events.parts import Turn
from shared.events.sla import ClocksChanged
from shared.kernel.aggregate import Facts, Outcome
from shared.kernel.refusal import UNCHANGED, Refusal


def decide(state: ClockSet | None, command: Observe | Fire | Migrate, facts: Facts) -> Outcome:
    match command:
        case Observe():
            return Observation(state, command, facts).events() or UNCHANGED
        case Fire():
            return _fire(state, facts)
        case Migrate():
            return _migrate(state, command, facts)


def _fire(state: ClockSet | None, facts: Facts) -> Outcome:
    """Everything due at `facts.now`, in the order in which it was due."""
    if state is None:
        return Refusal("not_found")
    moment = moment_of(state, facts.reference, facts.now, None)
    due = [clock for clock in state.running if (at := next_due(clock)) is not None and at <= facts.now]
    return in_turn([told for clock in due for told in passed(clock, moment)]) or UNCHANGED


def _migrate(state: ClockSet | None, command: Migrate, facts: Facts) -> Outcome:
    if state is None:
        return Refusal("not_found")
    turn = Turn(EVENT, command.migration, f"{command.actor.kind}:{command.actor.id}", command.reason)
    moment = moment_of(state, facts.reference, facts.now, turn)
    steps = migration_steps(state, moment, command.kinds, command.rule)
    if not steps:
        return UNCHANGED
    changed = ClocksChanged(
        work_order_id=state.work_order_id,
        cycle=state.cycle,
        clocks=tuple(step.record for step in steps),
        region=state.region,
        team=state.team,
    )
    before = in_turn([told for step in steps for told in step.before])
    return (*before, changed, *in_turn([told for step in steps for told in step.after]))
