"""Policies 时限策略 and calendars 工作日历 as they are written down, checked, and as the domain reads them."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, StrictBool, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

from services.escalation.domain.policies import CalendarVersion, ClockRule, PauseRule, Policy, QuietHours
from services.escalation.domain.rungs import expanded
from services.escalation.domain.table import KINDS, PAUSABLE, is_alarm, may_pause
from services.escalation.ladder_schemas import (
    SECONDS_OF,
    ConditionsDocument,
    Duration,
    Part,
    RungDocument,
    all_of,
    fault,
    seconds_of,
)
from shared.events.parts import VersionedRef
from shared.kernel.sla_clock import RetargetMode
from shared.kernel.working_time import SlaError, read_calendar

_BUDGET = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
ReasonCode = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]{0,63}$")]
Mode = Literal["new", "continue"]


class ClockDocument(Part):
    """One clock. A budget is a whole number of s, m or h; of d where the unit counts days."""

    budget: str
    unit: Literal["natural", "business", "natural_days", "work_days"]
    ladder: str | None = None
    roll_to_working_day: StrictBool = False
    counts_review: StrictBool = False
    retarget: RetargetMode | None = None
    cycle_mode: Mode | None = None
    reopen_mode: Mode | None = None
    source: str | None = None

    @model_validator(mode="after")
    def _budget_fits_unit(self) -> "ClockDocument":
        found = _BUDGET.fullmatch(self.budget)
        if found is None or (found[2] == "d") != self.unit.endswith("_days"):
            raise fault("must be like 30m or 24h, and like 15d where the unit counts days", "budget")
        if self.roll_to_working_day and self.unit != "natural_days":
            raise fault("only a clock in natural_days rolls to a working day", "roll_to_working_day")
        return self

    def rule(self, ladder: tuple[RungDocument, ...]) -> ClockRule:
        amount, measure = int(self.budget[:-1]), self.budget[-1]
        rungs, effects = expanded([rung.rung() for rung in ladder], [rung.effect() for rung in ladder])
        return ClockRule(
            budget=amount * SECONDS_OF.get(measure, 1),
            unit=self.unit,
            rungs=rungs,
            effects=effects,
            roll_to_working_day=self.roll_to_working_day,
            counts_review=self.counts_review,
            retarget=self.retarget or "keep_elapsed",
            cycle_mode=self.cycle_mode or "new",
            reopen_mode=self.reopen_mode or "new",
        )


class PauseDocument(Part):
    """What a suspension for one reason pauses, for at most how long at once and how many times."""

    clocks: tuple[str, ...] = Field(min_length=1)
    max: Duration | None = None
    times: int | None = Field(default=None, ge=1, le=1_000)

    def rule(self) -> PauseRule:
        longest = None if self.max is None else seconds_of(self.max)
        return PauseRule(frozenset(self.clocks), longest, self.times)


class QuietHoursDocument(Part):
    """免打扰: over midnight where `to` is earlier than `from`; in the calendar's zone."""

    since: str = Field(alias="from", pattern=rf"^{_TIME.pattern}$")
    until: str = Field(alias="to", pattern=rf"^{_TIME.pattern}$")

    @model_validator(mode="after")
    def _some_time(self) -> "QuietHoursDocument":
        if self.since == self.until:
            raise fault("quiet hours must end at another time than they begin", "to")
        return self

    def hours(self) -> QuietHours:
        return QuietHours(_minutes(self.since), _minutes(self.until))


def _minutes(time: str) -> int:
    return int(time[:2]) * 60 + int(time[3:])


class PolicyDocument(Part):
    """A version of a policy: for orders that match, which clocks with which ladders."""

    kind: Literal["policy"]
    id: Identifier
    version: int = Field(ge=1, le=1_000_000)
    effective_from: AwareDatetime
    rank: int = Field(default=0, ge=-1_000_000, le=1_000_000)
    match: ConditionsDocument = ConditionsDocument()
    calendar: Identifier
    ladders: dict[str, Annotated[tuple[RungDocument, ...], Field(max_length=100)]] = Field(default_factory=dict)
    clocks: dict[str, ClockDocument] = Field(min_length=1)
    pauses: dict[ReasonCode, PauseDocument] = Field(default_factory=dict)
    legal_reasons: tuple[ReasonCode, ...] = ()
    quiet_hours: QuietHoursDocument | None = None

    @model_validator(mode="after")
    def _complete(self) -> "PolicyDocument":
        if found := [*self._ladder_faults(), *self._clock_faults(), *self._pause_faults()]:
            raise all_of(found)
        return self

    def _ladder_faults(self) -> Iterator[PydanticCustomError]:
        used = {clock.ladder for clock in self.clocks.values()}
        for name, rungs in self.ladders.items():
            if len({rung.key for rung in rungs}) != len(rungs):
                yield fault("two rungs have the same key", "ladders", name)
            if name not in used:
                yield fault("no clock of this policy climbs this ladder", "ladders", name)

    def _clock_faults(self) -> Iterator[PydanticCustomError]:
        for kind, clock in self.clocks.items():
            if kind not in KINDS:
                yield fault(f"there is no such clock, but {', '.join(KINDS)}", "clocks", kind)
            if clock.ladder is not None and clock.ladder not in self.ladders:
                yield fault("there is no such ladder in this policy", "clocks", kind, "ladder")
            if clock.ladder is None and is_alarm(kind):
                yield fault("an alarm does nothing without a ladder", "clocks", kind)
            if kind == "statutory" and clock.retarget is not None:
                yield fault("a statutory clock never moves but for a legal reason", "clocks", kind, "retarget")
            if kind != "resolve" and (clock.cycle_mode or clock.reopen_mode):
                mode = "cycle_mode" if clock.cycle_mode else "reopen_mode"
                yield fault("only the clock resolve has a mode for the next cycle", "clocks", kind, mode)

    def _pause_faults(self) -> Iterator[PydanticCustomError]:
        for code, pause in self.pauses.items():
            allowed = [kind for kind in PAUSABLE if may_pause(kind, code)]
            for place, kind in enumerate(pause.clocks):
                if kind == "statutory":
                    what = "a statutory clock is never paused; a legal reason with an approver may move it"
                    yield fault(what, "pauses", code, "clocks", place)
                elif kind not in allowed:
                    what = f"a suspension for this reason may pause {', '.join(allowed)} and no other clock"
                    yield fault(what, "pauses", code, "clocks", place)

    @property
    def ref(self) -> VersionedRef:
        return VersionedRef(self.id, self.version)

    def policy(self) -> Policy:
        return Policy(
            ref=self.ref,
            effective_from=self.effective_from,
            rank=self.rank,
            conditions=self.match.conditions(),
            calendar=self.calendar,
            clocks={
                kind: clock.rule(self.ladders[clock.ladder] if clock.ladder else ())
                for kind, clock in self.clocks.items()
            },
            pauses={code: pause.rule() for code, pause in self.pauses.items()},
            legal_reasons=frozenset(self.legal_reasons),
            quiet_hours=None if self.quiet_hours is None else self.quiet_hours.hours(),
        )


class CalendarDocument(Part):
    """A version of a calendar, in the shape that `sla compute` takes."""

    kind: Literal["calendar"]
    id: Identifier
    version: int = Field(ge=1, le=1_000_000)
    effective_from: AwareDatetime
    zone: str
    weekly: dict[str, Any] = Field(default_factory=dict)
    overrides: dict[str, Any] = Field(default_factory=dict)
    makeup_workdays: dict[str, str] = Field(default_factory=dict)
    holidays: list[str] = Field(default_factory=list)
    closures: list[str] = Field(default_factory=list)
    complete_until: str
    teams: tuple[Annotated[str, Field(min_length=1, max_length=128)], ...] = ()

    @model_validator(mode="after")
    def _readable(self) -> "CalendarDocument":
        try:
            self.calendar()
        except SlaError as error:
            where, _, what = error.detail.partition(": ")
            raise fault(what, *where.split(".")) from None
        return self

    @property
    def ref(self) -> VersionedRef:
        return VersionedRef(self.id, self.version)

    def calendar(self) -> CalendarVersion:
        calendar = read_calendar(self.model_dump(mode="json"))
        return CalendarVersion(self.ref, self.effective_from, calendar, frozenset(self.teams))


RuleDocument = Annotated[PolicyDocument | CalendarDocument, Field(discriminator="kind")]
rule_document: TypeAdapter[PolicyDocument | CalendarDocument] = TypeAdapter(RuleDocument)
