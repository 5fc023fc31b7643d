"""投诉: what a complaint is, how it is received, and how it follows its work order. Pure."""

from services.intake.domain.decide import decide
from services.intake.domain.evolve import evolve
from services.intake.domain.state import Complaint
from services.intake.domain.transitions import TRANSITIONS
from services.intake.domain.view import index, view
from shared.events.complaints import Received
from shared.kernel import ids
from shared.kernel.aggregate import AggregateType

COMPLAINT: AggregateType[Complaint] = AggregateType(
    name="complaint",
    prefix=ids.COMPLAINT,
    topic="complaints",
    state=Complaint,
    events=(Received, *TRANSITIONS),
    decide=decide,
    evolve=evolve,
    view_name="complaint",
    view=view,
    index=index,
)

__all__ = ["COMPLAINT", "Complaint"]
