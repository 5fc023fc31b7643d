"""What workflow says on the topic workorders once an order is closed, or ends otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.events.catalogue import event
from shared.events.parts import Reason
from shared.events.workorders.lifecycle import WorkOrderEvent
from shared.kernel.personal import Personal


@event("workorder.reopened")
@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened(WorkOrderEvent):
    """重开: the next cycle of a closed order. `by`: complainant, leader or regulator."""

    cycle: int
    by: str
    reason: Reason


@event("workorder.rated")
@dataclass(frozen=True, slots=True, kw_only=True)
class Rated(WorkOrderEvent):
    """满意度: one effective rating per cycle."""

    satisfied: bool
    scores: Mapping[str, int] | None = None
    comment: Personal | None = None


@event("workorder.survey_closed")
@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyClosed(WorkOrderEvent):
    """调查截止: no rating of this cycle is taken any more."""


@event("workorder.liability_assigned")
@dataclass(frozen=True, slots=True, kw_only=True)
class LiabilityAssigned(WorkOrderEvent):
    """定责: whether the complaint was justified, and which unit answers for it to which degree."""

    valid: bool
    unit: str
    degree: str  # primary, secondary, none
    text: Personal


@event("workorder.liability_appealed")
@dataclass(frozen=True, slots=True, kw_only=True)
class LiabilityAppealed(WorkOrderEvent):
    """定责申诉 by the liable unit."""

    text: Personal


@event("workorder.liability_revised")
@dataclass(frozen=True, slots=True, kw_only=True)
class LiabilityRevised(WorkOrderEvent):
    """定责复议: the arbitrator's word, final."""

    valid: bool
    unit: str
    degree: str
    text: Personal


@event("workorder.liability_settled")
@dataclass(frozen=True, slots=True, kw_only=True)
class LiabilitySettled(WorkOrderEvent):
    """定责生效: nobody appealed within the window."""


@event("workorder.voided")
@dataclass(frozen=True, slots=True, kw_only=True)
class Voided(WorkOrderEvent):
    """作废: made by mistake; leaves every denominator."""

    reason: Reason
    approved_by: str


@event("workorder.archived")
@dataclass(frozen=True, slots=True, kw_only=True)
class Archived(WorkOrderEvent):
    """归档."""

    reason: Reason | None = None
