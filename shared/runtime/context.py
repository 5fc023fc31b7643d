"""What routes and workers of a service may use; the composition root makes one per process."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from shared.kernel.aggregate import AggregateType, Cause, Command, Decision, Event, Facts, Snapshot
from shared.kernel.clock import Clock
from shared.kernel.refusal import Refusal
from shared.messaging.bindings import Binding
from shared.persistence.jobs import Job, Slice
from shared.persistence.schema import Index as Index

if TYPE_CHECKING:
    from fastapi import APIRouter

    from shared.persistence.driver import Database
    from shared.runtime.settings import Settings

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Executed:
    """A command that was applied, found to hold already, or (`replayed`) answered before under the same cause.

    `snapshot` is the aggregate right after that decision; of a replay too.
    """

    snapshot: Snapshot[Any]
    events: tuple[Event, ...] = ()
    replayed: bool = False


class Context(Protocol):
    """One running service, seen by its routes and workers."""

    name: str
    settings: "Settings"
    clock: Clock
    database: "Database"

    def facts(self) -> Facts:
        """Now, and the reference data in force."""
        ...

    async def execute(
        self, kind: AggregateType[Any], aggregate_id: str, command: Command, cause: Cause
    ) -> Executed | Refusal:
        """Decides one command; concurrent calls share a batch. Returns once the decision is durable and readable.

        Refusals that it makes itself: `stale_version`, `idempotency_key_reused`, `not_found`.
        Raises Unavailable when log or projection cannot be reached in time.
        """
        ...

    async def get(self, kind: AggregateType[S], aggregate_id: str) -> Snapshot[S] | None:
        """The aggregate as projected; None if there is none."""
        ...

    async def find(
        self, kind: AggregateType[S], where: Mapping[str, Any], sort: Sequence[tuple[str, int]], limit: int
    ) -> list[Snapshot[S]]:
        """Projected aggregates by their index fields (names as `AggregateType.index` gives them)."""
        ...

    async def history(self, kind: AggregateType[Any], aggregate_id: str) -> list[Decision]:
        """Every decision on the aggregate, oldest first, from the log."""
        ...


class Unavailable(Exception):
    """A dependency (Kafka, MongoDB) does not answer; the work is safe to repeat. HTTP: 503 with Retry-After."""


@dataclass(frozen=True, slots=True)
class Timers:
    """Aggregates that wake up by time: their projection has the index fields `next_fire` and `slot`.

    A partition's timers fire in the process that owns it, and only while everything in `topic` is applied.
    """

    aggregate: AggregateType[Any]
    fire: Callable[[], Command]
    topic: str


JobKind = Callable[[Context, Job], AsyncGenerator[Slice, None]]
"""Does a job from its cursor on. A slice may be done again after a crash, so it must be safe to repeat, and it never
holds the loop for more than 5 ms at a time. May raise Unavailable (goes on later) and JobFailed."""


@dataclass(frozen=True, slots=True)
class ServiceDefinition:
    """A service read top to bottom: what it owns, consumes, answers and runs beside.

    `reference` loads the snapshot of reference data that decisions use (called at start and when it changed);
    `seed` fills an empty installation; both are safe to repeat. `jobs`: by the name of their kind.
    """

    name: str
    settings: "type[Settings]"
    aggregates: tuple[AggregateType[Any], ...]
    bindings: tuple[Binding, ...]
    routes: "Callable[[Context], APIRouter]"
    reference: Callable[[Context], Awaitable[Any]] | None = None
    indexes: tuple[Index, ...] = ()
    workers: tuple[Callable[[Context], Awaitable[None]], ...] = field(default=())
    seed: Callable[[Context], Awaitable[None]] | None = None
    timers: Timers | None = None
    jobs: Mapping[str, JobKind] = field(default_factory=dict)
