"""Jobs 后台任务: work that takes longer than a request, done in slices, going on elsewhere when a process dies."""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from shared.kernel.aggregate import Actor, Cause
from shared.persistence.driver import DriverError
from shared.persistence.jobs import LEASE, Job, JobStore, storable
from shared.runtime.context import Context, JobKind, Unavailable
from shared.runtime.logging import get_logger

log = get_logger()
LOOK_SECONDS = 1.0
AT_ONCE = 2
"""Jobs that one process does at a time: a long one does not hold up a short one."""
AGAIN = timedelta(seconds=2)
MOST_ATTEMPTS = 20
"""A job that was begun so often without an end kills whoever takes it."""


class JobFailed(Exception):
    """Ends a job as failed. `code` is a refusal code."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code, self.detail = code, detail


def new_job(kind: str, arguments: Mapping[str, Any], actor: Actor, cause: Cause) -> Job:
    """The job of one request: the same Idempotency-Key always means the same job."""
    digest = hashlib.sha256(f"{cause.source}\n{cause.id}".encode()).hexdigest()[:32]
    now = datetime.now(UTC)
    return Job(
        id=f"job_{digest}",
        kind=kind,
        arguments=arguments,
        requested_by=actor,
        state="queued",
        created_at=now,
        updated_at=now,
        digest=cause.digest,
    )


class JobWorker:
    """Claims jobs of the kinds that this service knows and does them, slice by slice."""

    def __init__(self, context: Context, kinds: Mapping[str, JobKind]) -> None:
        self._context, self._kinds = context, kinds
        self._store = JobStore(context.database)

    async def run(self) -> None:
        await asyncio.gather(*(self._work(uuid4().hex) for _ in range(AT_ONCE)))

    async def _work(self, owner: str) -> None:
        while True:
            try:
                job = await self._store.claim(list(self._kinds), owner)
                if job is not None:
                    await self._do(job, owner)
                    continue
            except DriverError as error:
                log.warning("jobs_not_reached", error=type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def _do(self, job: Job, owner: str) -> None:
        doing = asyncio.create_task(self._slices(job, owner))
        holding = asyncio.create_task(self._hold(job, owner))
        try:
            await asyncio.wait([doing, holding], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (doing, holding):
                task.cancel()
            await asyncio.gather(doing, holding, return_exceptions=True)

    async def _hold(self, job: Job, owner: str) -> None:
        """Renews the lease; ends when the job is not ours any more, or nobody can tell."""
        held = True
        while held:
            await asyncio.sleep(LEASE.total_seconds() / 5)
            try:
                held = await self._store.renew(job.id, owner)
            except DriverError as error:
                log.warning("job_lease_not_renewed", job=job.id, error=type(error).__name__)
                held = False

    async def _slices(self, job: Job, owner: str) -> None:
        try:
            if job.attempts > MOST_ATTEMPTS:
                raise JobFailed("job_given_up", f"begun {job.attempts - 1} times")
            result = await self._through(job, owner, self._kinds[job.kind])
            if not storable(result):
                raise JobFailed("result_too_large")
            await self._store.finish(job.id, owner, result)
        except asyncio.CancelledError:  # the process stops, or the job is not ours any more
            await self._store.give_back(job.id, owner, timedelta(0))
            raise
        except (Unavailable, DriverError) as error:
            log.warning("job_interrupted", job=job.id, error=type(error).__name__)
            await self._store.give_back(job.id, owner, AGAIN)
        except JobFailed as failure:
            await self._store.fail(job.id, owner, {"code": failure.code, "detail": failure.detail})
        except Exception as error:  # a bug in one kind of job must not end the service
            log.critical("job_died", job=job.id, kind=job.kind, exc_info=error)
            await self._store.fail(job.id, owner, {"code": "internal", "detail": type(error).__name__})

    async def _through(self, job: Job, owner: str, kind: JobKind) -> Any:
        """The result of the last slice; stops early once the job is cancelled or somebody else's."""
        result = None
        async with aclosing(kind(self._context, job)) as slices:
            async for reached in slices:
                if not await self._store.save(job.id, owner, reached):
                    log.info("job_let_go", job=job.id, kind=job.kind)
                    break
                result = reached.result
        return result
