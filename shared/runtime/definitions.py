"""Finds the services by name: nothing in `shared` imports one, and tools that look at all of them ask here."""

import importlib

from shared.events.topics import SERVICES
from shared.runtime.context import ServiceDefinition


def definitions() -> list[ServiceDefinition]:
    """The four services, in the order in which a complaint passes them."""
    return [importlib.import_module(f"services.{name}.main").SERVICE for name in SERVICES]
