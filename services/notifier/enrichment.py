"""Completes requests with facts from the notifier's own copies: one query for each kind of fact in a batch."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from services.notifier.domain.commands import COMPLAINANT, SUBSCRIBERS, Contact, OrderFacts, RequestNotice
from shared.kernel.aggregate import Command
from shared.persistence.driver import Document
from shared.runtime.context import Context

CONTACTS, ORDERS, DIRECTORY, SUBSCRIPTIONS = "contacts", "orders", "directory", "subscriptions"


async def complete(context: Context, commands: Sequence[Command]) -> Sequence[Command]:
    """The same commands in the same order, with contact, order and subscriptions as far as they are known."""
    requests = [command for command in commands if isinstance(command, RequestNotice)]
    contacts = await _documents(context, CONTACTS, {r.complaint_id for r in requests if r.audience == COMPLAINANT})
    orders = await _documents(context, ORDERS, {r.work_order_id for r in requests if r.order is None})
    subscribed = await _subscriptions(context, {r.template for r in requests if r.audience == SUBSCRIBERS})
    return [
        _completed(command, contacts, orders, subscribed) if isinstance(command, RequestNotice) else command
        for command in commands
    ]


def _completed(
    request: RequestNotice,
    contacts: Mapping[str, Document],
    orders: Mapping[str, Document],
    subscribed: Sequence[Document],
) -> RequestNotice:
    contact, order = contacts.get(request.complaint_id), orders.get(request.work_order_id)
    return replace(
        request,
        contact=_contact(contact) if contact and request.audience == COMPLAINANT else None,
        order=request.order or (_order(order) if order else None),
        subscriptions=_subscribers(request, subscribed) if request.audience == SUBSCRIBERS else None,
    )


async def _documents(context: Context, collection: str, wanted: set[str]) -> Mapping[str, Document]:
    if not wanted:
        return {}
    found = await context.database.collection(collection).find({"_id": {"$in": sorted(wanted)}})
    return {document["_id"]: document for document in found}


async def _subscriptions(context: Context, types: set[str]) -> Sequence[Document]:
    if not types:
        return ()
    where: Mapping[str, Any] = {"active": True, "types": {"$in": sorted(types)}}
    return await context.database.collection(SUBSCRIPTIONS).find(where)


def _subscribers(request: RequestNotice, subscribed: Sequence[Document]) -> tuple[str, ...]:
    """Those who had subscribed when it happened: whenever it is decided, a later one is not told of the past."""
    return tuple(
        document["_id"]
        for document in subscribed
        if request.template in document["types"] and document["created_at"] <= request.cause_at
    )


def _contact(document: Document) -> Contact:
    return Contact(
        number=document["number"], name=document["name"], email=document["email"], language=document["language"]
    )


def _order(document: Document) -> OrderFacts:
    return OrderFacts(
        team=document.get("team"),
        assignee=document["assignee"],
        region=document["region"],
        category=document["category"],
        priority=document["priority"],
    )
