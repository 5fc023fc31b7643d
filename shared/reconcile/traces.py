"""What a service kept of the records that it heard: causes in its log, what waits, what left, what was buried."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.kernel.aggregate import Cause
from shared.messaging.cloudevents import read_envelope
from shared.messaging.records import InRecord, Rejected
from shared.reconcile.histories import History
from shared.reconcile.verdict import Fate

GIVEN_UP = "unknown_subject"
"""The reason of dead letters that had been parked: a copy that came meanwhile was dropped, and they explain it."""


def place_of(topic: str | None, partition: int | None, offset: int | None) -> str:
    return f"{topic}/{partition}/{offset}"


@dataclass(slots=True)
class Traces:
    """Of one service. Causes and their places are kept as hashes: there is one for nearly every record heard.

    `prefix`: of the installation's topics, which dead letters may name with it.
    """

    prefix: str = ""
    causes: dict[int, bool] = field(default_factory=dict)  # (aggregate, source, id) -> refused
    places: set[int] = field(default_factory=set)  # where the causes in the log came from
    marks: dict[tuple[str, str], int] = field(default_factory=dict)  # (binding, aggregate) -> last applied
    parked: set[str] = field(default_factory=set)  # ids, and `place|binding`
    left: set[str] = field(default_factory=set)  # `place|binding`
    buried: dict[str, str] = field(default_factory=dict)  # place -> reason
    given_up: set[tuple[str, str]] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)  # ids of replies
    held: set[str] = field(default_factory=set)  # aggregates with parked records

    def see(self, history: History) -> None:
        for each in history.steps:
            cause = each.decision.cause
            if cause.topic is not None:
                self.causes[hash((history.id, cause.source, cause.id))] = each.decision.refusal is not None
                self.places.add(hash(place_of(cause.topic, cause.partition, cause.offset)))
        for binding, sequence in history.snapshot.marks.items():
            self.marks[binding, history.id] = sequence

    def set_aside(self, parked: Iterable[Mapping[str, Any]], tombstones: Iterable[str]) -> None:
        for raw in parked:
            self.parked |= {raw["_id"], f"{raw['place']}|{raw['binding']}"}
            if raw["aggregate"] is not None:
                self.held.add(raw["aggregate"])
        self.left.update(tombstones)

    def bury(self, letter: InRecord, prefix: str = "") -> str | None:
        """Notes a record of the dead letters; returns the place that it came from, its topic without `prefix`."""
        headers = dict(letter.headers)
        topic, partition, offset, reason = (
            (headers.get(f"dl_{name}") or b"").decode(errors="replace")
            for name in ("topic", "partition", "offset", "reason")
        )
        if not topic:
            return None
        place = f"{topic.removeprefix(prefix)}/{partition}/{offset}"
        self.buried[place] = reason
        if reason == GIVEN_UP:
            envelope = read_envelope(letter)
            if not isinstance(envelope, Rejected):
                self.given_up.add((envelope.source, envelope.id))
        return place

    def answered_by(self, reply: InRecord) -> None:
        envelope = read_envelope(reply)
        if not isinstance(envelope, Rejected):
            self.answered.add(envelope.id)

    def aside(self, binding: str, place: str, cause: tuple[str, str] | None) -> bool:
        """Whether the record, or another copy of it, is or was parked at `binding`."""
        here = f"{place}|{binding}"
        copy = None if cause is None else "|".join((binding, *cause))
        return here in self.parked or here in self.left or copy in self.parked

    def decided(self, aggregate_id: str, cause: Cause) -> Fate | None:
        """What the log says; None if it knows nothing of the cause."""
        refused = self.causes.get(hash((aggregate_id, cause.source, cause.id)))
        if refused is None:
            return None
        if hash(place_of(cause.topic, cause.partition, cause.offset)) not in self.places:
            return Fate.DUPLICATE
        return Fate.REFUSED if refused else Fate.APPLIED
