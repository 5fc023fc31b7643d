"""The notifier's routes: translate, one command or query, translate back."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.notifier import subscriptions
from services.notifier.channels.targets import ForbiddenTarget, parsed
from services.notifier.domain import NOTICE
from services.notifier.domain.commands import Redeliver
from services.notifier.queries import find, listed, notice_json, subscription_json
from services.notifier.rendering import LANGUAGES, file_templates
from services.notifier.schemas import NewSubscription, Redelivery, Wanted
from services.notifier.settings import notifier_settings
from services.notifier.subscriptions import Subscription
from shared.kernel.aggregate import Cause
from shared.runtime.context import Context
from shared.runtime.http import idempotency
from shared.runtime.http.answers import answer, page, page_within, respond, show
from shared.runtime.http.auth import Caller, require_role
from shared.runtime.http.bodies import JsonBody, OptionalJsonBody
from shared.runtime.http.openapi import also, body_of
from shared.runtime.http.problems import ProblemError, parse
from shared.runtime.http.requests import Cursor, ExpectedVersion, Limit, RequestCause, encode_cursor, refuse_stale


def routes(context: Context) -> APIRouter:
    router = APIRouter()
    _add_notices(router, context)
    _add_subscriptions(router, context)

    @router.get("/v1/templates")
    async def list_templates(_: Caller, limit: Limit, cursor: Cursor) -> Response:
        templates = file_templates(notifier_settings(context).timezone)
        found = [{"id": n, "version": templates.version(n), "languages": LANGUAGES} for n in sorted(templates.names)]
        return respond(page_within(found, limit, cursor, lambda template: (str(template["id"]),)))

    return router


def _add_notices(router: APIRouter, context: Context) -> None:
    @router.get("/v1/notifications")
    async def list_notices(
        caller: Caller, wanted: Annotated[Wanted, Query()], limit: Limit, cursor: Cursor
    ) -> Response:
        return respond(await listed(context, caller, wanted, limit, cursor))

    @router.get("/v1/notifications/{notice_id}")
    async def show_notice(notice_id: str, caller: Caller) -> Response:
        snapshot = await find(context, caller, notice_id)
        if snapshot is None:
            raise ProblemError("not_found")
        return show(snapshot, notice_json)

    @router.post("/v1/notifications/{notice_id}/redeliver", openapi_extra=body_of(Redelivery, required=False))
    async def redeliver(
        notice_id: str, caller: Caller, body: OptionalJsonBody, cause: RequestCause, expected: ExpectedVersion
    ) -> Response:
        snapshot = await find(context, caller, notice_id)
        if snapshot is None:
            raise ProblemError("not_found")
        require_role(caller, "leader", "supervisor", "admin", "system")
        refuse_stale(snapshot, cause, expected)
        wanted = parse(Redelivery, body)
        command = Redeliver(actor=caller, expected_version=expected, delivery=wanted.delivery)
        return answer(await context.execute(NOTICE, notice_id, command, cause), notice_json)


def _add_subscriptions(router: APIRouter, context: Context) -> None:
    @router.post("/v1/subscriptions", status_code=201, responses=also(200), openapi_extra=body_of(NewSubscription))
    async def subscribe(caller: Caller, body: JsonBody, cause: RequestCause) -> Response:
        require_role(caller, "admin")
        wanted = _allowed(parse(NewSubscription, body), context)
        return await _create(context, wanted, caller.id, cause)

    @router.get("/v1/subscriptions")
    async def list_subscriptions(caller: Caller, limit: Limit, cursor: Cursor) -> Response:
        require_role(caller, "admin", "auditor")
        after = str(cursor[0]) if cursor else None
        found = await subscriptions.listed(context.database, after, limit + 1)
        following = encode_cursor([found[limit - 1].id]) if len(found) > limit else None
        return respond(page([subscription_json(each) for each in found[:limit]], following))

    @router.get("/v1/subscriptions/{subscription_id}")
    async def show_subscription(subscription_id: str, caller: Caller) -> Response:
        require_role(caller, "admin", "auditor")
        found = await subscriptions.find(context.database, subscription_id)
        if found is None:
            raise ProblemError("not_found")
        return respond(subscription_json(found))

    @router.delete("/v1/subscriptions/{subscription_id}", status_code=204)
    async def unsubscribe(subscription_id: str, caller: Caller) -> Response:
        require_role(caller, "admin")
        if not await subscriptions.end(context.database, subscription_id):
            raise ProblemError("not_found")
        return Response(status_code=204)


def _allowed(wanted: NewSubscription, context: Context) -> NewSubscription:
    try:
        parsed(wanted.url, bool(notifier_settings(context).webhook.allow_private))
    except ForbiddenTarget as error:
        raise ProblemError(
            "target_forbidden", str(error), errors=[{"pointer": "/url", "detail": str(error)}]
        ) from error
    return wanted


async def _create(context: Context, wanted: NewSubscription, by: str, cause: Cause) -> Response:
    """The secret is in this answer and in no other, but for a repetition under the same key."""

    async def recorded(subscription_id: str, _: Cause) -> bool:
        return await subscriptions.find(context.database, subscription_id) is not None

    fresh = subscriptions.new_id()
    reserved = fresh
    if cause.digest is not None:
        reserved = await idempotency.reserve(context.database, cause, fresh, recorded)
    kept = await subscriptions.create(
        context.database,
        Subscription(
            id=reserved,
            url=wanted.url,
            types=tuple(dict.fromkeys(wanted.types)),
            secret=subscriptions.new_secret(),
            active=True,
            created_at=context.clock.now(),
            created_by=by,
        ),
    )
    location = {"Location": f"/v1/subscriptions/{kept.id}"}
    return respond(subscription_json(kept, with_secret=True), 201 if kept.id == fresh else 200, location)
