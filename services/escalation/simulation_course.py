"""How a clock goes to which nothing happens but its end: most clocks, so laid out once for each rule."""

from services.escalation.domain.clockwork import DAY_UNITS, plan_of
from services.escalation.domain.matching import Asked
from services.escalation.domain.policies import Match
from shared.kernel.sla_clock import Clock, ClockPlan, Decision, RepeatRung, Rung, ShareRung, Timetable, timetable
from shared.kernel.working_time import Calendar

PENDING = Decision()


class Course:
    """Of clocks under one rule. `plan`: what they start from, None where their days are counted from the start."""

    def __init__(self, match: Match, calendar: Calendar) -> None:
        self.match, self.calendar = match, calendar
        self.plan = None if match.rule.unit in DAY_UNITS else plan_of(match.rule, calendar, 0)
        # Natural time is as long from one start as from any other, so it is reckoned from 0 for all of them.
        natural = self.plan is not None and self.plan.unit == "natural" and all(map(_is_natural, self.plan.rungs))
        self._from_zero = reckoned(self.plan, calendar, 0) if natural and self.plan is not None else None

    def plan_from(self, start: int) -> ClockPlan:
        """Raises SlaError."""
        return self.plan or plan_of(self.match.rule, self.calendar, start)

    def times(self, plan: ClockPlan, start: int) -> Timetable:
        """Of a clock that runs on from `start`, which may have got another plan than its rule's. Raises SlaError."""
        if self._from_zero is None or plan is not self.plan:
            return reckoned(plan, self.calendar, start)
        known = self._from_zero
        rungs = tuple([None if time is None else start + time for time in known.rungs])
        return Timetable(None if known.due is None else start + known.due, rungs)


class Known:
    """What conditions can ask of an order, with the rules found for it so far, by kind of clock and epoch."""

    __slots__ = ("asked", "courses")

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.courses: dict[tuple[str, int], Course | None] = {}


def reckoned(plan: ClockPlan, calendar: Calendar, start: int) -> Timetable:
    """Of a clock that runs on from `start`. Raises SlaError."""
    undecided = (PENDING,) * len(plan.rungs)
    whole = Clock(plan.budget, plan.unit, True, plan.rungs, "running", (), start, start, None, undecided)
    return timetable(whole, calendar)


def _is_natural(rung: Rung) -> bool:
    if isinstance(rung, RepeatRung):
        return rung.unit == "natural" and _is_natural(rung.base)
    return isinstance(rung, ShareRung) or rung.unit == "natural"
