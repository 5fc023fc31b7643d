"""Idempotency keys of requests that create: the key, not the body, says which aggregate a repetition means."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.kernel.aggregate import AggregateType, Cause, Command
from shared.kernel.history import document_version, forgets_causes
from shared.kernel.refusal import Refusal
from shared.persistence.driver import Database, Document
from shared.runtime.context import Context, Executed, Index
from shared.runtime.http.problems import ProblemError

COLLECTION = "idempotency_keys"
KEPT = timedelta(days=7)
LEASE = timedelta(seconds=30)
"""How long a request that has not ended keeps its key against another body (machine time)."""

INDEXES: tuple[Index, ...] = ((COLLECTION, (("at", 1),), {"expireAfterSeconds": int(KEPT.total_seconds())}),)
Recorded = Callable[[str, Cause], Awaitable[bool]]
"""Whether the aggregate's log holds the cause."""


async def create(
    context: Context, kind: AggregateType[Any], aggregate_id: str, command: Command, cause: Cause
) -> Executed | Refusal:
    """`context.execute` for a command that creates. Raises ProblemError idempotency_key_reused or in_progress."""
    if cause.digest is None:
        return await context.execute(kind, aggregate_id, command, cause)
    target = await reserve(context.database, cause, aggregate_id, recorded_in(context, kind))
    result = await context.execute(kind, target, command, cause)
    if isinstance(result, Refusal):
        await release(context.database, cause)
    return result


async def reserve(database: Database, cause: Cause, aggregate_id: str, recorded: Recorded) -> str:
    """The aggregate that this key stands for: `aggregate_id`, or that of the same request before.

    A key taken by another body is free again when its request was refused, or died; a success keeps it.
    """
    keys, key = database.collection(COLLECTION), _key(cause)
    now = datetime.now(UTC)
    wanted: Document = {"digest": cause.digest, "aggregate": aggregate_id, "at": now}
    held = await keys.find_one_and_update({"_id": key}, {"$setOnInsert": wanted}, upsert=True) or wanted
    if held["digest"] == cause.digest:
        return str(held["aggregate"])
    if await recorded(held["aggregate"], cause):
        raise ProblemError("idempotency_key_reused")
    if now - held["at"] < LEASE:
        raise ProblemError("in_progress")
    taken = await keys.update_one({"_id": key, "digest": held["digest"], "at": held["at"]}, {"$set": wanted})
    if not taken.matched:
        raise ProblemError("in_progress")
    return aggregate_id


async def release(database: Database, cause: Cause) -> None:
    """Forgets the key of a request that was refused: refusals are not remembered."""
    await database.collection(COLLECTION).delete_one({"_id": _key(cause), "digest": cause.digest})


def recorded_in(context: Context, kind: AggregateType[Any]) -> Recorded:
    async def recorded(aggregate_id: str, cause: Cause) -> bool:
        snapshot = await context.get(kind, aggregate_id)
        if snapshot is None:
            return False
        if document_version(snapshot, cause) is not None:
            return True
        if not forgets_causes(snapshot):
            return False
        decisions = await context.history(kind, aggregate_id)
        return any((decision.cause.source, decision.cause.id) == (cause.source, cause.id) for decision in decisions)

    return recorded


def _key(cause: Cause) -> str:
    return hashlib.sha256(f"{cause.source}\n{cause.id}".encode()).hexdigest()
