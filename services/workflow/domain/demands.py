"""While the work goes on: the complainant urges (催单), the handler says how far it is (阶段回复)."""

from services.workflow.domain import handling_commands as h
from services.workflow.domain.decisions import Deciders, Evolvers
from services.workflow.domain.limits import URGES_APART
from services.workflow.domain.state import RESPONDED, WorkOrder
from services.workflow.domain.states import Status
from services.workflow.domain.transitions import move
from shared.events import workorders as e
from shared.kernel.aggregate import Event, Facts, Stamp
from shared.kernel.alteration import altered


def urge(order: WorkOrder, command: h.Urge, facts: Facts) -> list[Event]:
    """Counted every time; who handles the order is told again only after a while."""
    told = order.urged_at
    throttled = told is not None and facts.now - told < URGES_APART
    number = order.counts["urges"] + 1
    return [e.Urged(by=command.by, number=number, throttled=throttled, text=command.text)]


def report_progress(_order: WorkOrder, command: h.ReportProgress, _facts: Facts) -> list[Event]:
    return [e.ProgressReported(text=command.text)]


def urged(order: WorkOrder, event: e.Urged, stamp: Stamp) -> WorkOrder:
    order = altered(move(order, "urge", order.status), counts=order.counted("urges"))
    return order if event.throttled else altered(order, urged_at=stamp.at)


def progress_reported(order: WorkOrder, _event: e.ProgressReported, _stamp: Stamp) -> WorkOrder:
    """A person's words to the complainant: a response, too."""
    return move(order, "report_progress", Status.IN_PROGRESS).flagged(RESPONDED)


DECIDERS: Deciders = {h.Urge: urge, h.ReportProgress: report_progress}
EVOLVERS: Evolvers = {e.Urged: urged, e.ProgressReported: progress_reported}
