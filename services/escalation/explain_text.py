"""An explanation as lines that people read, in Chinese or English."""

from collections.abc import Iterable, Iterator

from services.escalation.explain_parts import (
    Condition,
    Considered,
    DayRun,
    Explanation,
    RetargetLine,
    RungLine,
    SpanLine,
    Stretch,
)
from services.escalation.explain_words import Words
from shared.events.parts import Turn, VersionedRef

STEP = "  "


def lines(explanation: Explanation, language: str) -> tuple[str, ...]:
    """`language` is zh or en; times are local to the clock's calendar."""
    return tuple(_Telling(explanation, Words(language, explanation.zone)).lines())


class _Telling:
    def __init__(self, explanation: Explanation, words: Words) -> None:
        self.it, self.words, self.say, self.name = explanation, words, words.say, words.name

    def lines(self) -> Iterator[str]:
        yield from self._head()
        yield from self._section(
            "policies", map(self._policy, self.it.considered), at=self.words.at(self.it.matched_at)
        )
        yield from self._section("intervals", self._intervals())
        yield from self._section("retargets", self._retargets())
        yield from self._section("due", self._due())
        yield from self._section("rungs", map(self._rung, self.it.rungs))

    def _section(self, heading: str, told: Iterable[str], **values: str) -> Iterator[str]:
        """Nothing where there is nothing to tell."""
        below = [STEP + line for line in told]
        if below:
            yield self.say(f"heading_{heading}", **values)
            yield from below

    def _head(self) -> Iterator[str]:
        it, say = self.it, self.say
        yield say("title", kind=self.name("kind", it.kind), number=it.number, cycle=it.cycle)
        state = self.name("state", it.state)
        yield say("order", order=it.work_order_id, state=state, as_of=self.words.at(it.as_of), zone=it.zone)
        if it.subject is not None:
            yield say("subject", subject=it.subject)
        if it.provisional:
            yield say("provisional")
        if it.change == "corrected":
            yield say("corrected")
        yield from self._budget()
        yield say("calendar", calendar=_ref(it.calendar), until=it.complete_until)
        if it.not_covered:
            yield say("not_covered", until=it.complete_until)

    def _budget(self) -> Iterator[str]:
        it, days = self.it, self.it.days
        budget, policy = self._duration(it.budget_seconds), _ref(it.policy)
        if days is None:
            source = self.say(f"from_{it.budget_from}", policy=policy)
            yield self.say("budget", budget=budget, unit=self.name("unit", it.unit), source=source)
        else:
            unit = self.name("unit", days.unit)
            yield self.say("days", count=days.count, unit=unit, budget=budget, policy=policy)
            yield from (STEP + self._day_run(run) for run in days.runs)

    def _day_run(self, run: DayRun) -> str:
        layer = None if run.layer is None else self.name("layer", run.layer)
        sentence = "day_run" if layer else "day_run_natural"
        return self.say(sentence, first=run.first_date, last=run.last_date, layer=layer, counted=run.counted)

    def _policy(self, one: Considered) -> str:
        policy = _ref(one.policy)
        if one.reason == "matched":
            conditions = self._conditions(one.conditions) or self.say("no_conditions")
            return self.say("chosen", policy=policy, rank=one.rank, conditions=conditions)
        why = self.say(
            f"why_{one.reason}",
            by=None if one.by is None else _ref(one.by),
            at=self.words.at(one.effective_from),
            conditions=self._conditions(condition for condition in one.conditions if not condition.met),
        )
        return self.say("passed_over", policy=policy, rank=one.rank, why=why)

    def _conditions(self, conditions: Iterable[Condition]) -> str:
        return self.say("and").join(
            self.say(
                "condition",
                trait=self.name("trait", condition.trait),
                wanted=self.say("or").join(condition.wanted),
                has=self.say("unknown") if condition.has is None else ", ".join(condition.has) or self.say("nothing"),
            )
            for condition in conditions
        )

    def _intervals(self) -> Iterator[str]:
        for place, stretch in enumerate(self.it.intervals, 1):
            yield self._stretch(place, stretch)
            if stretch.began is not None:
                yield STEP + self.say("began", turn=self._turn(stretch.began))
            if stretch.ended is not None:
                yield STEP + self.say("ended", turn=self._turn(stretch.ended))
            yield from (STEP + self._span(span) for span in stretch.spans)
        if self.it.elapsed_seconds is None:
            yield self.say("sum_unknown")
        elif self.it.sum_is_exact:
            yield self.say("sum_exact", total=self._duration(self.it.elapsed_seconds))
        else:
            yield self.say("sum_differs")

    def _stretch(self, place: int, stretch: Stretch) -> str:
        until = self.say("goes_on") if stretch.until is None else self.words.at(stretch.until)
        return self.say(
            "interval" if stretch.kind == "running" else "gap",
            place=place,
            what=self.name("stretch", stretch.kind),
            since=self.words.at(stretch.since),
            until=until,
            seconds=self._duration(stretch.seconds),
            total=self._duration(stretch.total_seconds),
            budget=self._duration(stretch.budget_seconds),
            real=self.words.duration(stretch.real_seconds, whole_days=True),
        )

    def _turn(self, turn: Turn) -> str:
        kind, _, actor = turn.actor.partition(":")
        return self.say(
            "turn" if turn.reason is None else "turn_reason",
            event=self.name("event", turn.event.rpartition(".")[2]),
            actor=f"{self.name('actor', kind)} {actor}".strip(),
            reason=None if turn.reason is None else self.name("reason", turn.reason),
        )

    def _span(self, span: SpanLine) -> str:
        layer = None if span.layer is None else self.name("layer", span.layer)
        if layer is not None and span.first_date != self.words.date(span.since):
            layer = self.say("layer_of", layer=layer, date=span.first_date)  # a tail over midnight
        return self.say(
            "span_natural" if layer is None else "span",
            since=self.words.at(span.since),
            until=self.words.at(span.until),
            what=self.name("span", span.kind),
            layer=layer,
            seconds=self._duration(span.seconds),
        )

    def _retargets(self) -> Iterator[str]:
        for retarget in self.it.retargets:
            yield self._retarget(retarget)
            if retarget.turn is not None:
                yield STEP + self.say("began", turn=self._turn(retarget.turn))
        if self.it.first_due_at is not None:
            yield self.say("first_due", at=self.words.at(self.it.first_due_at))

    def _retarget(self, retarget: RetargetLine) -> str:
        return self.say(
            "retarget",
            at=self.words.at(retarget.at),
            mode=self.name("mode", retarget.mode),
            old=self._duration(retarget.old_budget_seconds),
            new=self._duration(retarget.new_budget_seconds),
            old_due=self.words.at(retarget.old_due_at),
            new_due=self.words.at(retarget.new_due_at),
            old_policy=_ref(retarget.old_policy),
            new_policy=_ref(retarget.new_policy),
            old_calendar=_ref(retarget.old_calendar),
            new_calendar=_ref(retarget.new_calendar),
            elapsed=self._duration(retarget.elapsed_seconds),
        )

    def _due(self) -> Iterator[str]:
        it, derivation = self.it, self.it.derivation
        if derivation is not None:
            yield self.say(
                "due_from",
                since=self.words.at(derivation.since),
                used=self._duration(derivation.used_seconds),
                remaining=self._duration(derivation.remaining_seconds),
                due=self.words.at(derivation.due_at),
            )
            yield from (STEP + self._span(span) for span in derivation.spans)
        elif it.state == "paused" and not it.not_covered:
            yield self.say("due_open")
        else:
            yield self.say("no_due")
        if it.would_be_due_at is not None:
            yield self.say("would_be_due", at=self.words.at(it.would_be_due_at))
        if it.remaining_seconds is not None:
            left = "remaining" if it.remaining_seconds >= 0 else "overdrawn"
            yield self.say(left, seconds=self._duration(abs(it.remaining_seconds)))
        if it.breached_at is not None:
            cause = None if it.cause is None else self.name("cause", it.cause)
            yield self.say("breached_cause" if cause else "breached", at=self.words.at(it.breached_at), cause=cause)

    def _rung(self, rung: RungLine) -> str:
        name = rung.name
        if rung.occurrence > 1:
            name = self.say("rung_repeat", name=name, occurrence=rung.occurrence)
        if rung.target:
            name = self.say("rung_target", name=name, target=rung.target)
        told = self.say(
            "rung" if rung.decided_at is None else "rung_decided",
            name=name,
            status=self.name("rung", rung.status),
            planned=self.words.at(rung.planned_at),
            decided=self.words.at(rung.decided_at),
        )
        audience = ", ".join(self.name("audience", one) for one in rung.audience)
        return told + self.say("audience", audience=audience) if audience else told

    def _duration(self, seconds: int | None) -> str:
        """A day of working time is no day of 24 hours, so it is told in hours."""
        return self.words.duration(seconds, whole_days=self.it.unit != "business")


def _ref(ref: VersionedRef) -> str:
    return f"{ref.id} v{ref.version}"
