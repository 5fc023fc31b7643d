"""What the runner is given and what it answers: items, their results, and the ports of log and projection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol

from shared.kernel.aggregate import Cause, Command, Decision, S, Snapshot
from shared.kernel.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Item:
    """One command to one aggregate. Without a command only the mark of a followed aggregate advances.

    `records_refusals`: a refused record is kept as a decision, so that no late copy of it is accepted after all.
    `late`: decided although its mark was passed; nobody could read it when its turn came.
    """

    aggregate_id: str
    command: Command | None
    cause: Cause
    mark: tuple[str, int] | None = None
    trace: str | None = None
    records_refusals: bool = True
    waits_for: frozenset[str] = frozenset()
    late: bool = False


@dataclass(frozen=True, slots=True)
class Decided(Generic[S]):
    """Appended. `decision.refusal` is set where the refusal itself was recorded.

    `states`: the state after each event, so that rendering the records need not evolve them again.
    """

    decision: Decision
    snapshot: Snapshot[S]
    states: Sequence[S] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """Decided before; the log document that begins with version `first` holds it. None: known by its mark alone."""

    first: int | None


@dataclass(frozen=True, slots=True)
class Declined(Generic[S]):
    """Refused and not recorded."""

    refusal: Refusal
    snapshot: Snapshot[S]


@dataclass(frozen=True, slots=True)
class Held(Generic[S]):
    """Unchanged: what was asked for holds already."""

    snapshot: Snapshot[S]


@dataclass(frozen=True, slots=True)
class Gap:
    """The followed aggregate's sequence `expected` has not come yet."""

    expected: int


@dataclass(frozen=True, slots=True)
class Waits:
    """Cannot be decided yet: the subject is unknown, a fact is missing, or it stands behind a failed record."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """`decide` or `evolve` raised: a bug of ours."""

    error: Exception


Result = Decided[Any] | Known | Declined[Any] | Held[Any] | Gap | Waits | Failed


@dataclass(frozen=True, slots=True)
class LogDocument(Generic[S]):
    """All decisions that one batch made on one aggregate; `state` is kept now and then to shorten folding."""

    aggregate_id: str
    decisions: tuple[Decision, ...]
    state: Snapshot[S] | None = None
    unpublished: bool = False
    prepared: Any = None  # how the log will write it; opaque to the runner

    @property
    def first(self) -> int:
        return self.decisions[0].version

    @property
    def last(self) -> int:
        return self.decisions[-1].version


class OutcomeUnknown(Exception):
    """The append may or may not have happened."""


class Log(Protocol[S]):
    def prepare(self, document: LogDocument[S]) -> LogDocument[S] | None:
        """The document ready to be written; None if it never can be (not encodable, too large)."""
        ...

    async def append(self, documents: Sequence[LogDocument[S]]) -> set[str]:
        """Returns the aggregates whose version was taken. Raises OutcomeUnknown."""
        ...

    async def tail(self, after: Mapping[str, int]) -> dict[str, list[LogDocument[S]]]:
        """Documents beyond the given version, of the aggregates that have any. Raises OutcomeUnknown."""
        ...

    async def older_causes(self, wanted: Sequence[tuple[str, Cause]]) -> dict[tuple[str, str, str], int]:
        """(aggregate, source, id) -> first version, for causes that the snapshots no longer remember."""
        ...


class Projection(Protocol[S]):
    async def load(self, ids: Sequence[str]) -> dict[str, Snapshot[S]]:
        """Raises OutcomeUnknown."""
        ...
