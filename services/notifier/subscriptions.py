"""Who gets webhooks: an address, the types of events it wants, and the secret that we sign with."""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from services.notifier.enrichment import SUBSCRIPTIONS
from shared.persistence.codec import restored
from shared.persistence.driver import Collection, Database, DuplicateKey

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """`secret` is `whsec_` and base64; it is shown once, when the subscription is made."""

    id: str
    url: str
    types: tuple[str, ...]
    secret: str
    active: bool
    created_at: datetime
    created_by: str


def new_id() -> str:
    return f"sub_{uuid4().hex}"


async def create(database: Database, wanted: Subscription) -> Subscription:
    """The subscription as it is kept: `wanted`, or what a repetition of the same request made before."""
    fields = {name: getattr(wanted, name) for name in Subscription.__dataclass_fields__ if name != "id"}
    try:
        await _all(database).insert_one({"_id": wanted.id, **fields})
    except DuplicateKey:
        return await find(database, wanted.id) or wanted
    return wanted


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


async def find(database: Database, subscription_id: str) -> Subscription | None:
    found = await _all(database).find_one({"_id": subscription_id})
    return None if found is None else _subscription(found)


async def listed(database: Database, after: str | None, limit: int) -> list[Subscription]:
    """By id; ended ones too."""
    where: dict[str, Any] = {} if after is None else {"_id": {"$gt": after}}
    return [_subscription(found) for found in await _all(database).find(where, sort=[("_id", 1)], limit=limit)]


async def end(database: Database, subscription_id: str) -> bool:
    """False: there is none. What waits for it will not be sent any more."""
    written = await _all(database).update_one({"_id": subscription_id}, {"$set": {"active": False}})
    return written.matched > 0


def _all(database: Database) -> Collection:
    return database.collection(SUBSCRIPTIONS)


def _subscription(document: dict[str, Any]) -> Subscription:
    return restored({**document, "id": document["_id"]}, Subscription)
