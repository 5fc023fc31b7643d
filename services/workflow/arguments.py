"""What the arguments of every action are made of, and what all of them take."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt

from services.workflow.domain import commands as c
from shared.events.parts import Reason
from shared.kernel.aggregate import Actor
from shared.kernel.clock import to_milliseconds
from shared.runtime.http import values
from shared.runtime.http.values import WHOLE

STATED = "other"
"""The code of a reason that was given in words only."""


def _in_utc(value: datetime) -> datetime:
    if not 1970 <= value.year <= 9998:  # at the edges of the calendar an offset leads out of it
        raise ValueError("the year must be between 1970 and 9998")
    return to_milliseconds(value.astimezone(UTC))


Instant = Annotated[values.Instant, AfterValidator(_in_utc)]
Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"\S")]
Text = Annotated[str, Field(min_length=1, max_length=5_000, pattern=r"\S")]
Words = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]
Scores = Annotated[dict[Name, Annotated[StrictInt, Field(ge=1, le=5), WHOLE]], Field(max_length=20)]


class Arguments(BaseModel):
    """What every action takes; `GET …/actions` has the schema of each with its own arguments."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    occurred_at: Instant | None = Field(default=None, description="When it happened; default: now.")
    expected_version: Annotated[StrictInt, Field(ge=0), WHOLE] | None = Field(
        default=None, description="As If-Match."
    )
    command_id: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        default=None, description="As Idempotency-Key."
    )
    note: Text | None = Field(default=None, description="Words for colleagues.")

    def command(self, actor: Actor) -> c.WorkOrderCommand:
        """The command that these arguments make of their action."""
        raise NotImplementedError

    def given(self, actor: Actor) -> dict[str, Any]:
        return {
            "actor": actor,
            "occurred_at": self.occurred_at,
            "expected_version": self.expected_version,
            "note": self.note,
        }


def stated(text: str | None) -> Reason | None:
    return None if text is None else Reason(STATED, text)
