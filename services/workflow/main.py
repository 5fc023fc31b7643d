"""Workflow, read top to bottom."""

from services.workflow import refusals  # noqa: F401 - importing it registers their texts
from services.workflow.api import routes
from services.workflow.bindings import BINDINGS
from services.workflow.domain import DIRECTORY_ENTRIES, WORK_ORDERS
from services.workflow.projection import INDEXES
from services.workflow.reference import load, seed
from services.workflow.settings import Settings
from shared.runtime.context import ServiceDefinition

SERVICE = ServiceDefinition(
    name="workflow",
    settings=Settings,
    aggregates=(WORK_ORDERS, DIRECTORY_ENTRIES),
    bindings=BINDINGS,
    routes=routes,
    reference=load,
    indexes=INDEXES,
    seed=seed,
)
