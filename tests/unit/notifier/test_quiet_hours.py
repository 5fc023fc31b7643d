"""Quiet hours: the inbox has it at once, everything else waits for the business clock to pass their end."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.notifier.domain import NOTICE
from services.notifier.domain.commands import StartAttempt, Value
from services.notifier.domain.state import Status
from shared.events import notifications as events
from shared.kernel.aggregate import Cause
from shared.kernel.refusal import Refusal
from tests.unit.notifier.memory_service import MemoryService, a_clock, some_settings
from tests.unit.notifier.notices import LEASE, MACHINE, NOON, REFERENCE, Told, an_assignment, code_of, events_of
from tests.unit.notifier.test_courier import ScriptedChannel, at_work, until

MORNING = NOON + timedelta(hours=20)
QUIET = an_assignment(quiet_until=MORNING)


def a_start(delivery: str) -> StartAttempt:
    return StartAttempt(delivery=delivery, machine_now=MACHINE, lease_until=MACHINE + LEASE)


def test_the_inbox_has_it_at_once_and_the_mail_waits() -> None:
    in_app, mail = events_of(QUIET)
    assert isinstance(in_app, events.Delivered)
    assert isinstance(mail, events.Requested)
    assert mail.quiet_until == MORNING
    assert (mail.notification.channel, mail.notification.status) == ("email", "pending")


def test_a_mail_is_not_begun_before_quiet_hours_end() -> None:
    notice = Told.by(QUIET).notice
    early = MORNING - timedelta(milliseconds=1)
    assert code_of(a_start(f"{notice.id}.2"), notice, now=early) == "not_due"
    [attempted] = events_of(a_start(f"{notice.id}.2"), notice, now=MORNING)
    assert isinstance(attempted, events.Attempted)


def test_after_quiet_hours_nothing_waits() -> None:
    for now in (MORNING, MORNING + timedelta(hours=3)):
        _, mail = events_of(an_assignment(quiet_until=MORNING, cause_at=NOON), now=now)
        assert mail.quiet_until is None


def test_a_mail_counts_down_from_when_it_goes_out() -> None:
    values: dict[str, Value] = {"clock": "resolve", "rung": "75%", "due_at": MORNING + timedelta(hours=1)}
    in_app, mail = events_of(replace(QUIET, template="at_risk", values=values))
    assert "剩余：21 小时" in in_app.message.body
    assert "剩余：1 小时" in mail.message.body


@pytest.fixture
def service() -> MemoryService:
    return MemoryService(some_settings(), reference=REFERENCE)


async def test_the_courier_waits_for_the_business_clock_and_then_sends_once(service: MemoryService) -> None:
    channel = ScriptedChannel()
    notice, other = await service.hear(QUIET), await service.hear(an_assignment(cause="wo:2"))
    async with at_work(service, channel):
        await until(lambda: service.delivery(other).status is Status.SENT)
        assert service.delivery(notice).status is Status.PENDING
    service.clock = a_clock(MORNING)
    async with at_work(service, channel):
        await until(lambda: service.delivery(notice).status is Status.SENT)
    assert [parcel.notice_id for parcel in channel.sent] == [other, notice]
    assert await service.events(notice) == ["Delivered", "Requested", "Attempted", "Sent"]
    assert service.delivery(notice).quiet_until is None


async def test_a_process_that_is_too_early_is_refused(service: MemoryService) -> None:
    notice = await service.hear(QUIET)
    outcome = await service.execute(NOTICE, notice, a_start(f"{notice}.2"), Cause("eager", "1"))
    assert isinstance(outcome, Refusal)
    assert outcome.code == "not_due"


async def test_what_waits_for_quiet_hours_is_not_in_the_index_of_attempts(service: MemoryService) -> None:
    notice = await service.hear(QUIET)
    fields = NOTICE.index(service.projection.snapshots[notice])
    assert fields["quiet_until"] == MORNING
    assert "next_attempt" not in fields
