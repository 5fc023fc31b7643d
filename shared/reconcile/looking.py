"""How often an installation is looked at until what was seen is true of it."""

import asyncio
from datetime import timedelta

from shared.reconcile.audit import YOUNG, Access, Audit
from shared.reconcile.lag import PATIENCE, standing
from shared.reconcile.topics import Places, Topics
from shared.reconcile.verdict import Verdict, Violation

SECOND_LOOK = 12.0
"""Machine seconds until the second pass: whatever is only in work, or has just become due, is done by then."""


async def reconcile(
    access: Access, pause: float = SECOND_LOOK, young: timedelta = YOUNG, patience: float = PATIENCE
) -> Verdict:
    """Looks once, and where something seems wrong again after `pause` seconds: a violation is what both passes saw.

    Of a system that is stopped nothing changes: one pass tells all. Records younger than `young` are not judged;
    lag is a violation where nothing of it was consumed for `patience` seconds.
    Raises KafkaError, DriverError or Unavailable.
    """
    if access.stopped:
        return await Audit(access, timedelta(0)).run()
    audit = Audit(access, young)
    verdict = await audit.run()
    if not verdict.clean:
        await asyncio.sleep(pause)
        second = await Audit(access, young).run()
        second.violations &= verdict.violations
        verdict = second
    verdict.violations |= await _standing(access, audit.before, patience)
    return verdict


async def _standing(access: Access, first: Places, patience: float) -> set[Violation]:
    async with Topics.opened(access.kafka, access.prefix) as topics:
        return await standing(topics, first, access.heard, patience)
