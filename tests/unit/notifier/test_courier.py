"""The courier: claims by appending, sends what it won, records how it ended."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from services.notifier import courier as subject
from services.notifier.channels.channel import Channel, Parcel
from services.notifier.courier import Courier, machine_now
from services.notifier.domain import NOTICE
from services.notifier.domain.commands import Outcome, OutcomeKind, StartAttempt
from services.notifier.domain.policies import RetryPolicy
from services.notifier.domain.state import Status
from shared.kernel.aggregate import Cause
from tests.unit.notifier.memory_service import MemoryService, some_settings
from tests.unit.notifier.notices import REFERENCE, a_request

LEASE = timedelta(seconds=60)
IMPATIENT = replace(REFERENCE, retry=RetryPolicy((0, 0)))


@dataclass
class ScriptedChannel:
    """Ends sends as the script says, one after another; the last entry stays."""

    script: list[Outcome | Exception] = field(default_factory=lambda: [Outcome(OutcomeKind.SENT)])
    gate: asyncio.Event | None = None
    sent: list[Parcel] = field(default_factory=list)
    most_at_once: int = 0
    at_once: int = 0

    async def send(self, parcel: Parcel) -> Outcome:
        self.sent.append(parcel)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if self.gate is not None:
            await self.gate.wait()
        self.at_once -= 1
        outcome = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.fixture
def service() -> MemoryService:
    return MemoryService(some_settings(), reference=IMPATIENT)


@asynccontextmanager
async def at_work(
    service: MemoryService, channel: ScriptedChannel, concurrency: int = 4, lease: timedelta = LEASE
) -> AsyncIterator[None]:
    channels: Mapping[str, Channel] = {"email": channel}
    task = asyncio.create_task(Courier(service, channels, concurrency, lease).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    """Waits for a condition; fails after ten seconds."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)


async def test_a_requested_mail_is_sent_once(service: MemoryService) -> None:
    channel = ScriptedChannel()
    notice = await service.hear(a_request())
    async with at_work(service, channel):
        await until(lambda: service.delivery(notice).status is Status.SENT)
    assert [parcel.delivery_id for parcel in channel.sent] == [f"{notice}.1"]
    assert await service.events(notice) == ["Requested", "Attempted", "Sent"]


async def test_two_couriers_send_every_mail_once(service: MemoryService) -> None:
    other = MemoryService(service.settings, service.reference, service.log, service.projection)
    channels = ScriptedChannel(), ScriptedChannel()
    notices = [await service.hear(a_request(cause=f"wo:{n}")) for n in range(30)]
    async with at_work(service, channels[0]), at_work(other, channels[1]):
        await until(lambda: all(service.delivery(each).status is Status.SENT for each in notices))
    sent = [parcel.delivery_id for channel in channels for parcel in channel.sent]
    assert sorted(sent) == sorted(f"{notice}.1" for notice in notices)


async def test_temporary_failures_are_tried_again_with_the_same_delivery_id(service: MemoryService) -> None:
    failing = Outcome(OutcomeKind.TEMPORARY, "smtp_451")
    channel = ScriptedChannel([failing, failing, Outcome(OutcomeKind.SENT)])
    notice = await service.hear(a_request())
    async with at_work(service, channel):
        await until(lambda: service.delivery(notice).status is Status.SENT)
    assert {parcel.delivery_id for parcel in channel.sent} == {f"{notice}.1"}
    assert await service.events(notice) == ["Requested", *["Attempted", "Deferred"] * 2, "Attempted", "Sent"]


async def test_a_channel_with_a_bug_stops_nobody_else(service: MemoryService) -> None:
    channel = ScriptedChannel([ValueError("a bug"), Outcome(OutcomeKind.SENT)])
    notices = [await service.hear(a_request(cause=f"wo:{n}")) for n in range(3)]
    async with at_work(service, channel):
        await until(lambda: all(service.delivery(each).status is Status.SENT for each in notices))


async def test_no_more_than_the_allowed_number_is_on_its_way(service: MemoryService) -> None:
    channel = ScriptedChannel(gate=asyncio.Event())
    notices = [await service.hear(a_request(cause=f"wo:{n}")) for n in range(7)]
    async with at_work(service, channel, concurrency=3):
        await until(lambda: channel.at_once == 3)
        assert channel.gate is not None
        channel.gate.set()
        await until(lambda: all(service.delivery(each).status is Status.SENT for each in notices))
    assert channel.most_at_once == 3


async def test_a_claim_of_a_dead_process_is_doubted_then_sent_once_more(service: MemoryService) -> None:
    channel = ScriptedChannel()
    notice = await service.hear(a_request())
    dead = StartAttempt(delivery=f"{notice}.1", machine_now=machine_now(), lease_until=machine_now())
    await service.execute(NOTICE, notice, dead, Cause("dead", "1"))
    async with at_work(service, channel):
        await until(lambda: service.delivery(notice).status is Status.SENT)
    assert len(channel.sent) == 1
    assert await service.events(notice) == ["Requested", "Attempted", "Uncertain", "Attempted", "Sent"]


async def test_a_stopping_courier_lets_a_begun_send_end(service: MemoryService) -> None:
    channel = ScriptedChannel(gate=asyncio.Event())
    notice = await service.hear(a_request())
    async with at_work(service, channel):
        await until(lambda: channel.at_once == 1)
        assert channel.gate is not None
        asyncio.get_running_loop().call_later(0.05, channel.gate.set)
    assert service.delivery(notice).status is Status.SENT


async def test_an_outcome_is_recorded_though_the_database_was_away(
    service: MemoryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "AFTER_TROUBLE_SECONDS", 0.01)
    channel = ScriptedChannel(gate=asyncio.Event())
    notice = await service.hear(a_request())
    async with at_work(service, channel):
        await until(lambda: channel.at_once == 1)
        assert channel.gate is not None
        service.reachable = False
        channel.gate.set()
        await until(lambda: channel.at_once == 0)
        service.reachable = True
        await until(lambda: service.delivery(notice).status is Status.SENT)
    assert len(channel.sent) == 1


async def test_a_channel_that_is_not_configured_any_more_is_waited_for(service: MemoryService) -> None:
    notice = await service.hear(a_request())
    task = asyncio.create_task(Courier(service, {}, 1, LEASE).run())
    await until(lambda: service.delivery(notice).status is Status.DEAD_LETTERED)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    error = service.delivery(notice).error
    assert error is not None
    assert error.code == "channel_not_configured"
