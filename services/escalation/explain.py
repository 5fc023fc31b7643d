"""Explains a clock 时钟 from its ledger, its rules and its log: every second that counted, and why it is due then."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

from services.escalation.domain.clockwork import DAY_UNITS, elapsed_at, not_covered, restored
from services.escalation.domain.instants import to_instant, to_seconds
from services.escalation.domain.policies import ClockRule, Rulebook
from services.escalation.explain_days import day_count
from services.escalation.explain_history import Past, past_of, retargets, rung_lines
from services.escalation.explain_parts import DayCount, Derivation, Explanation, SpanLine, Stretch
from services.escalation.explain_policies import considered
from shared.events.parts import ClockChange, RunningInterval, Turn
from shared.kernel.aggregate import Decision
from shared.kernel.working_time import Calendar, SlaError, Unit, format_date, units
from shared.kernel.working_time.spans import Span, spans

SPANS_AT_MOST = 1000
SUSPENDED = "workorder.suspended"


def explained(record: ClockChange, rules: Rulebook, history: Sequence[Decision], now: datetime) -> Explanation:
    """The clock as of `now`; `history` is every decision on its clock set, oldest first."""
    return _Account(record, rules, past_of(record, history), now).explanation()


@dataclass
class _Account:
    """Reckons one clock anew from its ledger. `spared`: how many spans may still be listed one by one."""

    record: ClockChange
    rules: Rulebook
    past: Past
    now: datetime
    spared: int = SPANS_AT_MOST

    def explanation(self) -> Explanation:
        record, step = self.record, self.past.matched(self.record)
        stretches = tuple(self._stretches())
        elapsed = stretches[-1].total_seconds if stretches else 0
        derivation = self._derivation()
        due = None if derivation is None else derivation.due_at
        return Explanation(
            work_order_id=record.id.partition("/")[0],
            clock_id=record.id,
            kind=record.kind,
            number=record.number,
            cycle=record.cycle,
            subject=record.subject,
            state=record.state,
            change=record.change,
            provisional=record.provisional,
            not_covered=record.not_covered,
            unit=self.rule.unit if self.days is not None else record.unit,
            budget_seconds=record.budget_seconds,
            budget_from=self._budget_from,
            days=self.days,
            started_at=record.started_at,
            as_of=self.now,
            elapsed_seconds=elapsed,
            remaining_seconds=None if elapsed is None or record.not_covered else record.budget_seconds - elapsed,
            sum_is_exact=elapsed is not None and elapsed == self._reckoned() and due == record.due_at,
            due_at=record.due_at,
            first_due_at=record.first_due_at,
            would_be_due_at=self._would_be_due(elapsed),
            derivation=derivation,
            breached_at=record.breached_at,
            cause=record.cause,
            policy=record.policy,
            matched_at=record.started_at if step is None else step.at,
            considered=considered(record, step, self.rules),
            calendar=record.calendar,
            zone=self.calendar.zone.name,
            complete_until=format_date(self.calendar.last_date),
            intervals=stretches,
            retargets=tuple(retargets(self.past)),
            rungs=rung_lines(record, self.past),
        )

    @cached_property
    def calendar(self) -> Calendar:
        return self.rules.calendar(self.record.calendar)

    @cached_property
    def rule(self) -> ClockRule:
        return self.rules.rule(self.record.policy, self.record.kind)

    @property
    def unit(self) -> Unit:
        return "business" if self.record.unit == "business" else "natural"

    @cached_property
    def days(self) -> DayCount | None:
        """Only where the days still make the budget that the clock has; a restart counts them anew."""
        budget = self.record.budget_seconds
        starts = (self.record.started_at, *(ran.since for ran in self.record.ledger[:1]))
        if self.rule.unit not in DAY_UNITS:
            return None
        return next(
            filter(None, (day_count(self.rule, self.calendar, to_seconds(at), budget) for at in starts)), None
        )

    @property
    def _budget_from(self) -> Literal["rule", "days", "retarget", "given"]:
        if self.days is not None:
            return "days"
        of_rule = self.rule.unit == self.record.unit and self.rule.budget == self.record.budget_seconds
        if of_rule:
            return "rule"
        return "retarget" if self.record.target else "given"

    def _stretches(self) -> Iterator[Stretch]:
        total: int | None = 0
        ledger = self.record.ledger
        for place, ran in enumerate(ledger):
            if place and ledger[place - 1].until != ran.since:  # a retarget divides what runs on
                yield self._gap(ledger[place - 1], ran, total)
            stretch = self._running(ran, total)
            total = stretch.total_seconds
            yield stretch
        if self.record.state == "paused" or self.record.provisional:
            yield self._gap(self._last_ran, None, total)
        elif self.record.state != "running" and _suspended(self._last_ran):
            over = RunningInterval(self.past.ended_at(self._last_ran.since), began=self.record.turn)
            yield self._gap(self._last_ran, over, total)

    @property
    def _last_ran(self) -> RunningInterval:
        """Of a clock that was restarted while it was paused the log still has it."""
        started = RunningInterval(self.record.started_at, self.record.started_at)
        known = (ran for step in self.past.steps for ran in step.clock.ledger[-1:])
        return (
            self.record.ledger[-1] if self.record.ledger else max(known, default=started, key=lambda ran: ran.since)
        )

    def _running(self, ran: RunningInterval, total: int | None) -> Stretch:
        since, until = self._edges(ran.since, ran.until)
        try:
            found = self._spans(since, until)
            seconds: int | None = sum(span.seconds for span in found)
        except SlaError as error:
            not_covered(error)
            found, seconds = (), None
        total = None if total is None or seconds is None else total + seconds
        return self._stretch("running", ran.since, ran.until, (ran.began, ran.ended), (found, seconds, total))

    def _gap(self, before: RunningInterval, after: RunningInterval | None, total: int | None) -> Stretch:
        """Nothing counts, whatever the calendar says; a gap that no suspension made waits for a review or a cycle."""
        turns = (before.ended, None if after is None else after.began)
        kind: Literal["paused", "stopped"] = "paused" if before.ended is None or _suspended(before) else "stopped"
        since = before.until or before.since
        return self._stretch(kind, since, None if after is None else after.since, turns, ((), 0, total))

    def _stretch(
        self,
        kind: Literal["running", "paused", "stopped"],
        since: datetime,
        until: datetime | None,
        turns: tuple[Turn | None, Turn | None],
        counted: tuple[Sequence[Span], int | None, int | None],
    ) -> Stretch:
        found, seconds, total = counted
        began, ended = self._edges(since, until)
        return Stretch(
            kind=kind,
            since=since,
            until=until,
            seconds=seconds,
            real_seconds=ended - began,
            total_seconds=total,
            budget_seconds=self.past.budget_at(since, self.record.budget_seconds),
            began=turns[0],
            ended=turns[1],
            spans=tuple(map(_line, found)),
        )

    def _edges(self, since: datetime, until: datetime | None) -> tuple[int, int]:
        """In epoch seconds; what goes on has come as far as now."""
        began = to_seconds(since)
        return began, max(began, to_seconds(self.now if until is None else until))

    def _spans(self, since: int, until: int) -> tuple[Span, ...]:
        found = spans(self.calendar, self.unit, since, until, at_most=max(1, self.spared))
        self.spared -= len(found)
        return found

    def _reckoned(self) -> int | None:
        """The same elapsed time by the clock's own arithmetic, which knows no spans."""
        clock, calendar = restored(self.record, self.rules)
        reckoned = elapsed_at(clock, calendar, to_seconds(self.now))
        settled = self.record.state != "running" and self.record.elapsed_seconds is not None
        return None if settled and reckoned != self.record.elapsed_seconds else reckoned

    def _derivation(self) -> Derivation | None:
        """From the interval in which the budget is used up, else from the last one."""
        if self.record.due_at is None or not self.record.ledger:
            return None
        used = 0
        *earlier, last = self.record.ledger
        for ran in earlier:
            more = units.between(self.calendar, self.unit, *self._edges(ran.since, ran.until))
            if used + more >= self.record.budget_seconds:
                last = ran
                break
            used += more
        since, remaining = to_seconds(last.since), self.record.budget_seconds - used
        due = units.add(self.calendar, self.unit, since, remaining)
        return Derivation(
            since=to_instant(since),
            used_seconds=used,
            remaining_seconds=remaining,
            due_at=to_instant(due),
            spans=tuple(map(_line, self._spans(since, due))),
        )

    def _would_be_due(self, elapsed: int | None) -> datetime | None:
        if self.record.state != "paused" or self.record.due_at is not None or elapsed is None:
            return None
        try:
            resumed = to_seconds(max(self.now, self._last_ran.until or self.record.started_at))
            return to_instant(units.add(self.calendar, self.unit, resumed, self.record.budget_seconds - elapsed))
        except SlaError as error:
            not_covered(error)
            return None


def _suspended(ran: RunningInterval) -> bool:
    return ran.ended is not None and ran.ended.event == SUSPENDED


def _line(span: Span) -> SpanLine:
    return SpanLine(
        kind=span.kind,
        since=to_instant(span.since),
        until=to_instant(span.until),
        seconds=span.seconds,
        layer=span.layer,
        first_date=format_date(span.first_date),
        last_date=format_date(span.last_date),
    )
