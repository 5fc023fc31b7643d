"""Whatever happens to a delivery, in whatever order: what must never happen, and what must always end."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.commands import ExpireClaim, OutcomeKind, Redeliver
from services.notifier.domain.notice import index
from services.notifier.domain.state import ARRIVED, Status
from shared.events import notifications as events
from shared.kernel.aggregate import Snapshot
from shared.kernel.refusal import Refusal, Unchanged
from tests.unit.notifier.notices import Told, a_request, decided

STEPS = st.lists(
    st.one_of(
        st.just("claim"),
        st.just("expire"),
        st.just("redeliver"),
        st.sampled_from(list(OutcomeKind)),
        st.integers(1, 4000).map(lambda seconds: timedelta(seconds=seconds)),
    ),
    max_size=60,
)


def attempt(told: Told, step: object) -> None:
    """Does the step if the domain takes it."""
    match step:
        case timedelta():
            told.machine += step
            return
        case "claim":
            command: object = told.claim()
        case "expire":
            command = ExpireClaim(delivery=told.delivery.id, machine_now=told.machine)
        case "redeliver":
            command = Redeliver()
        case OutcomeKind():
            command = told.outcome(step)
    outcome = decided(command, told.notice)  # type: ignore[arg-type] # every branch above made a command
    if not isinstance(outcome, Refusal | Unchanged):
        told.apply(outcome)


@given(STEPS)
def test_attempts_are_numbered_and_claims_never_overlap(steps: list[object]) -> None:
    told = Told.by(a_request())
    for step in steps:
        attempt(told, step)
    claims = [event.notification.attempts for event in told.published if isinstance(event, events.Attempted)]
    assert claims == list(range(1, len(claims) + 1))
    for before, after in zip(told.published, told.published[1:], strict=False):
        assert not (isinstance(before, events.Attempted) and isinstance(after, events.Attempted))


@given(STEPS)
def test_a_mail_that_arrived_is_never_sent_again(steps: list[object]) -> None:
    told = Told.by(a_request())
    for step in steps:
        arrived = told.delivery.status in ARRIVED
        attempt(told, step)
        assert not arrived or told.delivery.status in ARRIVED


@given(STEPS)
def test_between_two_redeliveries_a_mail_is_sent_at_most_twice_in_doubt(steps: list[object]) -> None:
    told = Told.by(a_request())
    for step in steps:
        attempt(told, step)
    doubts = 0
    for event in told.published:
        doubts = 0 if isinstance(event, events.RedeliveryRequested) else doubts + isinstance(event, events.Uncertain)
        assert doubts <= 1


@given(STEPS)
def test_the_courier_always_finds_what_is_open_and_nothing_else(steps: list[object]) -> None:
    told = Told.by(a_request())
    for step in steps:
        attempt(told, step)
        open_still = told.delivery.status in (Status.PENDING, Status.UNCERTAIN, Status.ATTEMPTING)
        assert ("next_attempt" in index(Snapshot(told.notice.id, told.notice))) == open_still


@given(STEPS, st.lists(st.sampled_from(list(OutcomeKind)), min_size=1))
def test_trying_on_always_ends(steps: list[object], ends: list[OutcomeKind]) -> None:
    told = Told.by(a_request())
    for step in steps:
        attempt(told, step)
    for number in range(60):
        if "next_attempt" not in index(Snapshot(told.notice.id, told.notice)):
            return
        told.machine += timedelta(hours=2)
        attempt(told, "expire")
        attempt(told, "claim")
        attempt(told, ends[number % len(ends)])
    raise AssertionError(told.delivery)
