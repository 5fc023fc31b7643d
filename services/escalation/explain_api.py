"""The route that explains a clock: as JSON, as text, as a picture."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from msgspec import to_builtins
from starlette.requests import Request
from starlette.responses import Response

from services.escalation.domain import CLOCK_SETS
from services.escalation.explain import explained
from services.escalation.explain_parts import Explanation
from services.escalation.explain_svg import bar
from services.escalation.explain_text import lines
from services.escalation.queries import visible
from shared.kernel.aggregate import Actor
from shared.kernel.ids import CLOCK_SET, WORK_ORDER, sibling
from shared.runtime.context import Context
from shared.runtime.http.answers import respond
from shared.runtime.http.auth import Caller
from shared.runtime.http.openapi import answers
from shared.runtime.http.problems import ProblemError, preferred_language

Format = Literal["json", "text", "svg"]
MEDIA_TYPES: dict[str, Format] = {"image/svg+xml": "svg", "text/plain": "text"}


@dataclass(frozen=True, slots=True)
class Question:
    """Which clock is asked about, and how the answer is to look."""

    order_id: str
    kind: str
    number: Annotated[int | None, Query(ge=1, description="Of the order's clock; else the newest of the kind.")] = (
        None
    )
    language: Annotated[Literal["zh", "en"] | None, Query(description="Goes before Accept-Language.")] = None
    format: Annotated[Format | None, Query(description="Goes before Accept.")] = None


def routes(context: Context) -> APIRouter:
    router = APIRouter()

    @router.get(
        "/v1/work-orders/{order_id}/clocks/{kind}/explain", responses=answers("application/json", *MEDIA_TYPES)
    )
    async def explain_clock(question: Annotated[Question, Depends()], caller: Caller, request: Request) -> Response:
        explanation = await explanation_of(context, question, caller)
        language = question.language or preferred_language(request.headers.get("accept-language", ""))
        return _shown(explanation, language, question.format or _accepted(request.headers.get("accept", "")))

    return router


async def explanation_of(context: Context, question: Question, caller: Actor) -> Explanation:
    """Of the newest clock of the kind, or of the one with the number. Raises ProblemError not_found."""
    clock_set = sibling(question.order_id, CLOCK_SET)
    known = question.order_id.startswith(WORK_ORDER)
    snapshot = await context.get(CLOCK_SETS, clock_set) if known else None
    if snapshot is None or snapshot.state is None or not visible(snapshot.state, caller):
        raise ProblemError("not_found")
    clocks = [clock for clock in snapshot.state.clocks if clock.kind == question.kind]
    found = [clock for clock in clocks if question.number in (None, clock.number)]
    if not found:
        raise ProblemError("not_found")
    facts = context.facts()
    # What the log has beyond this snapshot is told the next time.
    history = [one for one in await context.history(CLOCK_SETS, clock_set) if one.version <= snapshot.version]
    return explained(found[-1], facts.reference, history, facts.now)


def _accepted(header: str) -> Format:
    """What the caller would rather have; weights are not weighed, JSON is for everybody else."""
    wanted = [one.partition(";")[0].strip() for one in header.lower().split(",")]
    return next((MEDIA_TYPES[one] for one in wanted if one in MEDIA_TYPES), "json")


def _shown(explanation: Explanation, language: str, form: Format) -> Response:
    headers = {"Cache-Control": "no-store", "Content-Language": language, "Vary": "Accept, Accept-Language"}
    if form == "svg":
        # A picture that somebody opens by itself runs nothing, whatever may stand in it.
        policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return Response(bar(explanation, language), headers=headers | policy, media_type="image/svg+xml")
    text = lines(explanation, language)
    if form == "text":
        return Response("\n".join(text) + "\n", headers=headers, media_type="text/plain; charset=utf-8")
    return respond({**to_builtins(explanation), "text": text}, headers=headers)
