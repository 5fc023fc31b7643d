"""The customer replica (客户资料): copied from customers.inbox or put by HTTP; completes what sources leave out."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from services.intake.domain.commands import Profile, Receive
from services.intake.schemas import ProfileRecord
from shared.kernel.aggregate import Command
from shared.persistence.driver import Database
from shared.runtime.context import Context

COLLECTION = "customers"
_FIELDS = ("name", "phone", "email", "tier", "region", "language", "do_not_disturb")
_COMPLETING = tuple(field.name for field in fields(Profile))


def shown(profile: ProfileRecord) -> dict[str, Any]:
    """The profile as callers see it."""
    return profile.model_dump(include={"id", *_FIELDS})


def profile_fields(profile: ProfileRecord) -> dict[str, Any]:
    """The whole profile as stored: what it lacks now takes away what was there before."""
    return {**profile.model_dump(include=set(_FIELDS)), "forgotten": False}


async def find(database: Database, customer_id: str) -> dict[str, Any] | None:
    """The profile as callers see it; None if the customer is unknown or forgotten."""
    found = await database.collection(COLLECTION).find_one({"_id": customer_id, "forgotten": False})
    return None if found is None else {"id": customer_id, **{name: found[name] for name in _FIELDS}}


async def put(database: Database, profile: ProfileRecord) -> None:
    """Stores the newest profile; a later record of the topic wins again.

    `order`, the place of the newest record applied, stays: an old record that comes again must not undo this.
    """
    customers = database.collection(COLLECTION)
    await customers.update_one({"_id": profile.id}, {"$set": profile_fields(profile)}, upsert=True)


async def complete(context: Context, commands: Sequence[Command]) -> list[Command]:
    """Gives each `Receive` the profile of its customer, by one query for all."""
    wanted = {command.submission.customer.id for command in commands if isinstance(command, Receive)}
    if not wanted:
        return list(commands)
    found = await context.database.collection(COLLECTION).find({"_id": {"$in": sorted(wanted)}, "forgotten": False})
    profiles = {raw["_id"]: Profile(**{name: raw[name] for name in _COMPLETING}) for raw in found}
    return [
        replace(command, profile=profiles.get(command.submission.customer.id, Profile()))
        if isinstance(command, Receive)
        else command
        for command in commands
    ]
