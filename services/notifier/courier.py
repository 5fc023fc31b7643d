"""The worker that sends: finds due deliveries, claims each by an append, sends it, records how that ended."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

from services.notifier import subscriptions
from services.notifier.channels.channel import Channel, Parcel
from services.notifier.channels.email import EmailChannel
from services.notifier.channels.webhook import WebhookChannel, http_client
from services.notifier.domain import NOTICE
from services.notifier.domain.attempts import is_due
from services.notifier.domain.commands import (
    ExpireClaim,
    Outcome,
    OutcomeKind,
    RecordOutcome,
    StartAttempt,
)
from services.notifier.domain.policies import EMAIL, WEBHOOK
from services.notifier.domain.state import Delivery, Notice, Status
from services.notifier.settings import notifier_settings
from shared.kernel.aggregate import Cause, Command, Snapshot
from shared.kernel.clock import to_milliseconds
from shared.kernel.refusal import Refusal
from shared.runtime.context import Context, Executed, Unavailable
from shared.runtime.logging import get_logger

IDLE_SECONDS = 0.25
QUIET_SECONDS = 1.0
"""How often to look whether quiet hours have ended."""
AFTER_TROUBLE_SECONDS = 1.0
LAST_WORDS_SECONDS = 4.0
"""How long a stopping process lets begun sends end; what is then still open is doubted when its claim expires."""

NO_CHANNEL = Outcome(OutcomeKind.TEMPORARY, "channel_not_configured", "this installation cannot use the channel now")
NO_DATABASE = Outcome(OutcomeKind.TEMPORARY, "database_unreachable", "the recipient could not be looked up")
OUR_FAULT = Outcome(OutcomeKind.UNKNOWN, "channel_failed", "sending failed by a fault of ours")
TOO_SLOW = Outcome(OutcomeKind.UNKNOWN, "channel_too_slow", "sending took too long")

log = get_logger()


def machine_now() -> datetime:
    """The machine's own time: claims and waits do not follow the business clock, which tests move."""
    return to_milliseconds(datetime.now(UTC))


async def deliver(context: Context) -> None:
    """Runs until cancelled."""
    settings = notifier_settings(context)
    async with http_client(settings.webhook) as client:
        channels: dict[str, Channel] = {
            WEBHOOK: WebhookChannel(
                settings.webhook, client, lambda wanted: subscriptions.find(context.database, wanted)
            )
        }
        if settings.email.host:
            channels[EMAIL] = EmailChannel(settings.email)
        await Courier(context, channels, settings.concurrency, timedelta(seconds=settings.lease_seconds)).run()


class Courier:
    """Sends at most `concurrency` deliveries at a time, each within half of its lease."""

    def __init__(self, context: Context, channels: Mapping[str, Channel], concurrency: int, lease: timedelta) -> None:
        self._context, self._channels, self._concurrency, self._lease = context, channels, concurrency, lease
        self._open: dict[str, asyncio.Task[None]] = {}
        self._looked_at = -QUIET_SECONDS

    async def run(self) -> None:
        """Until cancelled; then waits a little for what is on its way."""
        try:
            while True:
                pause = await self._round()
                await asyncio.sleep(pause)
        finally:
            if self._open:
                await asyncio.wait(self._open.values(), timeout=LAST_WORDS_SECONDS)

    async def _round(self) -> float:
        """Begins what is due; returns after how many seconds to look again."""
        try:
            begun = await self._begin()
        except Unavailable:
            return AFTER_TROUBLE_SECONDS
        if len(self._open) >= self._concurrency:
            await asyncio.wait(self._open.values(), return_when=asyncio.FIRST_COMPLETED)
        return 0.0 if begun else IDLE_SECONDS

    async def _begin(self) -> int:
        now, business_now = machine_now(), self._context.clock.now()
        due = [*await self._due("next_attempt", now), *await self._due_after_quiet(business_now)]
        wanted = [
            (snapshot.state, delivery)
            for snapshot in {found.id: found for found in due}.values()
            if snapshot.state is not None
            for delivery in snapshot.state.deliveries
            if delivery.id not in self._open and _is_due(delivery, now, business_now)
        ][: self._concurrency - len(self._open)]
        for notice, delivery in wanted:
            task = asyncio.create_task(self._work_on(notice, delivery))
            self._open[delivery.id] = task
            task.add_done_callback(partial(self._done, delivery.id))
        return len(wanted)

    async def _due(self, field: str, now: datetime) -> list[Snapshot[Notice]]:
        limit = self._concurrency + len(self._open)
        return await self._context.find(NOTICE, {field: {"$lte": now}}, [(field, 1)], limit)

    async def _due_after_quiet(self, business_now: datetime) -> list[Snapshot[Notice]]:
        """Quiet hours are a rule, so they end by the business clock, wherever that has been moved to."""
        if time.monotonic() < self._looked_at + QUIET_SECONDS:
            return []
        found = await self._due("quiet_until", business_now)
        if len(found) < self._concurrency:
            self._looked_at = time.monotonic()
        return found

    def _done(self, delivery_id: str, task: "asyncio.Task[None]") -> None:
        del self._open[delivery_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("delivery_failed", delivery=delivery_id, exc_info=error)

    async def _work_on(self, notice: Notice, delivery: Delivery) -> None:
        with suppress(Unavailable):  # whatever was claimed is doubted once its lease is over
            if delivery.status is Status.ATTEMPTING:
                await self._execute(notice, ExpireClaim(delivery=delivery.id, machine_now=machine_now()))
                return
            until = machine_now() + self._lease
            claim = StartAttempt(delivery=delivery.id, machine_now=machine_now(), lease_until=until)
            claimed = await self._execute(notice, claim)
            if isinstance(claimed, Executed) and (ours := claimed.snapshot.state) is not None:
                begun = ours.delivery(delivery.id) or delivery
                await self._record(ours, begun, await self._send(ours, begun), until)
            # else another process was faster

    async def _send(self, notice: Notice, delivery: Delivery) -> Outcome:
        channel, message = self._channels.get(delivery.channel), delivery.message
        if channel is None or message is None:
            return NO_CHANNEL
        parcel = Parcel(
            notice.id, delivery.id, notice.template.id, delivery.recipient_ref, delivery.language, message
        )
        try:
            async with asyncio.timeout(self._lease.total_seconds() / 2):
                return await channel.send(parcel)
        except TimeoutError:
            return TOO_SLOW
        except Exception as error:
            log.error("channel_failed", channel=delivery.channel, delivery=delivery.id, exc_info=error)
            return OUR_FAULT

    async def _record(self, notice: Notice, delivery: Delivery, outcome: Outcome, until: datetime) -> None:
        """Insists until the claim ends: an outcome that is not recorded makes a second mail."""
        command = RecordOutcome(
            delivery=delivery.id, attempt=delivery.attempts, outcome=outcome, machine_now=machine_now()
        )
        cause = _cause(f"{delivery.id}:{delivery.attempts}:outcome")
        while True:
            try:
                await self._context.execute(NOTICE, notice.id, command, cause)
            except Unavailable:
                if machine_now() >= until:
                    raise
                await asyncio.sleep(AFTER_TROUBLE_SECONDS)
            else:
                return

    async def _execute(self, notice: Notice, command: Command) -> Executed | Refusal:
        return await self._context.execute(NOTICE, notice.id, command, _cause(uuid4().hex))


def _is_due(delivery: Delivery, now: datetime, business_now: datetime) -> bool:
    if delivery.status is Status.ATTEMPTING:
        return delivery.lease_until is None or delivery.lease_until <= now
    return is_due(delivery, now, business_now)


def _cause(identity: str) -> Cause:
    return Cause(source="notifier:courier", id=identity)
