"""Faults planted in a log: decisions changed or added as the log itself would have written them, and taken back."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import bson

from shared.kernel.aggregate import AggregateType, Cause, Decision, Event
from shared.kernel.ports import LogDocument
from shared.persistence.event_log import MongoLog, log_id
from tests.e2e.reconciled import Scene


class PlantedLog:
    """The log of one kind of aggregate."""

    def __init__(self, log: MongoLog[Any], collection: Any) -> None:
        self._log, self.collection = log, collection

    def documents(self, aggregate: str) -> list[LogDocument[Any]]:
        found = self.collection.find({"_id": {"$regex": f"^{aggregate}:"}}).sort("_id", 1)
        return [self._log.restored(raw) for raw in found]

    def events(self, aggregate: str, kind: type[Event] = Event) -> list[Any]:
        decisions = [each for document in self.documents(aggregate) for each in document.decisions]
        return [event for each in decisions for event in each.events if isinstance(event, kind)]

    def change(self, aggregate: str, changed: Callable[[Decision], Decision]) -> None:
        for document in self.documents(aggregate):
            self._write(replace(document, decisions=tuple(map(changed, document.decisions))))

    def change_events(self, aggregate: str, changed: Callable[[Any], Event]) -> None:
        self.change(aggregate, lambda each: replace(each, events=tuple(map(changed, each.events))))

    def append(self, aggregate: str, *events: Event) -> int:
        """One more decision with these events, by nobody; returns the sequence of the first."""
        last = self.documents(aggregate)[-1].decisions[-1]
        sequence = last.sequence + len(last.events)
        added = replace(
            last,
            version=last.version + 1,
            sequence=sequence,
            cause=Cause("nobody", "1"),
            events=events,
            refusal=None,
            mark=None,
        )
        self._write(LogDocument(aggregate, (added,)))
        return sequence + 1

    def _write(self, document: LogDocument[Any]) -> None:
        prepared = self._log.prepare(document)
        assert prepared is not None
        raw = bson.decode(prepared.prepared)
        self.collection.replace_one({"_id": log_id(document.aggregate_id, document.first)}, raw, upsert=True)


@asynccontextmanager
async def planted(scene: Scene, service: str, kind: AggregateType[Any]) -> AsyncIterator[PlantedLog]:
    """The log, put back as it was afterwards."""
    with scene.tampered(service, "log") as collection:
        async with scene.access(scene.now) as access:
            (found,) = (each for each in access.services if each.name == service)
            yield PlantedLog(found.logs[kind.name], collection)
