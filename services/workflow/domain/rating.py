"""满意度: one rating per cycle, as the complainant gives it, until the survey closes; silence makes none."""

from services.workflow.domain import aftercare_commands as a
from services.workflow.domain.decisions import Deciders, Evolvers, Result
from services.workflow.domain.endings import closed_since
from services.workflow.domain.state import SURVEY_CLOSED, Satisfaction, WorkOrder
from services.workflow.domain.states import Status
from services.workflow.domain.transitions import move
from shared.events import workorders as e
from shared.kernel.aggregate import Event, Facts, Stamp
from shared.kernel.alteration import altered
from shared.kernel.refusal import UNCHANGED


def rate(_order: WorkOrder, command: a.Rate, _facts: Facts) -> list[Event]:
    return [e.Rated(satisfied=command.satisfied, scores=command.scores, comment=command.comment)]


def close_survey(order: WorkOrder, command: a.CloseSurvey, _facts: Facts) -> Result:
    refusal = closed_since(order, command.clock_started_at)
    if refusal is not None:
        return refusal
    return UNCHANGED if SURVEY_CLOSED in order.flags else [e.SurveyClosed()]


def rated(order: WorkOrder, event: e.Rated, _stamp: Stamp) -> WorkOrder:
    rating = Satisfaction(satisfied=event.satisfied, scores=event.scores)
    return altered(move(order, "rate", order.status), rating=rating)


def survey_closed(order: WorkOrder, _event: e.SurveyClosed, _stamp: Stamp) -> WorkOrder:
    return move(order, "close_survey", Status.CLOSED).flagged(SURVEY_CLOSED)


DECIDERS: Deciders = {a.Rate: rate, a.CloseSurvey: close_survey}
EVOLVERS: Evolvers = {e.Rated: rated, e.SurveyClosed: survey_closed}
