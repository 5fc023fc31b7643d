"""Laws of complaints, over generated submissions and histories."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain import COMPLAINT, Complaint
from services.intake.domain.commands import Mirror, Receive, Withdraw
from services.intake.domain.reference import Reference
from services.intake.domain.scope import source_actor
from services.intake.domain.state import FOR_EVER, Status
from services.intake.schemas import SubmissionRecord
from shared.events import complaints as said
from shared.kernel.aggregate import Command, Facts, Stamp
from shared.kernel.refusal import UNCHANGED, Refusal, Unchanged
from shared.persistence.codec import read, written

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
FACTS = Facts(NOW, Reference())
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40)
NAME = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=20)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2026, 11, 22))
ZONES = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@st.composite
def submissions(draw: st.DrawFn) -> dict[str, Any]:
    """Anything that the contract lets in."""
    required = {
        "external_id": draw(NAME),
        "channel": draw(st.sampled_from(["phone", "web", "counter", "internal"])),
        "customer": draw(
            st.fixed_dictionaries({"id": NAME}, optional={"name": TEXT, "phone": NAME, "tier": st.just("gold")})
        ),
        "subject": draw(TEXT),
        "description": draw(TEXT),
        "received_at": draw(INSTANTS).replace(tzinfo=UTC).astimezone(draw(ZONES)).isoformat(),
    }
    optional = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "category": st.lists(NAME, min_size=1, max_size=4).map("/".join),
                "object": st.fixed_dictionaries({"kind": NAME, "id": NAME}),
                "severity_flags": st.lists(st.sampled_from(["safety", "media", "regulator", "group"]), max_size=4),
                "acknowledged": st.booleans(),
            },
        )
    )
    return {**required, **optional}


def receipt(raw: dict[str, Any]) -> Receive:
    record = SubmissionRecord.model_validate(raw)
    return Receive(
        actor=source_actor("crm"), source="crm", external_id=record.external_id, submission=record.submission()
    )


def after(state: Complaint | None, command: Command) -> Complaint | None:
    outcome = COMPLAINT.decide(state, command, FACTS)
    if isinstance(outcome, Refusal | Unchanged):
        return state
    for event in outcome:
        state = COMPLAINT.evolve(state, event, Stamp(NOW, NOW, command.actor))
    return state


@given(submissions(), ZONES)
def test_written_otherwise_a_submission_stays_the_same(raw: dict[str, Any], zone: timezone) -> None:
    elsewhere = datetime.fromisoformat(raw["received_at"]).astimezone(zone).isoformat()
    again = {
        **dict(reversed(raw.items())),
        "received_at": elsewhere,
        "severity_flags": raw.get("severity_flags", [])[::-1] * 2,
        "language": None,
    }

    outcome = COMPLAINT.decide(after(None, receipt(raw)), receipt(again), FACTS)

    assert outcome is UNCHANGED


@given(submissions(), submissions())
def test_only_what_means_the_same_has_the_same_digest(one: dict[str, Any], other: dict[str, Any]) -> None:
    left, right = receipt(one).submission, receipt(other).submission

    assert (left.digest() == right.digest()) is (left == right)


@given(submissions())
def test_a_complaint_survives_being_stored(raw: dict[str, Any]) -> None:
    state = after(after(None, receipt(raw)), Withdraw(actor=source_actor("crm"), text="$$ROOT"))

    assert read(written(state), Complaint) == state


MIRRORS = st.one_of(
    st.just(said.Acknowledged()),
    st.integers(1, 4).map(lambda cycle: said.HandlingStarted(cycle=cycle)),
    st.just(said.Answered()),
    st.integers(1, 4).map(lambda cycle: said.Reopened(cycle=cycle)),
    st.just(said.Closed(outcome="satisfied")),
    st.just(said.Withdrawn()),
    st.just(said.Voided()),
)
COMMANDS = st.one_of(MIRRORS.map(lambda event: Mirror(event=event)), st.just(Withdraw(actor=source_actor("crm"))))
WAY = [Status.RECEIVED, Status.ACKNOWLEDGED, Status.IN_HANDLING, Status.ANSWERED, Status.CLOSED]


@given(submissions(), st.lists(COMMANDS, max_size=20))
def test_no_status_is_gone_back_to_but_by_a_new_cycle(raw: dict[str, Any], commands: list[Command]) -> None:
    state = after(None, receipt(raw))
    assert state is not None
    for command in commands:
        before, state = state, after(state, command)
        assert state is not None
        if before.status in FOR_EVER:
            assert state.status is before.status
        elif state.status in WAY and WAY.index(state.status) < WAY.index(before.status):
            assert isinstance(command, Mirror)
            assert isinstance(command.event, said.Reopened)
            assert state.cycle > before.cycle


@given(submissions(), st.lists(COMMANDS, max_size=12))
def test_what_was_decided_is_not_decided_again(raw: dict[str, Any], commands: list[Command]) -> None:
    state = after(None, receipt(raw))
    for command in commands:
        once = after(state, command)
        assert after(once, command) == once
        state = once
