"""Rungs 升级档 as they are written down: when each fires, on which condition, whom it tells, what it commands."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from services.escalation.domain.policies import Repeat, RungEffect
from shared.kernel.sla_clock import OffsetRung, ShareRung

SECONDS_OF: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600}
_DURATION = re.compile(r"([1-9][0-9]{0,8})([smh])")

ACTIONS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    action: (frozenset(required.split()), frozenset(optional.split()))
    for action, required, optional in (
        ("escalate", "level", "reason"),
        ("recall", "", "reason"),
        ("resume", "", "reason"),
        ("prompt_callback", "", ""),
        ("change_priority", "priority reason", ""),
        ("redispatch", "", "team reason"),
        ("transfer", "reason", "team assignee"),
        ("supervise", "demand due_in_seconds", ""),
        ("consult", "participants question rule", "k due_in_seconds"),
        ("archive", "", "reason"),
        ("close_survey", "", ""),
        ("settle_liability", "", ""),
        ("decide_extension", "approve", "text"),
    )
}
"""What a rung may command, with the arguments that it needs and those that it may have."""


def fault(what: str, *path: str | int) -> PydanticCustomError:
    """A fault of a check across fields, with the path from the model that checks."""
    return PydanticCustomError("field_invalid", "{what}", {"what": what, "path": path})


def all_of(faults: Sequence[PydanticCustomError]) -> PydanticCustomError:
    """Several faults of one check, to be raised together."""
    each = [fault.context for fault in faults]
    return PydanticCustomError("fields_invalid", "several fields are wrong", {"faults": each})


def seconds_of(duration: str) -> int:
    """`90s`, `30m` or `72h` in seconds."""
    return int(duration[:-1]) * SECONDS_OF[duration[-1]]


def _texts(value: object) -> object:
    """A condition may be one value or several; true, false and numbers are values too."""
    values = value if isinstance(value, list) else [value]
    return [str(one).lower() if isinstance(one, bool | int) else one for one in values]


Values = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=200)], ...], BeforeValidator(_texts), Field(min_length=1)
]
Truth = Annotated[tuple[Literal["true", "false"]], BeforeValidator(_texts)]
Audience = Annotated[
    str, Field(pattern=r"^(handler|leader|department|company|(person|team):[^\s\x00-\x1f\x7f]{1,128})$")
]
Duration = Annotated[str, Field(pattern=rf"^{_DURATION.pattern}$")]


class Part(BaseModel):
    """A part of a policy or calendar; a field that nobody knows is a fault, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ConditionsDocument(Part):
    """What an order must be like; all that is given must hold, of several values one. A category is a subtree."""

    regulator_case: Truth | None = None
    tier: Values | None = None
    category: Values | None = None
    flags: Values | None = None
    priority: Values | None = None
    channel: Values | None = None
    region: Values | None = None
    repeat: Truth | None = None

    def conditions(self) -> Mapping[str, tuple[str, ...]]:
        return self.model_dump(exclude_none=True)


class RungConditionsDocument(ConditionsDocument):
    """The same, of the order as it is when the rung fires."""

    status: Values | None = None
    escalation_level: Values | None = None


class CommandDocument(Part):
    """A command that a rung carries to the work order. `due_in_seconds` counts from when the rung fires."""

    action: str
    arguments: dict[str, JsonValue] = {}

    @model_validator(mode="after")
    def _complete(self) -> "CommandDocument":
        if self.action not in ACTIONS:
            raise fault(f"a rung cannot command that, but {', '.join(ACTIONS)}", "action")
        required, optional = ACTIONS[self.action]
        given = self.arguments.keys()
        if missing := sorted(required - given):
            raise fault(f"{self.action} needs {', '.join(missing)}", "arguments")
        if unknown := sorted(given - required - optional):
            raise fault(f"{self.action} does not take it", "arguments", unknown[0])
        if self.action == "transfer" and given.isdisjoint({"team", "assignee"}):
            raise fault("transfer needs team or assignee", "arguments")
        due_in = self.arguments.get("due_in_seconds", 1)
        if type(due_in) is not int or due_in < 1:
            raise fault("must be a whole number of seconds from 1 up", "arguments", "due_in_seconds")
        return self


class RepeatDocument(Part):
    """The rung fires again `every` so long, `times` in all."""

    every: Duration
    unit: Literal["natural", "business"] = "natural"
    times: int = Field(ge=2, le=100)

    def repeat(self) -> Repeat:
        return Repeat(seconds_of(self.every), self.unit, self.times)


class RungDocument(Part):
    """A rung at a share of the budget, or a signed number of seconds from due."""

    key: str = Field(pattern=r"^[^/\s]{1,32}$")
    at_percent: Annotated[str, Field(pattern=r"^[0-9]{1,6}(\.[0-9]{1,6})?$"), BeforeValidator(str)] | None = None
    offset_seconds: int | None = Field(default=None, ge=-1_000_000_000, le=1_000_000_000)
    offset_unit: Literal["natural", "business"] = "natural"
    when: RungConditionsDocument = RungConditionsDocument()
    audience: tuple[Audience, ...] = Field(default=(), max_length=20)
    webhook: StrictBool = False
    quiet_hours: Literal["bypass"] | None = None
    repeat: RepeatDocument | None = None
    command: CommandDocument | None = None

    @model_validator(mode="after")
    def _one_time(self) -> "RungDocument":
        if (self.at_percent is None) == (self.offset_seconds is None):
            raise ValueError("a rung has either at_percent or offset_seconds")
        return self

    def rung(self) -> ShareRung | OffsetRung:
        if self.at_percent is not None:
            return ShareRung(self.key, self.at_percent)
        return OffsetRung(self.key, self.offset_seconds or 0, self.offset_unit)

    def effect(self) -> RungEffect:
        command = self.command
        return RungEffect(
            audience=self.audience,
            action=None if command is None else command.action,
            arguments={} if command is None else command.arguments,
            conditions=self.when.conditions(),
            webhook=self.webhook,
            bypasses_quiet_hours=self.quiet_hours == "bypass",
            repeat=None if self.repeat is None else self.repeat.repeat(),
        )
