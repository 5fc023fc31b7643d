"""From a raw record to what each binding makes of it: work to decide, facts to copy, or a reason why not."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace

from shared.events.catalogue import WireType
from shared.kernel.aggregate import Command, Facts
from shared.messaging.bindings import Binding, Copy, Follow, InvalidData, Replica, Trigger
from shared.messaging.cloudevents import read_data, read_directly, read_envelope, type_in_headers
from shared.messaging.contract import catalogue
from shared.messaging.records import Delivery, Envelope, InRecord, Rejected
from shared.persistence.parking import Parked

log = structlog.get_logger()


class Work(msgspec.Struct, frozen=True):
    """A record that a binding understood. `command` None: a followed record that only moves the watermark."""

    binding: Follow | Trigger
    delivery: Delivery
    aggregate_id: str
    command: Command | None
    passes: bool = False  # over a type that nobody knows yet; its own decision may follow one day
    late: bool = False  # that day: the watermark may have moved past it

    @property
    def cause_id(self) -> str:
        if self.passes:
            return f"{self.delivery.envelope.id}:passed"
        if isinstance(self.binding, Trigger) and self.binding.cause_id is not None:
            return self.binding.cause_id(self.delivery)
        return self.delivery.envelope.id


@dataclass(frozen=True, slots=True)
class Copying:
    """Facts for a replica, newer than those with a lower `order`; `forgets`: in place of all that was there."""

    binding: Replica
    copies: Sequence[Copy]
    order: int
    forgets: bool = False


@dataclass(frozen=True, slots=True)
class Dead:
    """A record that no later state can make readable."""

    record: InRecord
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """Of no interest to any binding of this topic."""

    record: InRecord


Reading = Work | Copying | Dead | Parked | Skipped
_NO_DATA: Mapping[str, Any] = {}


class Listeners:
    """The bindings of one topic, and what each type is to them."""

    def __init__(self, bindings: Sequence[Binding]) -> None:
        self.bindings = bindings
        self.followers = [binding for binding in bindings if isinstance(binding, Follow)]
        self.wanting = {kind: [b for b in bindings if kind in b.on] for binding in bindings for kind in binding.on}
        self.later = {kind for b in bindings if isinstance(b, Trigger) for kind in b.later} - self.wanting.keys()
        self.foreign = all(isinstance(binding, Trigger) and binding.foreign for binding in bindings)
        self._of_no_interest = self._passed_over()

    def pass_over(self, record: InRecord) -> bool:
        """Whether the type says already that nobody here wants the record; it is then not looked at any further."""
        of_no_interest = self._of_no_interest
        return bool(of_no_interest) and record.value is not None and type_in_headers(record) in of_no_interest

    def _passed_over(self) -> frozenset[bytes]:
        """Followers have to see every record, and whoever sends to a foreign topic has to hear of a wrong type."""
        if self.followers or self.foreign:
            return frozenset()
        return frozenset(kind.encode() for kind in catalogue().keys() - self.wanting.keys() - self.later)


class Reader:
    """Knows a service's bindings and reads records for them, each by itself."""

    def __init__(self, bindings: Iterable[Binding]) -> None:
        by_topic: dict[str, list[Binding]] = defaultdict(list)
        for binding in bindings:
            by_topic[binding.topic].append(binding)
        self.by_topic = {topic: Listeners(together) for topic, together in by_topic.items()}

    def read(self, record: InRecord, facts: Facts, only: str | None = None) -> list[Reading]:
        """What the bindings make of the record, or the one named `only` (a parked record's own)."""
        listeners = self.by_topic.get(record.topic) or Listeners([])
        if only is None:
            return [Skipped(record)] if listeners.pass_over(record) else self._read(record, facts, listeners)
        named = [binding for binding in listeners.bindings if binding.name == only]
        readings = self._read(record, facts, Listeners(named) if named else listeners)
        return _belated(readings) or [Skipped(record)] if only == _CATALOGUE_BINDING else readings

    def _read(self, record: InRecord, facts: Facts, to: Listeners) -> list[Reading]:
        if record.value is None:
            return self._without_value(record, to.bindings)
        envelope = read_envelope(record)
        if isinstance(envelope, Rejected):
            return self._unreadable(record, to.bindings, None, envelope)
        if envelope.type in to.wanting:
            return _buried_once(self._read_for_all(record, envelope, to, facts)) or [Skipped(record)]
        return self._of_nobody(record, envelope, to) or [Skipped(record)]

    def _read_for_all(self, record: InRecord, envelope: Envelope, to: Listeners, facts: Facts) -> list[Reading]:
        kind, wanting = envelope.type, to.wanting[envelope.type]
        readings = [_advance(follower, record, envelope) for follower in to.followers if kind not in follower.on]
        direct = [_directly(binding, record, envelope) for binding in wanting]
        data = _NO_DATA if all(direct) else read_data(record)
        if isinstance(data, Rejected):
            return [*readings, *self._unreadable(record, wanting, envelope, data)]
        for binding, delivery in zip(wanting, direct, strict=True):
            try:
                found = delivery or _decoded(binding, record, envelope, data)
                if isinstance(found, Rejected):
                    readings += self._unreadable(record, [binding], envelope, found)
                else:
                    readings += _made_of(binding, found, facts)
            except Exception as error:  # noqa: BLE001 - a bug in a binding must stop its own record only
                readings.append(_failed(binding, record, envelope, error))
        return readings

    @staticmethod
    def _of_nobody(record: InRecord, envelope: Envelope, to: Listeners) -> list[Reading]:
        """A type that no binding of the topic wants: not supported yet, known, or unknown to this version."""
        cause = (envelope.source, envelope.id)
        if envelope.type in to.later:
            return [Parked(_CATALOGUE_BINDING, record, "not_yet_supported", envelope.type, cause)]
        known = envelope.type in catalogue()
        if known and to.foreign:
            return [Dead(record, "type_not_accepted", envelope.type)]
        passing = [_advance(follower, record, envelope) for follower in to.followers]
        if known:
            return passing
        parked: Reading = Parked(_CATALOGUE_BINDING, record, "unknown_type", _name(envelope.type), cause)
        return [parked, *(replace(one, passes=True) if isinstance(one, Work) else one for one in passing)]

    def _without_value(self, record: InRecord, bindings: Sequence[Binding]) -> list[Reading]:
        forgetting = [(b, b.forget) for b in bindings if isinstance(b, Replica) and b.forget is not None]
        if forgetting and record.key is not None:
            gone = {"forgotten": True}
            return [Copying(b, [(forget(record.key), gone)], record.offset, forgets=True) for b, forget in forgetting]
        return self._unreadable(record, bindings, None, Rejected("null_value", "a record without a value"))

    @staticmethod
    def _unreadable(
        record: InRecord, bindings: Sequence[Binding], envelope: Envelope | None, rejected: Rejected
    ) -> list[Reading]:
        """Dead-lettered once; but a followed sequence has to wait for a person, or it would have a hole for ever."""
        cause = None if envelope is None else (envelope.source, envelope.id)
        followed: list[Reading] = [
            Parked(b.name, record, "invalid", f"{rejected.reason}: {rejected.detail}", cause)
            for b in bindings
            if isinstance(b, Follow)
        ]
        return followed or [Dead(record, rejected.reason, rejected.detail)]


_CATALOGUE_BINDING = "catalogue"


def _directly(binding: Binding, record: InRecord, envelope: Envelope) -> Delivery | None:
    """None: there is no such way for this binding, or the long one has to say what is wrong."""
    entry = binding.on[envelope.type]
    if entry is None or entry.directly is None:
        return None
    change = read_directly(record, entry.directly)
    return None if change is None else Delivery(record, envelope, _NO_DATA, change)


def _decoded(binding: Binding, record: InRecord, envelope: Envelope, data: Mapping[str, Any]) -> Delivery | Rejected:
    entry = binding.on[envelope.type]
    try:
        return Delivery(record, envelope, data, data if entry is None else entry.decode(data))
    except InvalidData as error:
        return Rejected("data_invalid", str(error))


def _made_of(binding: Binding, delivery: Delivery, facts: Facts) -> list[Reading]:
    refusal = None if isinstance(binding, Follow) or not binding.may_send else binding.may_send(delivery, facts)
    if refusal is not None:
        return [Dead(delivery.record, refusal.code, refusal.detail)]
    if isinstance(binding, Replica):
        return _copying(binding, delivery)
    return _works(binding, delivery)


def _buried_once(readings: list[Reading]) -> list[Reading]:
    """A record that several bindings cannot read is one dead letter."""
    if len(readings) < 2:
        return readings
    first = next((reading for reading in readings if isinstance(reading, Dead)), None)
    return [reading for reading in readings if not isinstance(reading, Dead) or reading is first]


def _name(text: str) -> str:
    """The type, if it is one of ours by form; a foreign text may hold anything and is not repeated."""
    return text if WireType.parse(text) else "no type of ours"


def _advance(binding: Follow, record: InRecord, envelope: Envelope) -> Reading:
    if envelope.subject is None or envelope.sequence is None:
        return Parked(
            binding.name, record, "invalid", "subject or sequence is missing", (envelope.source, envelope.id)
        )
    delivery = Delivery(record, envelope, _NO_DATA, None)
    return Work(binding, delivery, binding.target(envelope.subject), None)


def _belated(readings: list[Reading]) -> list[Reading]:
    """Of a record that waited for its type to become known; its followers advanced past it at the time."""
    return [
        replace(reading, late=True) if isinstance(reading, Work) else reading
        for reading in readings
        if not isinstance(reading, Work) or reading.command is not None
    ]


def _failed(binding: Binding, record: InRecord, envelope: Envelope, error: Exception) -> Parked:
    log.error("binding_failed", binding=binding.name, type=_name(envelope.type), exc_info=error)
    return Parked(
        binding.name,
        record,
        "failed",
        type(error).__name__,
        (envelope.source, envelope.id),
        producer=envelope.subject,
        sequence=envelope.sequence,
    )


def _copying(binding: Replica, delivery: Delivery) -> list[Reading]:
    asked = binding.copy(delivery)
    if asked is None:
        return []
    sequence = delivery.envelope.sequence
    order = delivery.record.offset if sequence is None else sequence
    return [Copying(binding, [asked] if isinstance(asked, tuple) else asked, order)]


def _works(binding: Follow | Trigger, delivery: Delivery) -> list[Reading]:
    asked = binding.on[delivery.envelope.type].to(delivery)
    if asked is None:
        return [_advance(binding, delivery.record, delivery.envelope)] if isinstance(binding, Follow) else []
    targets = [asked] if isinstance(asked, tuple) else asked
    if isinstance(binding, Follow) and delivery.envelope.sequence is None:
        return [_advance(binding, delivery.record, delivery.envelope)]
    return [Work(binding, delivery, aggregate_id, command) for aggregate_id, command in targets]
