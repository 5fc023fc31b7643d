"""Intake, composed: what it owns, consumes and answers."""

from services.intake import refusals as _refusals  # noqa: F401 - registers the texts
from services.intake.api import routes
from services.intake.bindings import BINDINGS
from services.intake.domain import COMPLAINT
from services.intake.projection import INDEXES
from services.intake.reference import load_reference
from services.intake.settings import Settings
from shared.runtime.context import ServiceDefinition

SERVICE = ServiceDefinition(
    name="intake",
    settings=Settings,
    aggregates=(COMPLAINT,),
    bindings=BINDINGS,
    routes=routes,
    reference=load_reference,
    indexes=INDEXES,
)
