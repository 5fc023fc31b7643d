"""The life of a delivery: claims, outcomes, doubts, retries, giving up, redelivery."""

import pytest

from services.notifier.domain.commands import ExpireClaim, OutcomeKind, Redeliver
from services.notifier.domain.notice import AT_ONCE, index
from services.notifier.domain.policies import RetryPolicy
from services.notifier.domain.state import Status
from shared.events import notifications as events
from shared.kernel.aggregate import Snapshot
from shared.kernel.refusal import UNCHANGED
from tests.unit.notifier.notices import MACHINE, Told, a_request, an_assignment, code_of, decided

SENT, DELIVERED, TEMPORARY = OutcomeKind.SENT, OutcomeKind.DELIVERED, OutcomeKind.TEMPORARY
PERMANENT, UNKNOWN = OutcomeKind.PERMANENT, OutcomeKind.UNKNOWN


def a_mail() -> Told:
    return Told.by(a_request())


def a_webhook() -> Told:
    return Told.by(a_request(audience="subscribers", template="workorder.closed", payload="{}", subscriptions=("s",)))


def expiry(told: Told) -> ExpireClaim:
    return ExpireClaim(delivery=told.delivery.id, machine_now=told.machine)


def due(told: Told) -> object:
    return index(Snapshot(told.notice.id, told.notice)).get("next_attempt")


def test_a_new_mail_is_due_at_once_whatever_the_business_clock_says() -> None:
    assert due(a_mail()) == AT_ONCE


def test_a_mail_that_was_sent_leaves_nothing_to_do_and_no_text() -> None:
    told = a_mail().claimed().ended(SENT)
    assert isinstance(told.published[-1], events.Sent)
    assert (told.delivery.status, told.delivery.message, due(told)) == (Status.SENT, None, None)


def test_an_inbox_keeps_its_text() -> None:
    assert Told.by(an_assignment()).notice.deliveries[0].message is not None


def test_only_one_claim_wins() -> None:
    told = a_mail().claimed()
    assert code_of(told.claim(), told.notice) == "not_due"


def test_a_claim_is_due_for_expiry_when_its_lease_ends() -> None:
    told = a_mail().claimed()
    assert due(told) == told.delivery.lease_until
    assert code_of(expiry(told), told.notice) == "claim_not_expired"


@pytest.mark.parametrize("attempt", range(1, 6))
def test_a_temporary_failure_waits_as_the_policy_says(attempt: int) -> None:
    told = a_mail()
    for _ in range(attempt):
        told.claimed().ended(TEMPORARY, "smtp_451")
    assert isinstance(told.published[-1], events.Deferred)
    assert told.delivery.next_attempt_at is not None
    assert (told.delivery.next_attempt_at - told.machine).total_seconds() == RetryPolicy().delays[attempt - 1]
    assert code_of(told.claim(), told.notice) == "not_due"


def test_a_receiver_that_asks_for_more_time_gets_it() -> None:
    told = a_webhook().claimed().ended(TEMPORARY, "http_429", retry_after=90)
    assert told.delivery.next_attempt_at is not None
    assert (told.delivery.next_attempt_at - told.machine).total_seconds() == 90


def test_after_the_last_attempt_it_is_dead_lettered_and_redelivery_begins_anew() -> None:
    told = a_mail()
    for _ in range(6):
        told.claimed().ended(TEMPORARY)
    assert isinstance(told.published[-1], events.DeadLettered)
    assert due(told) is None
    told.do(Redeliver())
    assert isinstance(told.published[-1], events.RedeliveryRequested)
    told.claimed().ended(TEMPORARY)
    assert told.delivery.attempts == 7
    assert isinstance(told.published[-1], events.Deferred)
    assert told.claimed().ended(SENT).delivery.status is Status.SENT


def test_a_permanent_failure_is_not_tried_again_by_itself() -> None:
    told = a_mail().claimed().ended(PERMANENT, "smtp_550")
    assert isinstance(told.published[-1], events.Failed)
    assert due(told) is None
    assert told.do(Redeliver(delivery=told.delivery.id)).delivery.status is Status.PENDING


def test_an_expired_claim_is_doubted_never_simply_claimed_again() -> None:
    told = a_mail().claimed().wait(seconds=120)
    assert code_of(told.claim(), told.notice) == "not_due"
    told.do(expiry(told))
    assert isinstance(told.published[-1], events.Uncertain)
    assert told.delivery.status is Status.UNCERTAIN
    assert due(told) == told.delivery.next_attempt_at


def test_a_doubtful_mail_is_sent_once_more_and_then_given_up() -> None:
    told = a_mail().claimed().ended(UNKNOWN).claimed().ended(UNKNOWN)
    assert isinstance(told.published[-1], events.DeadLettered)
    assert told.delivery.error is not None
    assert told.delivery.error.kind == "unknown"


def test_a_doubtful_webhook_is_sent_until_the_attempts_end() -> None:
    told = a_webhook()
    for _ in range(6):
        told.claimed().ended(UNKNOWN)
    assert [type(e) for e in told.published if isinstance(e, events.Uncertain)] == [events.Uncertain] * 5
    assert isinstance(told.published[-1], events.DeadLettered)


def test_a_late_success_ends_the_doubt() -> None:
    told = a_mail().claimed().wait(seconds=120)
    told.do(expiry(told)).ended(SENT)
    assert told.delivery.status is Status.SENT


def test_a_late_failure_does_not_end_the_doubt() -> None:
    told = a_mail().claimed().wait(seconds=120)
    told.do(expiry(told))
    assert code_of(told.outcome(PERMANENT), told.notice) == "stale_attempt"


def test_an_outcome_counts_for_its_own_attempt_only() -> None:
    told = a_mail().claimed().ended(TEMPORARY).claimed()
    assert code_of(told.outcome(SENT, attempt=1), told.notice) == "stale_attempt"
    told.ended(SENT)
    assert code_of(told.outcome(DELIVERED), told.notice) == "stale_attempt"


def test_what_arrived_is_not_redelivered() -> None:
    told = a_mail().claimed().ended(SENT)
    assert code_of(Redeliver(), told.notice) == "nothing_to_redeliver"
    assert code_of(Redeliver(delivery=told.delivery.id), told.notice) == "already_sent"
    assert code_of(Redeliver(delivery="another"), told.notice) == "unknown_delivery"


def test_what_is_tried_anyway_need_not_be_redelivered() -> None:
    assert decided(Redeliver(), a_mail().notice) is UNCHANGED


def test_a_notice_without_a_route_cannot_be_redelivered() -> None:
    told = Told.by(a_request(contact=None, cause_at=MACHINE.replace(year=2020)))
    assert code_of(Redeliver(), told.notice) == "nothing_to_redeliver"


def test_an_unknown_notice_is_not_found() -> None:
    assert code_of(Redeliver()) == "not_found"
