"""When and by what a clock is touched, and what stands around it: the ground of every step of a clock."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter

from services.escalation.domain.instants import to_seconds
from services.escalation.domain.ladder import Told
from services.escalation.domain.matching import Asked
from services.escalation.domain.policies import Rulebook
from shared.events.parts import ClockChange, Turn
from shared.kernel.aggregate import Event


@dataclass(frozen=True, slots=True)
class Moment:
    """`instant`: when it happened. `now`: when we decide. `cycle`: the order's.

    `turn`: what made it happen. `asked`: the order as conditions see it. `clocks`: the set before it.
    """

    instant: datetime
    now: datetime
    cycle: int
    rules: Rulebook
    turn: Turn | None = None
    asked: Asked = field(default_factory=dict)
    clocks: Sequence[ClockChange] = ()

    @property
    def at(self) -> int:
        """In epoch seconds, as the arithmetic counts."""
        return to_seconds(self.instant)


@dataclass(frozen=True, slots=True)
class Step:
    """The clock after it, what happened up to it, and what happened because of it."""

    record: ClockChange
    before: Sequence[Told] = ()
    after: Sequence[Told] = ()


def in_turn(told: Sequence[Told]) -> Sequence[Event]:
    """The events in the order in which they were due."""
    return [event for _, event in sorted(told, key=_due_first)] if told else ()


_due_first = itemgetter(0)
