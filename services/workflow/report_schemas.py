"""The query of a report, from text in an address to a question that the database can answer."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.workflow.attainment import GROUPINGS, Question
from services.workflow.filters import PLAIN, Choice, Subtree
from services.workflow.queries import Where, below, visible
from services.workflow.report_texts import KINDS
from shared.kernel.aggregate import Actor
from shared.runtime.http import values
from shared.runtime.http.openapi import several_of
from shared.runtime.http.problems import ProblemError, invalid

LONGEST_RANGE = timedelta(days=400)
USUAL_RANGE = timedelta(days=30)
EARLIEST, LATEST = 1970, 9000  # years; a zone's offset must not lead out of the calendar
MOST_GROUPINGS = 3
CHOICES, SUBTREES = ("kind", "team", "priority", "tier"), ("region", "category")
Moment = Annotated[values.Instant | values.Date | None, Field(union_mode="left_to_right")]


class AttainmentQuery(BaseModel):
    """A misspelt filter would give figures of something else, so names that are not known are refused."""

    model_config = ConfigDict(extra="forbid")

    from_: Moment = Field(default=None, alias="from", description="Due from; an instant, or a date of the zone.")
    to: Moment = Field(default=None, description="Due before. Default: the end of today, in the zone.")
    group_by: str = Field(
        default="kind",
        max_length=100,
        description=f"Of {', '.join(GROUPINGS)}, up to 3 with commas between.",
        json_schema_extra={"pattern": several_of(GROUPINGS, most=MOST_GROUPINGS)},
    )
    kind: Annotated[Choice, Field(json_schema_extra={"pattern": several_of(KINDS)})] = None
    region: Subtree = None
    team: Annotated[Choice, Field(pattern=PLAIN)] = None
    category: Subtree = None
    priority: Annotated[Choice, Field(pattern=PLAIN)] = None
    tier: Annotated[Choice, Field(pattern=PLAIN)] = None
    zone: str = Field(default="Asia/Shanghai", max_length=64, description="IANA zone of dates, weeks and months.")
    language: Literal["zh", "en"] | None = Field(default=None, description="Of labels; default: Accept-Language.")
    format: Literal["json", "csv"] | None = Field(default=None, description="Default: what Accept prefers, or json.")

    @field_validator("zone")
    @classmethod
    def known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("no time zone of the IANA database") from error
        return name

    def question(self, caller: Actor, now: datetime) -> Question:
        """Of what the caller may see. Raises ProblemError request_invalid."""
        since, until = self._range(now)
        return Question(
            since=since,
            until=until,
            zone=self.zone,
            group_by=self._groupings(),
            where=[*visible(caller), *self._chosen(), *self._below()],
        )

    def filters(self) -> dict[str, str]:
        given = {name: getattr(self, name) for name in (*CHOICES, *SUBTREES)}
        return {name: value for name, value in given.items() if value is not None}

    def _range(self, now: datetime) -> tuple[datetime, datetime]:
        zone = ZoneInfo(self.zone)
        tomorrow = now.astimezone(zone).date() + timedelta(days=1)
        until = _instant(self.to or tomorrow, zone, "/to")
        since = until - USUAL_RANGE if self.from_ is None else _instant(self.from_, zone, "/from")
        if since >= until:
            raise invalid("/from", "must be before to")
        if until - since > LONGEST_RANGE:
            raise invalid("/from", f"a report covers {LONGEST_RANGE.days} days at most")
        return since, until

    def _groupings(self) -> list[str]:
        names = list(dict.fromkeys(self.group_by.split(",")))
        if len(names) > MOST_GROUPINGS or not set(names) <= set(GROUPINGS):
            raise invalid("/group_by", f"must be among {', '.join(GROUPINGS)}, up to {MOST_GROUPINGS} with commas")
        return names

    def _chosen(self) -> list[Where]:
        if self.kind is not None and not set(self.kind.split(",")) <= KINDS.keys():
            raise invalid("/kind", f"must be among {', '.join(KINDS)}")
        given = {name: text for name in CHOICES if (text := getattr(self, name)) is not None}
        return [{name: {"$in": text.split(",")}} for name, text in given.items()]

    def _below(self) -> list[Where]:
        given = {name: text for name in SUBTREES if (text := getattr(self, name)) is not None}
        return [below(name, text.strip("/")) for name, text in given.items()]


def _instant(given: datetime | date, zone: ZoneInfo, pointer: str) -> datetime:
    if not EARLIEST <= given.year <= LATEST:
        raise invalid(pointer, f"must be in the years {EARLIEST} to {LATEST}")
    return given if isinstance(given, datetime) else datetime.combine(given, time(), zone)


def too_many_groups() -> ProblemError:
    return invalid("/group_by", "makes too many groups; choose fewer, or a shorter time")
