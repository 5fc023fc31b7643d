"""Loads the reference data of intake from its own copy of the directory."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, cast

from services.intake.domain.reference import Reference
from services.intake.settings import Settings
from shared.events.directory import DirectoryChanged
from shared.messaging.contract import view
from shared.messaging.records import Delivery
from shared.runtime.context import Context

COLLECTION = "directory"


def source_copied(delivery: Delivery) -> tuple[str, Mapping[str, Any]] | None:
    """Each version by itself: the one before counts until the new one takes effect."""
    entry: DirectoryChanged = delivery.change
    if entry.kind != "source":
        return None
    kept = ("kind", "id", "version", "effective_at", "removed", "types")
    return f"{entry.id}:{entry.version}", {name: getattr(entry, name) for name in kept}


async def load_reference(context: Context) -> Reference:
    settings = cast(Settings, context.settings)  # the composition root made them of this class
    sources: dict[str, list[DirectoryChanged]] = defaultdict(list)
    for raw in await context.database.collection(COLLECTION).find({"kind": "source"}):
        sources[raw["id"]].append(view(DirectoryChanged, raw))
    return Reference(
        open_sources=settings.open_sources,
        default_category=settings.intake.default_category,
        sources=sources,
    )
