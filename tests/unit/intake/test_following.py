"""A complaint follows its work order: every status with every mirror and every request."""

import pytest

from services.intake.domain.commands import Withdraw
from services.intake.domain.scope import source_actor
from services.intake.domain.state import Status
from services.intake.domain.transitions import TRANSITIONS
from shared.events import complaints as said
from shared.events.parts import Reason
from shared.kernel.aggregate import Event
from shared.kernel.refusal import UNCHANGED, Refusal
from tests.unit.intake.complaints import AGENT, CRM, Case, a_complaint, accepted

EVENTS: dict[str, Event] = {
    "acknowledged": said.Acknowledged(),
    "handling_started": accepted(),
    "answered": said.Answered(),
    "reopened": said.Reopened(cycle=2),
    "closed": said.Closed(outcome="satisfied"),
    "withdrawn": said.Withdrawn(reason=Reason("withdrawn")),
    "voided": said.Voided(reason=Reason("other")),
}

# Written from the domain's description, not from the table: where each status goes on each mirror.
# "=" nothing changes, "x" refused, "!" published although the status stays.
EXPECTED = {
    #               acknowledged   handling_started  answered     reopened       closed     withdrawn   voided
    "received": "   acknowledged   in_handling       answered     in_handling    closed     withdrawn   voided",
    "acknowledged": "  =           in_handling       answered     in_handling    closed     withdrawn   voided",
    "in_handling": "   !           =                 answered     !              closed     withdrawn   voided",
    "answered": "      !           =                 =            in_handling    closed     withdrawn   voided",
    "closed": "        x           x                 x            in_handling    =          x           x",
    "rejected": "      x           x                 x            x              x          x           x",
    "withdrawn": "     x           x                 x            x              x          =           x",
    "merged": "        x           x                 x            x              x          x           x",
    "voided": "        x           x                 x            x              x          x           =",
}


@pytest.mark.parametrize("status", EXPECTED)
def test_every_status_goes_where_the_order_leads(status: str) -> None:
    for name, expected in zip(EVENTS, EXPECTED[status].split(), strict=True):
        case = a_complaint().in_status(status).mirrored(EVENTS[name])
        match expected:
            case "=":
                assert case.outcome is UNCHANGED, (status, name)
            case "x":
                assert case.refusal.code == "complaint_ended", (status, name)
            case "!":
                assert case.said[-1] == EVENTS[name]
                assert case.complaint.status == status, (status, name)
            case _:
                assert case.complaint.status == expected, (status, name)


def test_the_table_speaks_of_every_status_and_event() -> None:
    assert set(EXPECTED) == set(Status)
    assert {kind for kind in TRANSITIONS if kind is not said.WithdrawalRequested} == {
        type(e) for e in EVENTS.values()
    }


def test_the_whole_way_with_a_second_cycle() -> None:
    case = a_complaint().mirrored(
        said.Acknowledged(),
        accepted(),
        said.Answered(),
        said.Reopened(cycle=2),
        accepted(2),
        said.Answered(),
        said.Closed(outcome="satisfied"),
    )

    assert [event.TYPE.removeprefix("complaint.") for event in case.said] == [
        "received", "acknowledged", "handling_started", "answered", "reopened", "answered", "closed"
    ]  # fmt: skip
    assert (case.complaint.status, case.complaint.cycle, case.complaint.outcome) == ("closed", 2, "satisfied")


def test_a_closed_complaint_is_handled_again_when_its_order_is_reopened() -> None:
    case = a_complaint().mirrored(accepted(), said.Closed(outcome="forced"), said.Reopened(cycle=2))
    assert (case.complaint.status, case.complaint.cycle, case.complaint.outcome) == ("in_handling", 2, None)

    assert case.mirrored(said.Closed(outcome="satisfied"), said.Reopened(cycle=2)).outcome is UNCHANGED


def test_told_at_receipt_is_not_told_again_by_the_order() -> None:
    assert a_complaint(channel="phone").mirrored(said.Acknowledged()).outcome is UNCHANGED


def test_told_once_is_told_for_good_however_far_handling_went() -> None:
    case = a_complaint().mirrored(accepted(), said.Acknowledged(), said.Acknowledged())

    assert case.outcome is UNCHANGED
    assert case.complaint.acknowledged
    assert case.complaint.status == "in_handling"


def test_a_cycle_begins_once() -> None:
    case = a_complaint().mirrored(accepted(), said.Reopened(cycle=2), said.Reopened(cycle=2))

    assert case.outcome is UNCHANGED


def test_a_mirror_of_an_unknown_complaint_is_not_found() -> None:
    assert Case().mirrored(accepted()).refusal.code == "not_found"


@pytest.mark.parametrize("status", Status)
def test_withdrawing_is_requested_while_the_complaint_is_open(status: Status) -> None:
    case = a_complaint().in_status(status).asked(Withdraw(actor=AGENT, text="算了"))

    if status in ("received", "acknowledged", "in_handling", "answered"):
        assert case.said[-1] == said.WithdrawalRequested(text="算了", by="complainant")
        assert case.complaint.status == status
    elif status == "withdrawn":
        assert case.outcome is UNCHANGED
    else:
        assert case.refusal.code == "complaint_ended"


def test_only_endings_that_nothing_undoes_are_refused_for_good() -> None:
    ended = [s for s in Status if s not in ("received", "acknowledged", "in_handling", "answered", "withdrawn")]
    final = {s: a_complaint().in_status(s).asked(Withdraw(actor=AGENT)).refusal.final for s in ended}

    assert final == {"closed": False, "rejected": True, "merged": False, "voided": True}


def test_the_same_request_again_is_one_request_and_another_word_is_another() -> None:
    case = a_complaint().asked(Withdraw(actor=AGENT)).asked(Withdraw(actor=AGENT))
    assert case.outcome is UNCHANGED

    case.asked(Withdraw(actor=AGENT, by="regulator"))
    assert case.said[-1] == said.WithdrawalRequested(by="regulator")


def test_a_source_takes_back_its_own_and_never_anothers() -> None:
    assert not isinstance(a_complaint().asked(Withdraw(actor=source_actor(CRM))).outcome, Refusal)

    refusal = a_complaint().asked(Withdraw(actor=source_actor("app"))).refusal
    assert (refusal.code, refusal.final) == ("forbidden", True)


def test_the_orders_cancelling_is_mirrored_and_asks_the_order_for_nothing() -> None:
    case = a_complaint().asked(Withdraw(actor=AGENT)).mirrored(EVENTS["withdrawn"])

    assert [type(event) for event in case.said[1:]] == [said.WithdrawalRequested, said.Withdrawn]
