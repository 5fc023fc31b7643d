"""The one door to a complaint: each command to its decision."""

from services.intake.domain.commands import Mirror, Receive, Withdraw
from services.intake.domain.policies import RECEIVE, STANDARD_TIER, WITHDRAW, ended, region_of
from services.intake.domain.reference import Reference
from services.intake.domain.state import OPEN, Complaint, Status
from services.intake.domain.transitions import is_reached, next_status
from shared.events.complaints import Acknowledged, Customer, Received, Reopened, WithdrawalRequested
from shared.kernel import ids
from shared.kernel.aggregate import Command, Event, Facts, Outcome
from shared.kernel.refusal import UNCHANGED, Refusal

DEFAULT_PRIORITY = "P3"
DEFAULT_LANGUAGE = "zh"


def decide(state: Complaint | None, command: Command, facts: Facts) -> Outcome:
    """`facts.reference` is intake's Reference. Raises TypeError for a command that is not ours."""
    if isinstance(command, Receive):
        return _receive(command, facts) if state is None else _received_before(state, command)
    if state is None:
        return Refusal("not_found")
    match command:
        case Withdraw():
            return _withdraw(state, command)
        case Mirror():
            return _mirror(state, command.event)
    raise TypeError(f"no complaint knows {type(command).__name__}")


def _received_before(complaint: Complaint, command: Receive) -> Outcome:
    if complaint.received.digest == command.submission.digest():
        return UNCHANGED
    return Refusal("conflicting_duplicate", pointer="/external_id", final=True)


def _receive(command: Receive, facts: Facts) -> Outcome:
    refusal = next((found for policy in RECEIVE if (found := policy(command, facts))), None)
    if refusal is not None:
        return refusal
    received = _completed(command, facts.reference)
    return [received, Acknowledged()] if received.acknowledged else [received]


def _completed(command: Receive, reference: Reference) -> Received:
    said, profile = command.submission, command.profile
    complaint_id = ids.complaint_id(command.source, command.external_id)
    return Received(
        source=command.source,
        external_id=command.external_id,
        number=ids.complaint_number(complaint_id, said.received_at),
        channel=said.channel,
        customer=_customer(command),
        subject=said.subject,
        description=said.description,
        category=said.category or reference.default_category,
        category_given=said.category is not None,
        priority=DEFAULT_PRIORITY,
        remedy_sought=said.remedy_sought,
        object=said.object,
        severity_flags=said.severity_flags,
        regulator_case=said.regulator_case,
        received_at=said.received_at,
        acknowledged=said.acknowledged,
        promised_reply_at=said.promised_reply_at,
        attachments=said.attachments,
        language=said.language or profile.language or DEFAULT_LANGUAGE,
        work_order_id=ids.sibling(complaint_id, ids.WORK_ORDER),
        digest=said.digest(),
    )


def _customer(command: Receive) -> Customer:
    said, profile = command.submission.customer, command.profile
    return Customer(
        id=said.id,
        name=said.name or profile.name,
        phone=said.phone or profile.phone,
        email=said.email or profile.email,
        tier=said.tier or profile.tier or STANDARD_TIER,
        region=region_of(command),
    )


def _withdraw(complaint: Complaint, command: Withdraw) -> Outcome:
    refusal = next((found for policy in WITHDRAW if (found := policy(complaint, command))), None)
    if refusal is not None:
        return refusal
    asked = WithdrawalRequested(text=command.text, by=command.by)
    if complaint.status is Status.WITHDRAWN or (complaint.status in OPEN and complaint.withdrawal == asked):
        return UNCHANGED
    return [asked] if complaint.status in OPEN else ended(complaint)


def _mirror(complaint: Complaint, event: Event) -> Outcome:
    if next_status(type(event), complaint.status) is None:
        return UNCHANGED if is_reached(type(event), complaint.status) else ended(complaint)
    known = (isinstance(event, Acknowledged) and complaint.acknowledged) or (
        isinstance(event, Reopened) and event.cycle <= complaint.cycle
    )
    return UNCHANGED if known else [event]
