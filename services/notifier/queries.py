"""The read side: which notices a caller may see, and how they look in JSON."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.notifier.domain import NOTICE
from services.notifier.domain.policies import IN_APP
from services.notifier.domain.state import Delivery, Notice
from services.notifier.schemas import Wanted
from services.notifier.subscriptions import Subscription
from shared.kernel.aggregate import Actor, Snapshot
from shared.runtime.context import Context
from shared.runtime.http.answers import page
from shared.runtime.http.problems import ProblemError
from shared.runtime.http.requests import encode_cursor

READS_EVERYTHING = frozenset({"admin", "auditor"})
_STORED_AS = {"status": "statuses", "channel": "channels", "recipient": "recipients"}


async def find(context: Context, caller: Actor, notice_id: str) -> Snapshot[Notice] | None:
    """None also for a notice out of the caller's scope."""
    snapshot = await context.get(NOTICE, notice_id)
    if snapshot is None or snapshot.state is None or not visible(caller, snapshot.state):
        return None
    return snapshot


async def listed(
    context: Context, caller: Actor, wanted: Wanted, limit: int, cursor: tuple[Any, ...] | None
) -> Mapping[str, Any]:
    """Newest first."""
    conditions = [scope(caller)]
    for name, value in wanted.model_dump(exclude_none=True, mode="json").items():
        conditions.append({_STORED_AS.get(name, name): value})
    if cursor is not None:
        conditions.append(_beyond(*_place(cursor)))
    found = await context.find(
        NOTICE, {"$and": [each for each in conditions if each] or [{}]}, [("created_at", -1), ("_id", -1)], limit + 1
    )
    shown = found[:limit]
    last = shown[-1].state if len(found) > limit else None
    return page([notice_json(each) for each in shown], encode_cursor([last.created_at, last.id]) if last else None)


def visible(caller: Actor, notice: Notice) -> bool:
    """Own notices, and those about orders in scope; before a team has the order, the region decides alone."""
    if caller.roles & READS_EVERYTHING or any(each.recipient_ref == _inbox(caller) for each in notice.deliveries):
        return True
    in_region = "*" in caller.regions or notice.region in caller.regions
    return in_region and (notice.team is None or "*" in caller.teams or notice.team in caller.teams)


def scope(caller: Actor) -> Mapping[str, Any]:
    """`visible` as a query."""
    if caller.roles & READS_EVERYTHING:
        return {}
    within: dict[str, Any] = {}
    if "*" not in caller.regions:
        within["region"] = {"$in": sorted(caller.regions)}
    if "*" not in caller.teams:
        within["team"] = {"$in": [*sorted(caller.teams), None]}
    return {"$or": [{"recipients": _inbox(caller)}, within]} if within else {}


def notice_json(snapshot: Snapshot[Notice]) -> Mapping[str, Any]:
    notice = snapshot.state
    if notice is None:
        return {"id": snapshot.id, "version": snapshot.version}
    return {
        "id": notice.id,
        "version": snapshot.version,
        "cause": notice.cause,
        "rung": notice.rung,
        "audience": notice.audience,
        "template": notice.template,
        "work_order_id": notice.work_order_id,
        "complaint_id": notice.complaint_id,
        "team": notice.team,
        "region": notice.region,
        "created_at": notice.created_at,
        "updated_at": snapshot.at,
        "deliveries": [_delivery_json(delivery) for delivery in notice.deliveries],
    }


def subscription_json(subscription: Subscription, *, with_secret: bool = False) -> Mapping[str, Any]:
    shown: dict[str, Any] = {
        "id": subscription.id,
        "url": subscription.url,
        "types": subscription.types,
        "active": subscription.active,
        "created_at": subscription.created_at,
        "created_by": subscription.created_by,
    }
    return {**shown, "secret": subscription.secret} if with_secret else shown


def _delivery_json(delivery: Delivery) -> Mapping[str, Any]:
    """An in-app text is for whoever sees the notice; a mail's text and address are the recipient's own."""
    shown = {
        "id": delivery.id,
        "channel": delivery.channel,
        "recipient_ref": delivery.recipient_ref,
        "language": delivery.language,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_at,
        "quiet_until": delivery.quiet_until,
        "changed_at": delivery.changed_at,
        "error": delivery.error,
    }
    if delivery.channel != IN_APP or delivery.message is None:
        return shown
    return {**shown, "subject": delivery.message.subject, "body": delivery.message.body}


def _inbox(caller: Actor) -> str:
    return f"person:{caller.id}"


def _place(cursor: tuple[Any, ...]) -> tuple[datetime, str]:
    match cursor:
        case (datetime() as created_at, str() as notice_id):
            return created_at, notice_id
    raise ProblemError("request_invalid", errors=[{"pointer": "/cursor", "detail": "not a cursor of this list"}])


def _beyond(created_at: datetime, notice_id: str) -> Mapping[str, Any]:
    return {
        "$or": [
            {"created_at": {"$lt": created_at}},
            {"created_at": created_at, "_id": {"$lt": notice_id}},
        ]
    }
