"""An aggregate's whole log, folded step by step; what does not fold is a violation, never an error."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.kernel.aggregate import AggregateType, Decision, Event, Snapshot
from shared.kernel.history import step
from shared.kernel.ports import LogDocument
from shared.reconcile.verdict import Violation

RawDocument = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One decision, the state after each of its events, and the snapshot after all of them.

    `in_flight`: somebody may still be projecting and publishing it.
    """

    decision: Decision
    states: Sequence[Any]
    snapshot: Snapshot[Any]
    in_flight: bool = False

    @property
    def numbered(self) -> Iterable[tuple[int, Event]]:
        """The events with their sequences."""
        return enumerate(self.decision.events, start=self.decision.sequence + 1)


@dataclass(slots=True)
class History:
    """`steps` end where the log stops making sense; `faults` say why."""

    kind: AggregateType[Any]
    id: str
    steps: list[Step] = field(default_factory=list)
    faults: list[Violation] = field(default_factory=list)

    @property
    def snapshot(self) -> Snapshot[Any]:
        return self.steps[-1].snapshot if self.steps else Snapshot(self.id)

    @property
    def in_flight(self) -> bool:
        return any(each.in_flight for each in self.steps)

    def fault(self, invariant: str, detail: str) -> None:
        self.faults.append(Violation(invariant, self.id, detail))


def history_of(
    kind: AggregateType[Any],
    aggregate_id: str,
    documents: Iterable[RawDocument],
    restore: Callable[[RawDocument], LogDocument[Any]],
    in_flight: Callable[[RawDocument, Decision], bool] = lambda _, __: False,
) -> History:
    """I4: versions and sequences without holes, each event possible after the one before, time never backwards."""
    history = History(kind, aggregate_id)
    for raw in documents:
        try:
            document = restore(raw)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            history.fault("I4", f"log document {raw['_id']} cannot be read: {type(error).__name__}")
            break
        if not _fold_document(history, raw, document, in_flight):
            break
    return history


def _fold_document(
    history: History,
    raw: RawDocument,
    document: LogDocument[Any],
    in_flight: Callable[[RawDocument, Decision], bool],
) -> bool:
    """False: what follows cannot be folded."""
    first = int(str(raw["_id"]).rpartition(":")[2])
    if not document.decisions or (document.first, document.last) != (first, raw["to"]):
        history.fault("I4", f"log document {raw['_id']} does not hold versions {first} to {raw['to']}")
        return False
    for decision in document.decisions:
        before = history.snapshot
        if before.at is not None and decision.at < before.at:
            history.fault("I4", f"version {decision.version} was decided before version {before.version}")
        try:
            after, states = step(history.kind, before, decision, first)
        except Exception as error:  # noqa: BLE001 - whatever evolve raises, the log holds what cannot have happened
            history.fault("I4", f"version {decision.version} cannot follow: {error}")
            return False
        history.steps.append(Step(decision, states, after, in_flight(raw, decision)))
    if document.state is not None and document.state != history.snapshot:
        history.fault("I10", f"the state kept with version {document.last} is not what the log folds to")
    return True
