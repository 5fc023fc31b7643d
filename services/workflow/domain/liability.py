"""定责: which unit answers for the complaint; the unit may appeal (申诉), and an arbitrator has the last word (复议).

It is about the complaint rather than one handling of it, so it outlives the cycle; a later cycle may attribute anew
what is final by then.
"""

from dataclasses import replace
from typing import Any

from services.workflow.domain import aftercare_commands as a
from services.workflow.domain.decisions import Deciders, Evolvers, Result
from services.workflow.domain.state import WorkOrder
from services.workflow.domain.subresources import APPEALED, PENDING, REVISED, SETTLED, Liability
from services.workflow.domain.transitions import move
from shared.events import workorders as e
from shared.kernel.aggregate import Event, Facts, Stamp
from shared.kernel.alteration import altered
from shared.kernel.refusal import Refusal


def attribute(order: WorkOrder, command: a.AttributeLiability, facts: Facts) -> Result:
    present = order.liability
    if present is not None and (present.status in PENDING or present.cycle == order.cycle):
        return Refusal("liability_attributed", f"to {present.unit}: {present.status}")
    assigned = e.LiabilityAssigned(valid=command.valid, unit=command.unit, degree=command.degree, text=command.text)
    return _unknown(command.unit, facts) or [assigned]


def appeal(_order: WorkOrder, command: a.AppealLiability, _facts: Facts) -> list[Event]:
    return [e.LiabilityAppealed(text=command.text)]


def revise(_order: WorkOrder, command: a.ReviseLiability, facts: Facts) -> Result:
    revised = e.LiabilityRevised(valid=command.valid, unit=command.unit, degree=command.degree, text=command.text)
    return _unknown(command.unit, facts) or [revised]


def settle(order: WorkOrder, command: a.SettleLiability, _facts: Facts) -> Result:
    started, present = command.clock_started_at, order.liability
    if started is not None and present is not None and present.since > started:
        return Refusal("liability_changed", "it was attributed anew since that clock started")
    return [e.LiabilitySettled()]


def _unknown(unit: str, facts: Facts) -> Refusal | None:
    """A liable unit is a team, or nobody could appeal for it."""
    if facts.reference.at(facts.now).team(unit) is not None:
        return None
    return Refusal("unknown_team", f"no team {unit} is in force", pointer="/unit")


def assigned(order: WorkOrder, event: e.LiabilityAssigned, stamp: Stamp) -> WorkOrder:
    found = Liability(
        valid=event.valid,
        unit=event.unit,
        degree=event.degree,
        text=event.text,
        cycle=order.cycle,
        since=stamp.occurred_at,
        assigned_by=stamp.actor.id,
    )
    return altered(move(order, "attribute_liability", order.status), liability=found)


def appealed(order: WorkOrder, _event: e.LiabilityAppealed, stamp: Stamp) -> WorkOrder:
    return _changed(order, "appeal_liability", status=APPEALED, appealed_by=stamp.actor.id)


def revised(order: WorkOrder, event: e.LiabilityRevised, _stamp: Stamp) -> WorkOrder:
    said = {"valid": event.valid, "unit": event.unit, "degree": event.degree, "text": event.text}
    return _changed(order, "revise_liability", status=REVISED, **said)


def settled(order: WorkOrder, _event: e.LiabilitySettled, _stamp: Stamp) -> WorkOrder:
    return _changed(order, "settle_liability", status=SETTLED)


def _changed(order: WorkOrder, action: str, **fields: Any) -> WorkOrder:
    order = move(order, action, order.status)
    return order if order.liability is None else altered(order, liability=replace(order.liability, **fields))


DECIDERS: Deciders = {
    a.AttributeLiability: attribute,
    a.AppealLiability: appeal,
    a.ReviseLiability: revise,
    a.SettleLiability: settle,
}
EVOLVERS: Evolvers = {
    e.LiabilityAssigned: assigned,
    e.LiabilityAppealed: appealed,
    e.LiabilityRevised: revised,
    e.LiabilitySettled: settled,
}
