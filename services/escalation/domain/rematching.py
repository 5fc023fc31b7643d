"""Which terms a clock should have now: after its order changed, or after new versions were published."""

from dataclasses import replace

from services.escalation.domain.clockwork import DAY_UNITS, not_covered, plan_of
from services.escalation.domain.instants import to_seconds
from services.escalation.domain.matching import matched
from services.escalation.domain.moments import Moment
from services.escalation.domain.policies import ClockRule, Match
from services.escalation.domain.retargeting import Target
from services.escalation.domain.table import COOPERATION, STATUTORY, SUPERVISION, SUSPENSION, is_alarm
from shared.events.parts import ClockChange
from shared.kernel.sla_clock import OffsetRung, RepeatRung, Rung, ShareRung
from shared.kernel.working_time import SlaError

DEMANDED = (SUSPENSION, SUPERVISION, COOPERATION)
"""Kinds whose due somebody may have named; then no rule moves it."""


def by_order(record: ClockChange, moment: Moment) -> Target | None:
    """The terms of an order with new traits, where another policy speaks of it; None where nothing changes.

    A newer version of the same policy does not reach a running clock this way, unless the one that it keeps does not
    speak of the order any more. Neither alarms nor the statutory clock follow the order.
    """
    if is_alarm(record.kind) or record.kind == STATUTORY:
        return None
    match = _matched(record, moment)
    if match is None or _still_holds(record, match, moment):
        return None
    own = record.kind in DEMANDED and has_own_budget(record, moment)
    return Target(match, "keep_deadline" if own else match.rule.retarget)


def by_versions(record: ClockChange, moment: Moment) -> Target | None:
    """The terms of the versions in force now; None where they are those that the clock has.

    The statutory clock and alarms keep theirs; only one that its calendar did not cover is reckoned anew by a newer
    version of it.
    """
    fixed = is_alarm(record.kind) or record.kind == STATUTORY
    if fixed and not record.not_covered:
        return None
    match = _pinned(record, moment) if fixed else _matched(record, moment) or _pinned(record, moment)
    if match.policy == record.policy:
        return _newer_calendar(record, match, moment)
    own = has_own_budget(record, moment)
    return Target(match, "keep_deadline" if own else match.rule.retarget)


def has_own_budget(record: ClockChange, moment: Moment) -> bool:
    """Whether a due that was named, a cap or an extension gave the clock another budget than its rule."""
    rule, calendar = moment.rules.rule(record.policy, record.kind), moment.rules.calendar(record.calendar)
    try:
        plan = plan_of(rule, calendar, to_seconds(record.started_at))
    except SlaError as error:
        return not not_covered(error)
    return (plan.budget, plan.unit) != (record.budget_seconds, record.unit)


def _newer_calendar(record: ClockChange, match: Match, moment: Moment) -> Target | None:
    """The same rule by a newer version of the calendar: budgets stay, working time and days are counted anew."""
    if match.calendar == record.calendar or not (record.not_covered or _reads_days(record, match.rule)):
        return None
    kept = record.budget_seconds if not record.not_covered and has_own_budget(record, moment) else None
    return Target(match, "keep_elapsed", kept)


def _reads_days(record: ClockChange, rule: ClockRule) -> bool:
    """Whether the calendar has a say in the clock's due or in its rungs."""
    if record.unit == "business" or rule.unit in DAY_UNITS:
        return True
    return any(_counts_work(rung) for rung in rule.rungs)


def _counts_work(rung: Rung) -> bool:
    match rung:
        case ShareRung():
            return False
        case OffsetRung():
            return rung.unit == "business"
        case RepeatRung():
            return rung.unit == "business" or _counts_work(rung.base)


def _still_holds(record: ClockChange, match: Match, moment: Moment) -> bool:
    if match.policy.id != record.policy.id:
        return False
    return matched(moment.rules.policy(record.policy).conditions, moment.asked) is not None


def _matched(record: ClockChange, moment: Moment) -> Match | None:
    """What matches the order now; a clock that counts by a team's calendar goes on doing so."""
    match = moment.rules.match(record.kind, moment.asked, moment.now)
    own_calendar = moment.rules.policy(record.policy).calendar
    if match is None or record.calendar.id == own_calendar:
        return match
    return replace(match, calendar=moment.rules.calendar_at(record.calendar.id, moment.now).ref)


def _pinned(record: ClockChange, moment: Moment) -> Match:
    """The clock's own rule, by the version of its calendar that is in force now."""
    rule = moment.rules.rule(record.policy, record.kind)
    calendar = moment.rules.calendar_at(record.calendar.id, moment.now).ref
    return Match(record.policy, calendar, rule, record.matched)
