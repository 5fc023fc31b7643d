"""What another rulebook would have made of a story: the same facts, matched, counted and fired anew.

Timers are taken to fire in time, from the moment at which a clock's start was heard of.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from services.escalation.domain.clockwork import plan_of
from services.escalation.domain.instants import to_instant, to_seconds
from services.escalation.domain.matching import asked_of
from services.escalation.domain.policies import Rulebook
from services.escalation.domain.rematching import by_order, by_versions
from services.escalation.domain.retargeting import Target, extended, retargeted
from services.escalation.domain.steps import Terms, started
from services.escalation.domain.table import COOPERATION, STATUTORY, SUPERVISION, SUSPENSION, may_pause
from services.escalation.simulation_clock import Replayed, moment_at, uncovered
from services.escalation.simulation_course import Course, Known
from services.escalation.simulation_facts import ORDER, STARTED, STOPPED, Fact, What
from services.escalation.simulation_story import RENEWALS, Order, Recorded, Story
from shared.events.parts import VersionedRef
from shared.events.sla import Traits
from shared.kernel.sla_clock import ClockPlan, elapsed
from shared.kernel.working_time import SlaError, Unit

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
UNPLANNED = ClockPlan(0, "natural", pausable=True)


class Replayer:
    """Replays stories over `rules`; `under` are those that they were told under. `now` in epoch seconds."""

    def __init__(self, rules: Rulebook, under: Rulebook, now: int) -> None:
        self.rules, self.under, self.now = rules, under, now
        policies, calendars = rules.policies.values(), rules.calendars.values()
        effective = {one.effective_from for one in policies} | {one.effective_from for one in calendars}
        changes = sorted(effective)
        self._epochs = [ALWAYS, *changes]
        self._changes = [to_seconds(change) for change in changes]
        self._known: dict[tuple[Any, ...], Known] = {}

    def replay(self, story: Story) -> list[Replayed]:
        """Every clock that these rules would have started, in the order of their starts."""
        run = _Run(self, story)
        for fact in story.facts:
            run.take(fact)
        for clock in run.clocks:
            if not clock.not_covered:
                try:
                    clock.settle(self.now)
                except SlaError as error:
                    uncovered(clock, error)
        return run.clocks

    def known(self, story: Story, order: Order) -> Known:
        """What conditions can ask of the order, made once for all orders that are alike."""
        terms = story.terms[order.terms]
        key = (terms, order.region, order.status, order.escalation_level)
        found = self._known.get(key)
        if found is None:
            asked = Traits(
                status=order.status,
                escalation_level=order.escalation_level,
                received_at=ALWAYS,
                **msgspec.structs.asdict(terms),
            )
            found = self._known[key] = Known(asked_of(asked, order.region))
        return found

    def course(self, kind: str, order: Known, heard: int) -> Course | None:
        """By the rule in force when the start was heard of."""
        epoch = bisect_right(self._changes, heard)
        place = (kind, epoch)
        if place not in order.courses:
            match = self.rules.match(kind, order.asked, self._epochs[epoch])
            order.courses[place] = None if match is None else Course(match, self.rules.calendar(match.calendar))
        return order.courses[place]


class _Run:
    """One story on its way through one rulebook."""

    def __init__(self, replayer: Replayer, story: Story) -> None:
        self.replayer, self.rules, self.story = replayer, replayer.rules, story
        self.clocks: list[Replayed] = []
        self._of: dict[int, Replayed] = {}  # by the recorded clock's number
        self._orders = iter(story.orders)
        self._order = replayer.known(story, next(self._orders))

    def take(self, fact: Fact) -> None:
        what = fact.what
        if what is STARTED:
            self._start(fact)
        elif what is STOPPED:
            self._end(self._of.get(fact.number), fact)
        elif what is ORDER:
            self._order = self.replayer.known(self.story, next(self._orders))
        else:
            self._take_rare(self._of.get(fact.number), fact)

    def _take_rare(self, clock: Replayed | None, fact: Fact) -> None:
        match fact.what:
            case What.CANCELLED | What.HELD:
                self._end(clock, fact)
            case What.WENT_ON if clock is not None and clock.held:
                self.attempt(self._go_on, clock, fact)
            case What.EXTENDED if clock is not None and clock.live:
                self.attempt(self._extend, clock, fact)
            case What.MIGRATED if clock is not None and clock.live:
                self.attempt(self._migrate, clock, fact)
            case What.SUSPENDED | What.RESUMED | What.TERMS:
                self._each_live(fact)

    def attempt(self, step: Callable[[Replayed, Any], None], clock: Replayed, fact: Fact | None) -> None:
        try:
            if fact is not None and fact.heard > fact.at and fact.what is not What.STARTED:
                clock.hear_late(fact.heard)
            step(clock, fact)
        except SlaError as error:
            uncovered(clock, error)

    def _each_live(self, fact: Fact) -> None:
        steps = {What.SUSPENDED: self._pause, What.RESUMED: self._resume, What.TERMS: self._follow}
        for clock in self.clocks:
            if clock.live and not clock.not_covered:
                self.attempt(steps[fact.what], clock, fact)

    # -- starts and ends

    def _start(self, fact: Fact) -> None:
        event, reason, was = fact.extra
        kind = self.story.clocks[fact.number].kind
        mode = RENEWALS.get(event) if kind == "resolve" else None
        former = next((clock for clock in reversed(self.clocks) if clock.kind == kind), None) if mode else None
        if mode and former is not None and _continues(former, mode):
            former.number = fact.number
            self._of[fact.number] = former
            self.attempt(lambda clock, _: clock.resume(fact.at), former, fact)
            return
        course = self.replayer.course(kind, self._order, fact.heard)
        if course is None:
            return
        named = None if was is None else msgspec.convert(was, Recorded)
        if named is not None and kind == COOPERATION:
            course = self._by_teams_calendar(course, named, fact.heard)
        clock = self._of[fact.number] = self._begin(fact, course)
        try:
            self._plan(clock, named, reason)
        except SlaError as error:
            uncovered(clock, error)

    def _begin(self, fact: Fact, course: Course) -> Replayed:
        kind, match, calendar = self.story.clocks[fact.number].kind, course.match, course.calendar
        order = self._order.asked
        clock = Replayed(fact.number, kind, course, match, calendar, UNPLANNED, fact.at, fact.heard, order)
        self.clocks.append(clock)
        return clock

    def _by_teams_calendar(self, course: Course, was: Recorded, heard: int) -> Course:
        """A team's own calendar counts for its clocks, whatever the policy's is."""
        name = was.calendar[0]
        if name == self.replayer.under.policy(VersionedRef(*was.policy)).calendar:
            return course
        calendar = self.rules.calendar_at(name, to_instant(heard))
        return Course(replace(course.match, calendar=calendar.ref), calendar.calendar)

    def _plan(self, clock: Replayed, was: Recorded | None, reason: str | None) -> None:
        terms = None if was is None else self._terms(clock, was, reason)
        if terms is None:
            clock.plan = clock.course.plan_from(clock.started)
            return
        moment = moment_at(clock.started, clock.heard, self.rules, clock.asked)
        record = started(clock.match, clock.kind, (self.story.id, clock.number), moment, terms).record
        clock.not_covered = record.not_covered
        unit: Unit = "business" if record.unit == "business" else "natural"
        clock.plan = ClockPlan(record.budget_seconds, unit, pausable=True, rungs=clock.match.rule.rungs)

    def _terms(self, clock: Replayed, was: Recorded, reason: str | None) -> Terms | None:
        """What the record named beside the rule: a cap, or a due."""
        if clock.kind == SUSPENSION:
            pause = self.rules.policy(clock.match.policy).pauses.get(reason or "")
            return None if pause is None else Terms(cap=pause.max_seconds)
        if clock.kind == SUPERVISION or (clock.kind == COOPERATION and self._was_named(was)):
            return Terms(due=to_instant(was.started + was.budget))
        return None

    def _was_named(self, was: Recorded) -> bool:
        under = self.replayer.under
        rule = under.rule(VersionedRef(*was.policy), was.kind)
        plan = plan_of(rule, under.calendar(VersionedRef(*was.calendar)), was.started)
        return (plan.budget, plan.unit) != (was.budget, was.unit)

    def _end(self, clock: Replayed | None, fact: Fact) -> None:
        if clock is None or not clock.live:
            return
        state, held = "cancelled" if fact.what is What.CANCELLED else "stopped", fact.what is What.HELD
        if clock.counting is None and fact.heard <= fact.at:
            clock.end(fact.at, state, held)  # nothing is reckoned yet that could be uncovered
        else:
            self.attempt(lambda clock, _: clock.end(fact.at, state, held), clock, fact)

    # -- turns

    def _go_on(self, clock: Replayed, fact: Fact) -> None:
        """After a review, by the terms that the order has by then; or with the next cycle, if its rule lets it."""
        mode: str | None = fact.extra
        if mode is not None and not _continues(clock, mode):
            course = self.replayer.course(clock.kind, self._order, fact.heard)
            if course is not None:
                self._of[fact.number] = again = self._begin(fact, course)
                again.plan = course.plan_from(again.started)
            return
        if mode is None:
            self._retarget(clock, fact, by_order)
        counts_review = mode is None and clock.match.rule.counts_review
        clock.resume(None if counts_review else fact.at)

    def _pause(self, clock: Replayed, fact: Fact) -> None:
        reason = fact.extra or ""
        rule = self.rules.policy(clock.match.policy).pauses.get(reason)
        if clock.state != "running" or rule is None or clock.kind not in rule.clocks:
            return
        if may_pause(clock.kind, reason) and (rule.times is None or clock.pauses.get(reason, 0) < rule.times):
            clock.pause(fact.at, reason)

    def _resume(self, clock: Replayed, fact: Fact) -> None:
        if clock.state == "paused":
            clock.resume(fact.at)

    def _follow(self, clock: Replayed, fact: Fact) -> None:
        clock.asked = self._order.asked
        if clock.number in fact.extra or clock.kind == STATUTORY:
            return
        course = self.replayer.course(clock.kind, self._order, fact.heard)
        if course is not None and course.match.policy != clock.match.policy:
            self._retarget(clock, fact, by_order)

    def _migrate(self, clock: Replayed, fact: Fact) -> None:
        self._retarget(clock, fact, by_versions)

    def _retarget(self, clock: Replayed, fact: Fact, wanted: Callable[..., Target | None]) -> None:
        clock.advance(fact.at)
        moment = moment_at(fact.at, fact.heard, self.rules, self._order.asked)
        record = clock.record(self.story.id)
        target = wanted(record, moment)
        if target is not None:
            clock.take_step(retargeted(record, target, moment), target.match, self.rules)

    def _extend(self, clock: Replayed, fact: Fact) -> None:
        until, left, reason = fact.extra
        policy = self.rules.policy(clock.match.policy)
        if clock.kind == STATUTORY and reason not in policy.legal_reasons:
            return
        clock.advance(fact.at)
        moment = moment_at(fact.at, fact.heard, self.rules, self._order.asked)
        record = clock.record(self.story.id)
        if until is not None:
            step = extended(record, until, moment)
        else:
            budget = elapsed(clock.now_counting(), clock.calendar) + left
            step = retargeted(record, Target(clock.match, "keep_elapsed", budget), moment)
        if step is not None:
            clock.take_step(step, clock.match, self.rules)


def _continues(clock: Replayed, mode: str) -> bool:
    return clock.state == "stopped" and getattr(clock.match.rule, mode) == "continue"
