"""What the log says of one clock: its changes one by one, and what became of its rungs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise, takewhile

from services.escalation.explain_parts import Mode, RetargetLine, RungLine
from shared.events.parts import ClockChange, Rung
from shared.events.sla import ClocksChanged, RungCollapsed, RungFired, Traits
from shared.kernel.aggregate import Decision


@dataclass(frozen=True, slots=True)
class Step:
    """A change of the clock, when it was decided and when it happened, and the order as it was then known."""

    at: datetime
    occurred_at: datetime
    clock: ClockChange
    traits: Traits | None
    region: str


@dataclass(frozen=True, slots=True)
class Past:
    """The clock's own part of the log; what was never logged is missing from it."""

    steps: tuple[Step, ...]
    rungs: tuple[tuple[str, Rung], ...]

    def matched(self, record: ClockChange) -> Step | None:
        """The step with which the clock came under the policy that it has."""
        same = takewhile(lambda step: step.clock.policy == record.policy, reversed(self.steps))
        return next(reversed(list(same)), None)

    def ended_at(self, at_least: datetime) -> datetime:
        """When the last of the changes happened."""
        return max(at_least, self.steps[-1].occurred_at) if self.steps else at_least

    def budget_at(self, since: datetime, otherwise: int) -> int:
        """The budget when the interval that begins `since` first stood in the ledger."""
        known = (step.clock for step in self.steps if any(ran.since == since for ran in step.clock.ledger))
        first = next(known, None)
        return otherwise if first is None else first.budget_seconds


def past_of(record: ClockChange, history: Sequence[Decision]) -> Past:
    traits: Traits | None = None
    steps: list[Step] = []
    rungs: list[tuple[str, Rung]] = []
    for decision in history:
        for event in decision.events:
            if isinstance(event, ClocksChanged):
                traits = event.traits or traits
                own = (clock for clock in event.clocks if clock.number == record.number)
                steps += [Step(decision.at, decision.occurred_at, clock, traits, event.region) for clock in own]
            elif isinstance(event, RungFired | RungCollapsed) and event.clock.id == record.id:
                rungs.append((event.TYPE.removeprefix("rung."), event.rung))
    return Past(tuple(steps), tuple(rungs))


def retargets(past: Past) -> Iterator[RetargetLine]:
    for before, after in pairwise(past.steps):
        old, new = before.clock, after.clock
        if new.target == old.target:
            continue
        yield RetargetLine(
            at=after.at,
            mode=_mode(old, new),
            turn=new.turn,
            old_budget_seconds=old.budget_seconds,
            new_budget_seconds=new.budget_seconds,
            old_due_at=old.due_at,
            new_due_at=new.due_at,
            old_policy=old.policy,
            new_policy=new.policy,
            old_calendar=old.calendar,
            new_calendar=new.calendar,
            elapsed_seconds=new.elapsed_seconds,
        )


def _mode(old: ClockChange, new: ClockChange) -> Mode:
    """By what it did, since `min` does either, and a budget of its own keeps a clock from any."""
    if [ran.since for ran in new.ledger[:1]] != [ran.since for ran in old.ledger[:1]]:
        return "restart"
    same = (old.budget_seconds, old.unit, old.due_at) == (new.budget_seconds, new.unit, new.due_at)
    return "keep_deadline" if same else "keep_elapsed"


def rung_lines(record: ClockChange, past: Past) -> tuple[RungLine, ...]:
    """Every rung that was decided, under each target, then those that still are not."""
    decided = {_identity(rung): _decided(status, rung) for status, rung in past.rungs}
    for rung in record.rungs:
        line = RungLine(
            name=rung.name,
            status=rung.status,
            target=rung.target if rung.status in ("fired", "collapsed") else record.target,
            occurrence=rung.occurrence,
            planned_at=rung.fire_at,
            decided_at=rung.fire_at if rung.status == "fired" else None,
            late_ms=None,
            audience=(),
        )
        decided.setdefault((line.name, line.target, line.occurrence), line)
    return tuple(
        sorted(decided.values(), key=lambda line: (line.planned_at is None, line.planned_at or record.started_at))
    )


def _identity(rung: Rung) -> tuple[str, int, int]:
    """A rung's key ends with its name, the number of its target and its occurrence."""
    return rung.name, int(rung.key.split("/")[-2]), rung.occurrence


def _decided(status: str, rung: Rung) -> RungLine:
    return RungLine(
        name=rung.name,
        status=status,
        target=_identity(rung)[1],
        occurrence=rung.occurrence,
        planned_at=rung.fire_at,
        decided_at=rung.fired_at,
        late_ms=rung.late_ms,
        audience=rung.audience,
    )
