"""How a service says what it consumes: on this event, this command to that aggregate. Declarations only."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared.kernel.aggregate import AggregateType, Command, Decision, Facts
from shared.kernel.refusal import Refusal
from shared.messaging.records import Delivery, OutRecord

if TYPE_CHECKING:
    from shared.runtime.context import Context

Target = tuple[str, Command]
"""The aggregate that a record touches, and the command to it. Both are functions of the record alone."""


class InvalidData(Exception):
    """The body does not fit its type. `pointer` is a JSON pointer into the data."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(f"{pointer}: {detail}")
        self.pointer, self.detail = pointer, detail


@dataclass(frozen=True, slots=True)
class On:
    """One handled type: `decode` turns data into the typed change (raises InvalidData), `to` says who gets what.

    `to` returns None where this record asks nothing of anybody (a follow binding still advances past it); a trigger
    may return a list, one target per aggregate that the record touches.
    `directly` makes the same as `decode` of the bytes, without plain data on the way: `Delivery.data` is then empty.
    It is for records of our own whose class has no free-form part; `decode` gets to see whatever it refuses.
    """

    decode: Callable[[Mapping[str, Any]], Any]
    to: Callable[[Delivery], Target | list[Target] | None]
    directly: Callable[[bytes], Any] | None = None


@dataclass(frozen=True, slots=True)
class Follow:
    """Every record of one producing aggregate feeds one consuming aggregate, in sequence; a gap parks."""

    topic: str
    aggregate: AggregateType[Any]
    target: Callable[[str], str]  # subject -> id of the consuming aggregate
    on: Mapping[str, On] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.topic}>{self.aggregate.name}"


@dataclass(frozen=True, slots=True)
class Trigger:
    """Records that create or command an aggregate: deduplicated by cause, no gap check.

    `foreign` topics are written by other systems: their sources must be allowed (`may_send`), a refusal is answered
    (`reply`) or dead-lettered, and an unknown subject waits ten minutes. Elsewhere a refusal is only recorded.
    `label` tells two triggers of one topic and aggregate apart; `cause_id` gives the deduplication id where it is
    not the envelope's.
    `enrich` completes the commands of a batch with facts from the service's own collections, one query for all of
    them, right before they are decided; it returns them in the same order.
    Refusals with a code of `wait_for` are not recorded: the record is parked and tried again.
    """

    topic: str
    aggregate: AggregateType[Any]
    on: Mapping[str, On]
    foreign: bool = False
    later: frozenset[str] = frozenset()  # types of the contract that are parked as not_yet_supported
    may_send: Callable[[Delivery, Facts], Refusal | None] | None = None
    reply: Callable[[Delivery, "Replied"], OutRecord] | None = None
    cause_id: Callable[[Delivery], str] | None = None
    enrich: "Callable[[Context, Sequence[Command]], Awaitable[Sequence[Command]]] | None" = None
    wait_for: frozenset[str] = frozenset()
    label: str = ""

    @property
    def name(self) -> str:
        return f"{self.topic}>{self.aggregate.name}{self.label}"


@dataclass(frozen=True, slots=True)
class Replied:
    """What became of a foreign command, enough to build its reply again at any time. `refusal` None: applied."""

    aggregate_id: str
    version: int
    refusal: Refusal | None
    decision: Decision | None


Copy = tuple[str, Mapping[str, Any]]
"""A document's id and the fields to set in it."""


@dataclass(frozen=True, slots=True)
class Replica:
    """Copied facts: no decision, no log; the newest by the producer's sequence (or partition and offset) wins.

    `copy` returns what to set in which documents, or None to skip; a null record removes what `forget` names.
    """

    topic: str
    collection: str
    on: Mapping[str, On | None]
    copy: Callable[[Delivery], Copy | Sequence[Copy] | None]
    forget: Callable[[bytes], str] | None = None
    may_send: Callable[[Delivery, Facts], Refusal | None] | None = None  # where other systems write the topic

    @property
    def name(self) -> str:
        return f"{self.topic}>{self.collection}"


Binding = Follow | Trigger | Replica
