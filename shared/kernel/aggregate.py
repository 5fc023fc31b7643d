"""What an author writes: state, commands, events, `decide` and `evolve`; and the records made of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from shared.kernel.refusal import Refusal, Unchanged

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `kind`: agent (a person of ours), system, complainant, regulator; `org` the organisation.

    `roles`, `teams` and `regions` are what the caller may do; they are facts of the request and are not recorded.
    """

    kind: str
    id: str
    org: str | None = None
    roles: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()


SYSTEM = Actor(
    kind="system", id="system", roles=frozenset({"system"}), teams=frozenset({"*"}), regions=frozenset({"*"})
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact of one aggregate, in the past tense; its fields are the `change` that consumers see.

    Fields named in `LOG_ONLY` stay in the log: the state needs them, and no topic ever shows them.
    """

    TYPE: ClassVar[str]
    VERSION: ClassVar[int] = 1
    LOG_ONLY: ClassVar[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What somebody wants of one aggregate.

    `occurred_at` is when it happened by the caller's claim (default: when it is decided);
    `expected_version` makes the command conditional on the version that the caller saw.
    """

    actor: Actor = SYSTEM
    occurred_at: datetime | None = None
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision may know beside state and command: the time, and a snapshot of reference data."""

    now: datetime
    reference: Any = None


@dataclass(frozen=True, slots=True)
class Stamp:
    """When and by whom the event being evolved was decided; `occurred_at` is never None here."""

    at: datetime
    occurred_at: datetime
    actor: Actor


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a decision was made: (source, id) never repeats.

    The place in Kafka names the one redelivery that owns publication.
    """

    source: str
    id: str
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    digest: str | None = None  # of the request's body, where a key may be reused by mistake


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision as the log keeps it.

    `version` counts decisions from 1; `sequence` is the number of events before this decision's own.
    """

    version: int
    sequence: int
    at: datetime
    occurred_at: datetime
    actor: Actor
    cause: Cause
    events: tuple[Event, ...] = ()
    refusal: Refusal | None = None
    mark: tuple[str, int] | None = None  # followed aggregate's binding and the sequence applied
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[S]):
    """An aggregate as of one version: the author's state and what the runtime keeps beside it.

    `causes` holds (hash of cause, first version of its log document) of the newest decisions.
    """

    id: str
    state: S | None = None
    version: int = 0
    sequence: int = 0
    at: datetime | None = None
    causes: tuple[tuple[int, int], ...] = ()
    marks: Mapping[str, int] = field(default_factory=dict)


Outcome = Sequence[Event] | Refusal | Unchanged


@dataclass(frozen=True, slots=True)
class AggregateType(Generic[S]):
    """Everything the runtime needs to run one kind of aggregate.

    `view` is what every published record shows of the aggregate, under the name `view_name`, made from the state
    right after the event and from the decision; it may depend on nothing else, since a republication makes it again
    from the log. Without a view a record's data is the event itself. `index` gives the projection's query fields.
    `key` is the record key on the out topic, `correlation` the complaint that a record is about (default of both: the
    aggregate's id). `schema` rises with every change of
    `state` that older code could not read.
    """

    name: str
    prefix: str
    topic: str
    state: type[S]
    events: tuple[type[Event], ...]
    decide: Callable[[S | None, Any, Facts], Outcome]
    evolve: Callable[[S | None, Any, Stamp], S]
    view_name: str | None = None
    view: Callable[[S, Decision], object] | None = None
    index: Callable[[Snapshot[S]], Mapping[str, Any]] = lambda _: {}
    key: Callable[[str], str] = lambda aggregate_id: aggregate_id
    correlation: Callable[[str, S], str] = lambda aggregate_id, _state: aggregate_id
    schema: int = 1
