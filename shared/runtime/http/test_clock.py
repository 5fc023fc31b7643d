"""Moving a service's time, in test mode only. (Not a test: the routes of `/test/clock`.)"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Self

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field, model_validator
from starlette.responses import Response

from shared.kernel.clock import Clock
from shared.runtime.http.answers import respond
from shared.runtime.http.bodies import JsonBody
from shared.runtime.http.openapi import body_of
from shared.runtime.http.problems import parse

TEN_YEARS_SECONDS = 10 * 366 * 86_400
AfterMove = Callable[[], Awaitable[Sequence[str]]]
"""Awaited after a move: returns when due timers have fired, with the subjects that still wait."""


class Move(BaseModel):
    """How time moves: exactly one of the three."""

    advance_seconds: Annotated[float, Field(ge=0, le=TEN_YEARS_SECONDS, allow_inf_nan=False)] | None = None
    set: AwareDatetime | None = None
    rate: Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(part is not None for part in (self.advance_seconds, self.set, self.rate)) != 1:
            raise ValueError("give exactly one of advance_seconds, set and rate")
        return self

    def apply(self, clock: Clock) -> None:
        if self.advance_seconds is not None:
            clock.advance(self.advance_seconds)
        elif self.set is not None:
            clock.set(self.set)
        elif self.rate is not None:
            clock.set_rate(self.rate)


def clock_routes(clock: Clock, after_move: AfterMove | None) -> APIRouter:
    router = APIRouter(tags=["test mode"])

    @router.get("/test/clock")
    async def show_clock() -> Response:
        return respond(_shown(clock, ()))

    @router.post("/test/clock", openapi_extra=body_of(Move))
    async def move_clock(body: JsonBody) -> Response:
        parse(Move, body).apply(clock)
        return respond(_shown(clock, await after_move() if after_move else ()))

    return router


def _shown(clock: Clock, waiting: Sequence[str]) -> dict[str, Any]:
    return {"now": clock.now(), "rate": clock.rate, "waiting": list(waiting)}
