"""Composition root of the notifier."""

from services.notifier import refusals  # noqa: F401 - importing it registers their texts
from services.notifier.api import routes
from services.notifier.bindings import BINDINGS
from services.notifier.courier import deliver
from services.notifier.domain import NOTICE
from services.notifier.projection import INDEXES
from services.notifier.reference import load
from services.notifier.settings import Settings
from shared.runtime.context import ServiceDefinition

SERVICE = ServiceDefinition(
    name="notifier",
    settings=Settings,
    aggregates=(NOTICE,),
    bindings=BINDINGS,
    routes=routes,
    reference=load,
    indexes=INDEXES,
    workers=(deliver,),
)
