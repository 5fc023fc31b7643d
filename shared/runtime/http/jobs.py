"""Routes of jobs 后台任务: how far one is, what it came to, and calling it off."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from shared.kernel.aggregate import Actor, Cause
from shared.persistence.jobs import Job, JobStore
from shared.runtime.context import Context
from shared.runtime.http.answers import page, respond
from shared.runtime.http.auth import Caller
from shared.runtime.http.problems import ProblemError, invalid
from shared.runtime.http.requests import Cursor, Limit, encode_cursor
from shared.runtime.jobs import new_job

JOBS = "/v1/jobs"
READS_ALL = frozenset({"admin", "auditor"})
NO_STORE = {"Cache-Control": "no-store"}


def job_routes(context: Context) -> APIRouter:
    router = APIRouter(prefix=JOBS)

    async def readable(job_id: str, caller: Actor) -> Job:
        job = await JobStore(context.database).get(job_id)
        if job is None or (job.requested_by.id != caller.id and caller.roles.isdisjoint(READS_ALL)):
            raise ProblemError("not_found")
        return job

    @router.get("")
    async def list_jobs(caller: Caller, limit: Limit, cursor: Cursor) -> Response:
        owner = None if caller.roles & READS_ALL else caller.id
        found = await JobStore(context.database).listed(owner, _place(cursor), limit + 1)
        place = (found[limit - 1].created_at, found[limit - 1].id) if len(found) > limit else None
        items = [job_json(job) for job in found[:limit]]
        return respond(page(items, None if place is None else encode_cursor(place)), headers=NO_STORE)

    @router.get("/{job_id}")
    async def show_job(job_id: str, caller: Caller) -> Response:
        return respond(job_json(await readable(job_id, caller)), headers=NO_STORE)

    @router.delete("/{job_id}")
    async def cancel_job(job_id: str, caller: Caller) -> Response:
        job = await readable(job_id, caller)
        if job.requested_by.id != caller.id and "admin" not in caller.roles:
            raise ProblemError("forbidden")
        if not await JobStore(context.database).cancel(job.id):
            job = await readable(job_id, caller)
            if job.state != "cancelled":
                raise ProblemError("job_ended")
        return respond(job_json(await readable(job_id, caller)), headers=NO_STORE)

    return router


async def accept(context: Context, kind: str, arguments: Mapping[str, Any], actor: Actor, cause: Cause) -> Response:
    """202 with the job, and where to ask for it; the same again for the same Idempotency-Key.

    `arguments` are plain data. Raises ProblemError idempotency_key_reused.
    """
    wanted = new_job(kind, arguments, actor, cause)
    job = await JobStore(context.database).create(wanted)
    if job.digest != wanted.digest:
        raise ProblemError("idempotency_key_reused")
    return respond(job_json(job), 202, {"Location": f"{JOBS}/{job.id}", **NO_STORE})


def job_json(job: Job) -> Mapping[str, Any]:
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "progress": {"done": job.done, "total": job.total},
        "requested_by": {"kind": job.requested_by.kind, "id": job.requested_by.id},
        "created_at": job.created_at,
        "updated_at": job.updated_at,
        "ended_at": job.ended_at,
        "result": job.result,
        "error": job.error,
    }


def _place(cursor: tuple[Any, ...] | None) -> tuple[datetime, str] | None:
    match cursor:
        case None:
            return None
        case (datetime() as at, str() as job_id):
            return at, job_id
    raise invalid("/cursor", "belongs to another list")
