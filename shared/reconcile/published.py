"""I2: a decision's events stand on the topic as the decision renders them, and every event there has its decision."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from shared.events.topics import TOPICS
from shared.kernel.aggregate import AggregateType
from shared.messaging.body import pointer
from shared.messaging.contract import record_of
from shared.messaging.records import InRecord, OutRecord
from shared.reconcile.histories import History, Step
from shared.reconcile.verdict import Violation

Rendered = dict[str, OutRecord]
"""By event id."""


def rendered(history: History, each: Step, service: str) -> Rendered:
    """The records of one decision, by event id."""
    return {
        f"{history.id}:{number:010d}": record_of(
            history.kind, each.decision, position, each.states[position], history.id, service
        )
        for position, (number, _) in enumerate(each.numbered)
    }


@dataclass(slots=True)
class Published:
    """Compares both ways with one digest for each event, so that neither side is kept whole."""

    expected: dict[str, int] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    differing: dict[str, InRecord] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)

    def decided(self, history: History, service: str) -> None:
        newest = None
        for each in history.steps:
            for event_id, record in rendered(history, each, service).items():
                self.expected[event_id] = hash((record.key, _type_of(record), record.value))
                newest = event_id
                if not each.in_flight:
                    self.missing.add(event_id)
        if newest is not None and TOPICS[history.kind.topic].compacted:
            self.missing -= {event_id for event_id in self._of(history) if event_id != newest}

    def _of(self, history: History) -> Iterable[str]:
        return (f"{history.id}:{number:010d}" for number in range(1, history.snapshot.sequence + 1))

    def found(self, record: InRecord, proven: bool) -> None:
        """A record of an out topic. `proven`: the logs were read after it was published."""
        headers = dict(record.headers)  # we write binary mode only
        event_id = (headers.get("ce_id") or b"").decode(errors="replace")
        place = f"{record.topic}/{record.partition}/{record.offset}"
        digest = self.expected.get(event_id)
        if digest is None:
            if proven:
                self.violations.append(Violation("I2", event_id or place, f"{place} has no decision"))
            return
        self.missing.discard(event_id)
        if digest != hash((record.key, headers.get("ce_type"), record.value)):
            self.differing[event_id] = record

    def compare(self, records: Rendered) -> None:
        """Looks closely at events whose digests differ, now that they were rendered again."""
        for event_id, record in self.differing.items():
            where = difference(record, records[event_id]) if event_id in records else None
            if where is not None:
                self.violations.append(Violation("I2", event_id, f"{where} differs from what was decided"))

    def finish(self, kinds: Mapping[str, AggregateType[Any]], shortened: Callable[[str, str], bool]) -> None:
        """`kinds` by prefix; `shortened`: whether the oldest records of a topic's key may have expired."""
        for event_id in sorted(self.missing):
            aggregate_id, _, number = event_id.rpartition(":")
            kind = kinds[aggregate_id.partition("_")[0] + "_"]
            expired = shortened(kind.topic, kind.key(aggregate_id)) and self._was_first(aggregate_id, int(number))
            if not expired:
                self.violations.append(Violation("I2", event_id, f"is not on {kind.topic}"))

    def _was_first(self, aggregate_id: str, number: int) -> bool:
        """Whether nothing older of the aggregate is on the topic either: records expire from the oldest on."""
        older = (f"{aggregate_id}:{lower:010d}" for lower in range(1, number))
        return all(event_id in self.missing for event_id in older)


def _type_of(record: InRecord | OutRecord) -> bytes | None:
    return dict(record.headers).get("ce_type")


def difference(found: InRecord, decided: OutRecord) -> str | None:
    """Where a published record says something else than its decision; None if it only lacks newer fields."""
    if found.key != decided.key:
        return "its key"
    if _type_of(found) != _type_of(decided):
        return "its type"
    try:
        published = msgspec.json.decode(found.value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "its data"
    steps = _differing(published, msgspec.json.decode(decided.value or b"{}"))
    return None if steps is None else pointer(*steps)


def _differing(published: Any, decided: Any) -> tuple[str | int, ...] | None:
    if isinstance(published, dict) and isinstance(decided, dict):
        for name, value in published.items():
            steps = _differing(value, decided[name]) if name in decided else ()
            if steps is not None:
                return (name, *steps)
        return None
    if isinstance(published, list) and isinstance(decided, list) and len(published) == len(decided):
        for place, (one, other) in enumerate(zip(published, decided, strict=True)):
            steps = _differing(one, other)
            if steps is not None:
                return (place, *steps)
        return None
    return None if published == decided and type(published) is type(decided) else ()
