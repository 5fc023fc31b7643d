"""Policies 时限策略 and calendars 工作日历 as they are written down, checked, and as the domain reads them."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

from services.escalation.domain.policies import CalendarVersion, ClockRule, Policy, RungEffect
from services.escalation.domain.table import KINDS
from shared.events.parts import VersionedRef
from shared.kernel.sla_clock import OffsetRung, Rung, ShareRung
from shared.kernel.working_time import SlaError, read_calendar

SECONDS_OF: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600}
_BUDGET = re.compile(r"([1-9][0-9]{0,8})([smhd])")

Audience = Literal["handler", "leader", "department", "company"]
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]


def _texts(value: object) -> object:
    """A condition may be one value or several; true and false are values too."""
    values = value if isinstance(value, list) else [value]
    return [str(one).lower() if isinstance(one, bool) else one for one in values]


def _fault(what: str, *path: str) -> PydanticCustomError:
    """A fault of a check across fields, with the path from the model that checks."""
    return PydanticCustomError("field_invalid", "{what}", {"what": what, "path": path})


Values = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=200)], ...], BeforeValidator(_texts), Field(min_length=1)
]
Truth = Annotated[tuple[Literal["true", "false"]], BeforeValidator(_texts)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class CommandDocument(_Document):
    """A command that a rung carries to the work order."""

    action: Literal["recall", "escalate", "prompt_callback"]
    arguments: dict[str, bool | int | str | None] = {}


class RungDocument(_Document):
    """A rung at a share of the budget, or a signed number of seconds from due."""

    key: str = Field(pattern=r"^[^/\s]{1,32}$")
    at_percent: Annotated[str, Field(pattern=r"^[0-9]{1,6}(\.[0-9]{1,6})?$"), BeforeValidator(str)] | None = None
    offset_seconds: int | None = None
    offset_unit: Literal["natural", "business"] = "natural"
    audience: tuple[Audience, ...] = ()
    command: CommandDocument | None = None

    @model_validator(mode="after")
    def _one_time(self) -> "RungDocument":
        if (self.at_percent is None) == (self.offset_seconds is None):
            raise ValueError("a rung has either at_percent or offset_seconds")
        return self

    def rung(self) -> Rung:
        if self.at_percent is not None:
            return ShareRung(self.key, self.at_percent)
        return OffsetRung(self.key, self.offset_seconds or 0, self.offset_unit)

    def effect(self) -> RungEffect:
        command = self.command
        if command is None:
            return RungEffect(self.audience)
        return RungEffect(self.audience, command.action, command.arguments)


class ClockDocument(_Document):
    """One clock. A budget is a whole number of s, m or h; of d where the unit counts days."""

    budget: str
    unit: Literal["natural", "business", "natural_days", "work_days"]
    ladder: str | None = None
    roll_to_working_day: bool = False
    counts_review: bool = False
    source: str | None = None

    @model_validator(mode="after")
    def _budget_fits_unit(self) -> "ClockDocument":
        found = _BUDGET.fullmatch(self.budget)
        if found is None or (found[2] == "d") != self.unit.endswith("_days"):
            raise _fault("must be like 30m or 24h, and like 15d where the unit counts days", "budget")
        return self

    def rule(self, ladder: tuple[RungDocument, ...]) -> ClockRule:
        amount, measure = int(self.budget[:-1]), self.budget[-1]
        return ClockRule(
            budget=amount * SECONDS_OF.get(measure, 1),
            unit=self.unit,
            rungs=tuple(rung.rung() for rung in ladder),
            effects=tuple(rung.effect() for rung in ladder),
            roll_to_working_day=self.roll_to_working_day,
            counts_review=self.counts_review,
        )


class ConditionsDocument(_Document):
    """What an order must be like; all that is given must hold, of several values one. A category is a subtree."""

    regulator_case: Truth | None = None
    tier: Values | None = None
    category: Values | None = None
    flags: Values | None = None
    priority: Values | None = None
    channel: Values | None = None
    region: Values | None = None
    repeat: Truth | None = None


class PolicyDocument(_Document):
    """A version of a policy: for orders that match, which clocks with which ladders."""

    kind: Literal["policy"]
    id: Identifier
    version: int = Field(ge=1, le=1_000_000)
    effective_from: AwareDatetime
    rank: int = 0
    match: ConditionsDocument = ConditionsDocument()
    calendar: Identifier
    ladders: dict[str, tuple[RungDocument, ...]] = {}
    clocks: dict[str, ClockDocument] = Field(min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> "PolicyDocument":
        for name, rungs in self.ladders.items():
            if len({rung.key for rung in rungs}) != len(rungs):
                raise _fault("two rungs have the same key", "ladders", name)
        for kind, clock in self.clocks.items():
            if kind not in KINDS:
                raise _fault(f"there is no such clock, but {', '.join(KINDS)}", "clocks", kind)
            if clock.ladder is not None and clock.ladder not in self.ladders:
                raise _fault("there is no such ladder in this policy", "clocks", kind, "ladder")
        return self

    @property
    def ref(self) -> VersionedRef:
        return VersionedRef(self.id, self.version)

    def policy(self) -> Policy:
        return Policy(
            ref=self.ref,
            effective_from=self.effective_from,
            rank=self.rank,
            conditions=self.match.model_dump(exclude_none=True),
            calendar=self.calendar,
            clocks={
                kind: clock.rule(self.ladders[clock.ladder] if clock.ladder else ())
                for kind, clock in self.clocks.items()
            },
        )


class CalendarDocument(_Document):
    """A version of a calendar, in the shape that `sla compute` takes."""

    kind: Literal["calendar"]
    id: Identifier
    version: int = Field(ge=1, le=1_000_000)
    effective_from: AwareDatetime
    zone: str
    weekly: dict[str, Any] = {}
    overrides: dict[str, Any] = {}
    makeup_workdays: dict[str, str] = {}
    holidays: list[str] = []
    closures: list[str] = []
    complete_until: str

    @model_validator(mode="after")
    def _readable(self) -> "CalendarDocument":
        try:
            self.calendar()
        except SlaError as error:
            where, _, what = error.detail.partition(": ")
            raise _fault(what, *where.split(".")) from None
        return self

    @property
    def ref(self) -> VersionedRef:
        return VersionedRef(self.id, self.version)

    def calendar(self) -> CalendarVersion:
        return CalendarVersion(self.ref, self.effective_from, read_calendar(self.model_dump(mode="json")))


RuleDocument = Annotated[PolicyDocument | CalendarDocument, Field(discriminator="kind")]
rule_document: TypeAdapter[PolicyDocument | CalendarDocument] = TypeAdapter(RuleDocument)
