"""Bodies and questions as callers send them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.notifier.domain.state import Status

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]

EventName = Literal[
    "clock.at_risk",
    "clock.breached",
    "rung.fired",
    "workorder.closed",
    "workorder.escalated",
    "workorder.redispatched",
]
"""The types of events that webhooks may subscribe to; of fired rungs those whose policy says so."""


class Redelivery(BaseModel):
    """Which delivery to try again; unset: all of the notice that were given up."""

    model_config = ConfigDict(strict=True)
    delivery: Name | None = None


class NewSubscription(BaseModel):
    """A webhook and the events it is called for."""

    model_config = ConfigDict(strict=True)
    url: Annotated[str, StringConstraints(min_length=8, max_length=2000)]
    types: Annotated[list[EventName], Field(min_length=1, max_length=20)]


class Wanted(BaseModel):
    """Conditions of the list of notices; all given ones hold."""

    work_order_id: Name | None = None
    status: Status | None = None
    template: Name | None = None
    audience: Name | None = None
    channel: Name | None = None
    recipient: Name | None = None
