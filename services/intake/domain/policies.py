"""Why a complaint is not received or not withdrawn: small rules, each answering a reason or nothing."""

from collections.abc import Callable
from datetime import datetime, timedelta

from services.intake.domain.commands import Receive, Withdraw
from services.intake.domain.scope import may_withdraw, serves
from services.intake.domain.state import FOR_EVER, Complaint
from shared.kernel.aggregate import Facts
from shared.kernel.refusal import Refusal

TOLERATED_CLOCK_SKEW = timedelta(minutes=5)
UNKNOWN_REGION, STANDARD_TIER = "default", "standard"


def received_in_time(command: Receive, facts: Facts) -> Refusal | None:
    return _not_in_future(command.submission.received_at, facts.now, "/received_at")


def transferred_in_time(command: Receive, facts: Facts) -> Refusal | None:
    case = command.submission.regulator_case
    return _not_in_future(case.received_at, facts.now, "/regulator_case/received_at") if case else None


def region_in_scope(command: Receive, _facts: Facts) -> Refusal | None:
    """Nobody opens a complaint that they may not see afterwards."""
    if serves(command.actor.regions, region_of(command)):
        return None
    return Refusal("forbidden", "the customer's region is outside the caller's", "/customer/region")


def visible(complaint: Complaint, command: Withdraw) -> Refusal | None:
    return None if serves(command.actor.regions, complaint.region) else Refusal("not_found")


def speaks_for_complainant(complaint: Complaint, command: Withdraw) -> Refusal | None:
    """No later state makes a source the owner of another's complaint."""
    return None if may_withdraw(complaint, command.actor) else Refusal("forbidden", final=True)


def ended(complaint: Complaint) -> Refusal:
    return Refusal("complaint_ended", f"the complaint is {complaint.status}", final=complaint.status in FOR_EVER)


def region_of(command: Receive) -> str:
    return command.submission.customer.region or command.profile.region or UNKNOWN_REGION


def _not_in_future(instant: datetime, now: datetime, pointer: str) -> Refusal | None:
    if instant <= now + TOLERATED_CLOCK_SKEW:
        return None
    return Refusal("received_in_future", pointer=pointer)


RECEIVE: tuple[Callable[[Receive, Facts], Refusal | None], ...] = (
    received_in_time,
    transferred_in_time,
    region_in_scope,
)
WITHDRAW: tuple[Callable[[Complaint, Withdraw], Refusal | None], ...] = (visible, speaks_for_complainant)
