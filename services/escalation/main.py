"""Composition root of escalation."""

from services.escalation import (
    migration,
    refusals,  # noqa: F401 - importing it registers their texts
    simulation,
)
from services.escalation.api import routes
from services.escalation.bindings import BINDINGS
from services.escalation.coverage_watch import watch_coverage
from services.escalation.domain import CLOCK_SETS
from services.escalation.domain.commands import Fire
from services.escalation.domain.rules import RULES
from services.escalation.projection import INDEXES
from services.escalation.rulebook import load, seed
from services.escalation.settings import Settings
from services.escalation.simulation_stories import take_daily
from shared.runtime.context import ServiceDefinition, Timers

SERVICE = ServiceDefinition(
    name="escalation",
    settings=Settings,
    aggregates=(CLOCK_SETS, *RULES.values()),
    bindings=BINDINGS,
    routes=routes,
    reference=load,
    seed=seed,
    indexes=INDEXES,
    workers=(watch_coverage, take_daily),
    jobs={migration.KIND: migration.migrate, simulation.KIND: simulation.simulate},
    timers=Timers(aggregate=CLOCK_SETS, fire=Fire, topic="workorders"),
)
