"""What intake hears, and which command or copy it makes of it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from services.intake.customers import COLLECTION as CUSTOMERS
from services.intake.customers import complete, profile_fields
from services.intake.domain import COMPLAINT
from services.intake.domain.commands import Mirror, Receive, Withdraw
from services.intake.domain.reference import Reference
from services.intake.domain.scope import source_actor
from services.intake.reference import COLLECTION as DIRECTORY
from services.intake.reference import source_copied
from services.intake.schemas import ProfileRecord, SubmissionRecord, WithdrawalRecord
from shared.events import complaints, workorders
from shared.events.catalogue import WireType, wire_type
from shared.events.directory import DirectoryChanged
from shared.events.parts import WorkOrderView
from shared.kernel import ids
from shared.kernel.aggregate import Event, Facts
from shared.kernel.refusal import Refusal
from shared.messaging import contract
from shared.messaging.bindings import Binding, Copy, Follow, On, Replica, Target, Trigger
from shared.messaging.records import Delivery

# complaints.inbox


def on_submitted(delivery: Delivery) -> Target:
    said: SubmissionRecord = delivery.change
    source = delivery.envelope.source
    submission = said.submission()
    return ids.complaint_id(source, said.external_id), Receive(
        actor=source_actor(source),
        occurred_at=submission.received_at,
        source=source,
        external_id=said.external_id,
        submission=submission,
    )


def on_withdrawn(delivery: Delivery) -> Target:
    said: WithdrawalRecord = delivery.change
    source = delivery.envelope.source
    own = said.external_id and ids.complaint_id(source, said.external_id)
    return own or str(said.complaint_id), Withdraw(actor=source_actor(source), text=said.text, by=said.by)


def registered(delivery: Delivery, facts: Facts) -> Refusal | None:
    """Open sources may submit and take back; which complaints are a source's own is for the complaint to say."""
    reference: Reference = facts.reference
    source, kind = delivery.envelope.source, WireType.parse(delivery.envelope.type)
    if reference.open_sources or (kind and reference.registered_for(source, kind.name, facts.now)):
        return None
    known = reference.source(source, facts.now) is not None
    return Refusal("type_not_registered" if known else "unknown_source")


# workorders


def mirrored(event: Callable[[Any, WorkOrderView], Event]) -> Callable[[Delivery], Target]:
    """The complaint says what `event` makes of the order's change and of the order after it."""

    def to(delivery: Delivery) -> Target:
        order = contract.view(WorkOrderView, delivery.data["work_order"])
        at = contract.view(datetime, delivery.data["occurred_at"])
        return order.complaint_id, Mirror(event=event(delivery.change, order), occurred_at=at)

    return to


def told(_: workorders.Acknowledged, __: WorkOrderView) -> Event:
    return complaints.Acknowledged()


def accepted(_: workorders.Accepted, order: WorkOrderView) -> Event:
    return complaints.HandlingStarted(cycle=order.cycle)


def answered(_: workorders.DecisionCommunicated, __: WorkOrderView) -> Event:
    return complaints.Answered()


def handled_again(change: workorders.Redispatched | workorders.Reopened, _: WorkOrderView) -> Event:
    return complaints.Reopened(cycle=change.cycle)


def closed(change: workorders.Closed, _: WorkOrderView) -> Event:
    return complaints.Closed(outcome=change.outcome)


def cancelled(change: workorders.Cancelled, _: WorkOrderView) -> Event:
    return complaints.Withdrawn(reason=change.reason)


def voided(change: workorders.Voided, _: WorkOrderView) -> Event:
    return complaints.Voided(reason=change.reason)


MIRRORS: Mapping[type[Event], Callable[[Any, WorkOrderView], Event]] = {
    workorders.Acknowledged: told,
    workorders.Accepted: accepted,
    workorders.DecisionCommunicated: answered,
    workorders.Redispatched: handled_again,
    workorders.Reopened: handled_again,
    workorders.Closed: closed,
    workorders.Cancelled: cancelled,
    workorders.Voided: voided,
}

# customers.inbox


def copy_profile(delivery: Delivery) -> Copy:
    profile: ProfileRecord = delivery.change
    return profile.id, profile_fields(profile)


def forgotten(key: bytes) -> str:
    """A key that is no text names nobody, but is no reason to stop."""
    return key.decode(errors="replace")


BINDINGS: tuple[Binding, ...] = (
    Trigger(
        topic="complaints.inbox",
        aggregate=COMPLAINT,
        on={
            "closedloop.complaint.submitted.v1": On(contract.model(SubmissionRecord), on_submitted),
            "closedloop.complaint.withdrawn.v1": On(contract.model(WithdrawalRecord), on_withdrawn),
        },
        foreign=True,
        later=frozenset(
            {
                "closedloop.complaint.supplemented.v1",
                "closedloop.complaint.urged.v1",
                "closedloop.feedback.submitted.v1",
            }
        ),
        may_send=registered,
        enrich=complete,
    ),
    Follow(
        topic="workorders",
        aggregate=COMPLAINT,
        target=lambda order_id: ids.sibling(order_id, ids.COMPLAINT),
        on={wire_type(kind): On(contract.change(kind), mirrored(event)) for kind, event in MIRRORS.items()},
    ),
    Replica(
        topic="customers.inbox",
        collection=CUSTOMERS,
        on={"closedloop.customer.profile_changed.v1": On(contract.model(ProfileRecord), lambda _: None)},
        copy=copy_profile,
        forget=forgotten,
        may_send=registered,
    ),
    Replica(
        topic="directory",
        collection=DIRECTORY,
        on={wire_type(DirectoryChanged): On(contract.change(DirectoryChanged), lambda _: None)},
        copy=source_copied,
    ),
)
