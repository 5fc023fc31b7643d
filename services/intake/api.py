"""The routes of intake: translate, one command or query, translate back."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from services.intake import customers_api
from services.intake.customers import complete
from services.intake.domain import COMPLAINT
from services.intake.domain.commands import Receive, Withdraw
from services.intake.domain.scope import SUBMITTED, may_send, may_withdraw
from services.intake.domain.state import Status
from services.intake.queries import Filters, complaint_json, listed, readable
from services.intake.schemas import NUMBER_LENGTH, Instant, SubmissionIn, WithdrawalIn
from shared.kernel import ids
from shared.kernel.aggregate import Actor
from shared.kernel.refusal import Refusal
from shared.runtime.context import Context, Executed
from shared.runtime.http import idempotency
from shared.runtime.http.answers import answer, respond, show
from shared.runtime.http.auth import Caller
from shared.runtime.http.bodies import JsonBody, OptionalJsonBody
from shared.runtime.http.openapi import also, body_of, several_of
from shared.runtime.http.problems import ProblemError, invalid, parse
from shared.runtime.http.requests import Cursor, ExpectedVersion, Limit, RequestCause, refuse_stale

Choice = Annotated[str | None, Query(max_length=500, description="One value, or several with commas between.")]
Statuses = Annotated[
    str | None,
    Query(
        max_length=500,
        description="One value, or several with commas between.",
        json_schema_extra={"pattern": several_of(Status)},
    ),
]
Subtree = Annotated[str | None, Query(max_length=200, description="A path; what lies below it belongs to it.")]
Exact = Annotated[str | None, Query(max_length=64)]


def routes(context: Context) -> APIRouter:
    router = APIRouter()
    router.include_router(_reception(context))
    router.include_router(_complaints(context))
    router.include_router(customers_api.routes(context))
    return router


def _reception(context: Context) -> APIRouter:
    router = APIRouter()

    @router.post("/v1/complaints", status_code=201, responses=also(200), openapi_extra=body_of(SubmissionIn))
    async def submit(request: Request, body: JsonBody, caller: Caller, cause: RequestCause) -> Response:
        if not may_send(caller, SUBMITTED, context.facts()):
            raise ProblemError("forbidden")
        said = parse(SubmissionIn, body)
        number = said.external_id or _number_from(request.headers.get("idempotency-key"))
        (command,) = await complete(context, [_receive(said, number, caller)])
        complaint_id = ids.complaint_id(caller.id, number)
        return _received(await idempotency.create(context, COMPLAINT, complaint_id, command, cause), caller)

    return router


def _complaints(context: Context) -> APIRouter:
    router = APIRouter()

    @router.get("/v1/complaints")
    async def list_complaints(
        caller: Caller, filters: Annotated[Filters, Depends(_filters)], limit: Limit, cursor: Cursor
    ) -> Response:
        return respond(await listed(context, caller, filters, cursor, limit))

    @router.get("/v1/complaints/{complaint_id}")
    async def show_complaint(complaint_id: str, caller: Caller) -> Response:
        return show(await readable(context, complaint_id, caller), lambda s: complaint_json(s, caller))

    @router.post("/v1/complaints/{complaint_id}/withdraw", openapi_extra=body_of(WithdrawalIn, required=False))
    async def withdraw(
        complaint_id: str, body: OptionalJsonBody, caller: Caller, cause: RequestCause, expected: ExpectedVersion
    ) -> Response:
        snapshot = await readable(context, complaint_id, caller)
        if snapshot.state is None or not may_withdraw(snapshot.state, caller):
            raise ProblemError("forbidden")
        refuse_stale(snapshot, cause, expected)
        said = parse(WithdrawalIn, body)
        command = Withdraw(actor=caller, expected_version=expected, text=said.text, by=said.by)
        result = await context.execute(COMPLAINT, complaint_id, command, cause)
        return answer(result, lambda s: complaint_json(s, caller))

    return router


def _receive(said: SubmissionIn, number: str, caller: Actor) -> Receive:
    submission = said.submission()
    return Receive(
        actor=caller,
        occurred_at=submission.received_at,
        source=caller.id,
        external_id=number,
        submission=submission,
    )


def _number_from(key: str | None) -> str:
    if key is None:
        raise invalid("/external_id", "is required where there is no Idempotency-Key to take its place")
    if len(key) > NUMBER_LENGTH:
        raise invalid("/external_id", f"is required: the Idempotency-Key is longer than {NUMBER_LENGTH} characters")
    return key


def _received(result: Executed | Refusal, caller: Actor) -> Response:
    """201 for a new complaint, 200 for one that the same submission made before."""
    new = isinstance(result, Executed) and bool(result.events) and not result.replayed
    response = answer(result, lambda s: complaint_json(s, caller), 201 if new else 200)
    if isinstance(result, Executed):
        response.headers["Location"] = f"/v1/complaints/{result.snapshot.id}"
    return response


async def _filters(
    status: Statuses = None,
    source: Choice = None,
    channel: Choice = None,
    customer_id: Exact = None,
    number: Exact = None,
    category: Subtree = None,
    region: Subtree = None,
    received_after: Instant | None = None,
    received_before: Instant | None = None,
) -> Filters:
    """The filters are the parameters of the route."""
    statuses = _several(status)
    if not set(statuses) <= set(Status):
        raise invalid("/status", f"must be among {', '.join(Status)}")
    return Filters(
        status=statuses,
        source=_several(source),
        channel=_several(channel),
        customer_id=customer_id,
        number=number,
        category=category and category.strip("/"),
        region=region and region.strip("/"),
        received_after=received_after,
        received_before=received_before,
    )


def _several(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(text.split(","))
