"""In-memory log and projection that fail like the real ones: partial inserts, collisions, lost and late answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from shared.kernel.aggregate import Cause, Snapshot
from shared.kernel.ports import LogDocument, OutcomeUnknown
from shared.persistence.driver import DriverUnreachable
from shared.persistence.event_log import log_id
from shared.testing.wire import AnswerLost, Quiet, Wire

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def instant(seconds: float) -> datetime:
    """A wire's machine time as a date."""
    return START + timedelta(seconds=seconds)


@dataclass(slots=True)
class LogStore:
    """What a server keeps: documents of each aggregate by their first version, which is the only lock."""

    documents: dict[str, dict[int, LogDocument[Any]]] = field(default_factory=dict)
    unpublished: dict[str, tuple[int, datetime]] = field(default_factory=dict)  # last version, marked at

    def insert(self, document: LogDocument[Any], at: datetime) -> bool:
        of_aggregate = self.documents.setdefault(document.aggregate_id, {})
        if document.first in of_aggregate:
            return False
        of_aggregate[document.first] = document
        if document.unpublished:
            self.unpublished[log_id(document.aggregate_id, document.first)] = (document.last, at)
        return True

    def of(self, aggregate_id: str, after: int = 0) -> list[LogDocument[Any]]:
        """Oldest first."""
        documents = self.documents.get(aggregate_id, {})
        return [documents[first] for first in sorted(documents) if first > after]

    def beyond(self, after: Iterable[tuple[str, int]]) -> dict[str, list[LogDocument[Any]]]:
        found = {aggregate_id: self.of(aggregate_id, version) for aggregate_id, version in after}
        return {aggregate_id: tail for aggregate_id, tail in found.items() if tail}

    def unmark(self, ids: Sequence[str]) -> None:
        for one in ids:
            self.unpublished.pop(one, None)

    def marked(self, prefix: str, before: datetime, limit: int) -> list[tuple[str, int]]:
        return [
            (one, last) for one, (last, at) in self.unpublished.items() if one.startswith(prefix) and at < before
        ][:limit]

    def causes(self, wanted: Sequence[tuple[str, Cause]]) -> dict[tuple[str, str, str], int]:
        return {
            (aggregate_id, cause.source, cause.id): document.first
            for aggregate_id, cause in wanted
            for document in self.of(aggregate_id)
            for decision in document.decisions
            if (decision.cause.source, decision.cause.id) == (cause.source, cause.id)
        }


class MemoryLog:
    """One process's way to a log store, for the aggregates whose ids begin with `prefix`."""

    def __init__(self, store: LogStore | None = None, wire: Wire | None = None, prefix: str = "") -> None:
        self.store, self._wire, self._prefix = store or LogStore(), wire or Quiet(), prefix

    @property
    def documents(self) -> list[LogDocument[Any]]:
        """Everything in the log, in the order of its ids."""
        return [document for one in sorted(self.store.documents) for document in self.store.of(one)]

    def prepare(self, document: LogDocument[Any]) -> LogDocument[Any] | None:
        return document

    async def append(self, documents: Sequence[LogDocument[Any]]) -> set[str]:
        at = instant(self._wire.time())
        ids = [document.aggregate_id for document in documents]
        effects = [partial(self.store.insert, document, at) for document in documents]
        try:
            inserted = await self._wire.call("append", documents, effects)
        except AnswerLost as error:
            raise OutcomeUnknown("append") from error
        return {aggregate_id for aggregate_id, done in zip(ids, inserted, strict=True) if not done}

    async def tail(self, after: Mapping[str, int]) -> dict[str, list[LogDocument[Any]]]:
        return await self._read("tail", after.items()) if after else {}

    async def histories(self, ids: Sequence[str]) -> dict[str, list[LogDocument[Any]]]:
        return await self._read("history", [(one, 0) for one in ids])

    async def _read(self, step: str, after: Iterable[tuple[str, int]]) -> dict[str, list[LogDocument[Any]]]:
        after = list(after)
        try:
            (found,) = await self._wire.call(step, after, [lambda: self.store.beyond(after)])
        except AnswerLost as error:
            raise OutcomeUnknown(step) from error
        return found

    async def older_causes(self, wanted: Sequence[tuple[str, Cause]]) -> dict[tuple[str, str, str], int]:
        try:
            (found,) = await self._wire.call("older causes", wanted, [lambda: self.store.causes(wanted)])
        except AnswerLost as error:
            raise OutcomeUnknown("older causes") from error
        return found

    async def published(self, ids: Sequence[str]) -> None:
        """Raises DriverError."""
        if ids:
            try:
                await self._wire.call("unmark", ids, [lambda: self.store.unmark(ids)])
            except AnswerLost as error:
                raise DriverUnreachable("unmark") from error

    async def unpublished(self, before: datetime, limit: int) -> list[tuple[str, int]]:
        """Raises DriverError."""
        effects = [lambda: self.store.marked(self._prefix, before, limit)]
        try:
            (found,) = await self._wire.call("look for unpublished", self._prefix, effects)
        except AnswerLost as error:
            raise DriverUnreachable("unpublished") from error
        return found


@dataclass(slots=True)
class ProjectionStore:
    """The newest state of each aggregate; an older one never wins."""

    snapshots: dict[str, Snapshot[Any]] = field(default_factory=dict)

    def save(self, snapshot: Snapshot[Any]) -> None:
        known = self.snapshots.get(snapshot.id)
        if known is None or known.version < snapshot.version:
            self.snapshots[snapshot.id] = snapshot

    def load(self, ids: Sequence[str]) -> dict[str, Snapshot[Any]]:
        return {one: self.snapshots[one] for one in ids if one in self.snapshots}


class MemoryProjection:
    """One process's way to a projection."""

    def __init__(self, store: ProjectionStore | None = None, wire: Wire | None = None) -> None:
        self._store, self._wire = store or ProjectionStore(), wire or Quiet()
        self.snapshots = self._store.snapshots

    async def load(self, ids: Sequence[str]) -> dict[str, Snapshot[Any]]:
        try:
            (found,) = await self._wire.call("load", ids, [lambda: self._store.load(ids)])
        except AnswerLost as error:
            raise OutcomeUnknown("load") from error
        return found

    async def save(self, changed: Mapping[str, tuple[int, Snapshot[Any]]]) -> None:
        snapshots = [snapshot for _, snapshot in changed.values() if snapshot.state is not None]
        try:
            await self._wire.call("project", snapshots, [partial(self._store.save, one) for one in snapshots])
        except AnswerLost as error:
            raise OutcomeUnknown("project") from error
