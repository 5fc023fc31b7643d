"""Jobs 后台任务 in MongoDB: one document each, with a lease, and the place from which another process goes on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
from bson.errors import InvalidDocument

from shared.kernel.aggregate import Actor
from shared.persistence.driver import Database, Document, DuplicateKey
from shared.persistence.schema import Index

COLLECTION = "jobs"
LEASE = timedelta(seconds=30)
KEPT = timedelta(days=30)
"""How long a job that ended can still be asked for."""
LARGEST_RESULT = 1024 * 1024  # bytes

_LISTED = dict.fromkeys(("arguments", "cursor", "result"), 0)
OPEN_STATES = ("queued", "running")
INDEXES: tuple[Index, ...] = (
    (COLLECTION, (("lease_until", 1),), {"sparse": True}),  # only of jobs that are not over
    (COLLECTION, (("by.id", 1), ("created_at", -1), ("_id", -1)), {}),
    (COLLECTION, (("created_at", -1), ("_id", -1)), {}),
    (COLLECTION, (("ended_at", 1),), {"expireAfterSeconds": int(KEPT.total_seconds())}),
)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as stored. Every time is the machine's own, as leases are; `cursor` means something to its kind alone."""

    id: str
    kind: str
    arguments: Mapping[str, Any]
    requested_by: Actor
    state: str
    created_at: datetime
    updated_at: datetime
    digest: str | None = None
    done: int = 0
    total: int | None = None
    cursor: Any = None
    result: Any = None
    error: Mapping[str, str] | None = None
    ended_at: datetime | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Slice:
    """What a job has come to: saved, so that whoever goes on needs nothing else. `total` None: not known yet."""

    cursor: Any
    done: int
    total: int | None = None
    result: Any = None


class JobStore:
    """The jobs of one service. Every method raises DriverError when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._jobs = database.collection(COLLECTION)

    async def create(self, job: Job) -> Job:
        """The job under this id: this one, or the one that was asked for before under the same id."""
        try:
            await self._jobs.insert_one(_document(job))
        except DuplicateKey:
            return await self.get(job.id) or job
        return job

    async def get(self, job_id: str) -> Job | None:
        raw = await self._jobs.find_one({"_id": job_id})
        return None if raw is None else _job(raw)

    async def listed(self, owner: str | None, after: tuple[datetime, str] | None, limit: int) -> Sequence[Job]:
        """Newest first, of one caller or of all, without what may be large: arguments, cursors and results."""
        where: Document = {} if owner is None else {"by.id": owner}
        if after is not None:
            at, job_id = after
            where["$or"] = [{"created_at": {"$lt": at}}, {"created_at": at, "_id": {"$lt": job_id}}]
        found = await self._jobs.find(where, [("created_at", -1), ("_id", -1)], limit, _LISTED)
        return [_job(raw) for raw in found]

    async def cancel(self, job_id: str) -> bool:
        """False if it had ended before."""
        return await self._end({"_id": job_id, "state": {"$in": OPEN_STATES}}, {"state": "cancelled"})

    async def claim(self, kinds: Sequence[str], owner: str) -> Job | None:
        """The oldest job that nobody holds, now held by `owner` until its lease ends."""
        now = datetime.now(UTC)
        raw = await self._jobs.find_one_and_update(
            {"lease_until": {"$lte": now}, "kind": {"$in": list(kinds)}},
            {
                "$set": {"state": "running", "owner": owner, "lease_until": now + LEASE, "updated_at": now},
                "$inc": {"attempts": 1},
            },
            sort=[("lease_until", 1)],
        )
        return None if raw is None else _job(raw)

    async def renew(self, job_id: str, owner: str) -> bool:
        """False if it was cancelled, or is somebody else's by now."""
        return await self._held(job_id, owner, {})

    async def save(self, job_id: str, owner: str, reached: Slice) -> bool:
        """Keeps the place reached and renews the lease. False as for `renew`."""
        progress = {"done": reached.done, "total": reached.total}
        # Attempts count those that ended without getting any further.
        return await self._held(job_id, owner, {"cursor": reached.cursor, "progress": progress, "attempts": 0})

    async def give_back(self, job_id: str, owner: str, wait: timedelta) -> None:
        """Whoever comes first after `wait` goes on from the place saved; it was nobody's fault, so it counts not."""
        update = {
            "$set": {"lease_until": datetime.now(UTC) + wait},
            "$unset": {"owner": ""},  # so that a renewal under way does not take it back
            "$inc": {"attempts": -1},
        }
        await self._jobs.update_one({"_id": job_id, "owner": owner, "state": "running"}, update)

    async def finish(self, job_id: str, owner: str, result: Any) -> bool:
        return await self._end(_mine(job_id, owner), {"state": "done", "result": result})

    async def fail(self, job_id: str, owner: str, error: Mapping[str, str]) -> bool:
        return await self._end(_mine(job_id, owner), {"state": "failed", "error": dict(error)})

    async def _held(self, job_id: str, owner: str, fields: Mapping[str, Any]) -> bool:
        now = datetime.now(UTC)
        update = {"$set": {**fields, "lease_until": now + LEASE, "updated_at": now}}
        return (await self._jobs.update_one(_mine(job_id, owner), update)).matched == 1

    async def _end(self, where: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
        now = datetime.now(UTC)
        update = {
            "$set": {**fields, "updated_at": now, "ended_at": now},
            "$unset": {"lease_until": "", "owner": "", "cursor": ""},
        }
        return (await self._jobs.update_one(where, update)).matched == 1


def storable(result: Any) -> bool:
    """Whether a result can be kept: plain data, and no more than a document may sensibly hold."""
    try:
        return len(bson.encode({"result": result})) <= LARGEST_RESULT
    except (InvalidDocument, OverflowError, ValueError):
        return False


def _mine(job_id: str, owner: str) -> Document:
    return {"_id": job_id, "owner": owner, "state": "running"}


def _document(job: Job) -> Document:
    by = job.requested_by
    return {
        "_id": job.id,
        "kind": job.kind,
        "arguments": dict(job.arguments),
        "by": {"kind": by.kind, "id": by.id, "org": by.org},
        "state": job.state,
        "progress": {"done": job.done, "total": job.total},
        "digest": job.digest,
        "created_at": job.created_at,
        "updated_at": job.updated_at,
        "lease_until": job.created_at,
        "attempts": 0,
    }


def _job(raw: Document) -> Job:
    by, progress = raw["by"], raw["progress"]
    return Job(
        id=raw["_id"],
        kind=raw["kind"],
        arguments=raw.get("arguments", {}),
        requested_by=Actor(kind=by["kind"], id=by["id"], org=by["org"]),
        state=raw["state"],
        created_at=raw["created_at"],
        updated_at=raw["updated_at"],
        digest=raw["digest"],
        done=progress["done"],
        total=progress["total"],
        cursor=raw.get("cursor"),
        result=raw.get("result"),
        error=raw.get("error"),
        ended_at=raw.get("ended_at"),
        attempts=raw["attempts"],
    )
