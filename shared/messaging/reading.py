"""From a raw record to what each binding makes of it: work to decide, facts to copy, or a reason why not."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from shared.events.catalogue import WireType
from shared.kernel.aggregate import Command, Facts
from shared.messaging.bindings import Binding, Copy, Follow, InvalidData, Replica, Trigger
from shared.messaging.cloudevents import read_data, read_envelope
from shared.messaging.contract import catalogue
from shared.messaging.records import Delivery, Envelope, InRecord, Rejected
from shared.persistence.parking import Parked

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Work:
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


class Reader:
    """Knows a service's bindings and reads records for them, each by itself."""

    def __init__(self, bindings: Iterable[Binding]) -> None:
        self.by_topic: dict[str, list[Binding]] = defaultdict(list)
        for binding in bindings:
            self.by_topic[binding.topic].append(binding)

    def read(self, record: InRecord, facts: Facts, only: str | None = None) -> list[Reading]:
        """What the bindings make of the record, or the one named `only` (a parked record's own)."""
        bindings = self.by_topic[record.topic]
        named = [binding for binding in bindings if binding.name == only]
        readings = _buried_once(self._read(record, facts, named or bindings))
        return _belated(readings) or [Skipped(record)] if only == _CATALOGUE_BINDING else readings

    def _read(self, record: InRecord, facts: Facts, bindings: list[Binding]) -> list[Reading]:
        if record.value is None:
            return self._without_value(record, bindings)
        envelope = read_envelope(record)
        if isinstance(envelope, Rejected):
            return self._unreadable(record, bindings, None, envelope)
        known = self._check_type(record, envelope, bindings)
        if known is not None:
            return known
        return self._read_for_all(record, envelope, bindings, facts) or [Skipped(record)]

    def _read_for_all(
        self, record: InRecord, envelope: Envelope, bindings: list[Binding], facts: Facts
    ) -> list[Reading]:
        wanting = [binding for binding in bindings if envelope.type in binding.on]
        advancing = [b for b in bindings if isinstance(b, Follow) and b not in wanting]
        readings: list[Reading] = [_advance(binding, record, envelope) for binding in advancing]
        if not wanting:
            return readings
        data = read_data(record)
        if isinstance(data, Rejected):
            return [*readings, *self._unreadable(record, wanting, envelope, data)]
        for binding in wanting:
            try:
                readings += self._read_for(binding, record, envelope, data, facts)
            except Exception as error:  # noqa: BLE001 - a bug in a binding must stop its own record only
                readings.append(_failed(binding, record, envelope, error))
        return readings

    def _read_for(
        self, binding: Binding, record: InRecord, envelope: Envelope, data: Mapping[str, Any], facts: Facts
    ) -> list[Reading]:
        entry = binding.on[envelope.type]
        try:
            delivery = Delivery(record, envelope, data, data if entry is None else entry.decode(data))
        except InvalidData as error:
            return self._unreadable(record, [binding], envelope, Rejected("data_invalid", str(error)))
        refusal = None if isinstance(binding, Follow) or not binding.may_send else binding.may_send(delivery, facts)
        if refusal is not None:
            return [Dead(record, refusal.code, refusal.detail)]
        if isinstance(binding, Replica):
            return _copying(binding, delivery)
        return _works(binding, delivery)

    def _check_type(self, record: InRecord, envelope: Envelope, bindings: list[Binding]) -> list[Reading] | None:
        """None when some binding of this topic, or the catalogue, knows the type."""
        if any(envelope.type in binding.on for binding in bindings):
            return None
        cause = (envelope.source, envelope.id)
        if any(isinstance(b, Trigger) and envelope.type in b.later for b in bindings):
            return [Parked(_CATALOGUE_BINDING, record, "not_yet_supported", envelope.type, cause)]
        if envelope.type in catalogue():
            foreign = all(isinstance(b, Trigger) and b.foreign for b in bindings)
            return [Dead(record, "type_not_accepted", envelope.type)] if foreign else None
        parked: Reading = Parked(_CATALOGUE_BINDING, record, "unknown_type", _name(envelope.type), cause)
        passing = [_advance(b, record, envelope) for b in bindings if isinstance(b, Follow)]
        return [parked, *(replace(one, passes=True) if isinstance(one, Work) else one for one in passing)]

    def _without_value(self, record: InRecord, bindings: list[Binding]) -> list[Reading]:
        forgetting = [(b, b.forget) for b in bindings if isinstance(b, Replica) and b.forget is not None]
        if forgetting and record.key is not None:
            gone = {"forgotten": True}
            return [Copying(b, [(forget(record.key), gone)], record.offset, forgets=True) for b, forget in forgetting]
        return self._unreadable(record, bindings, None, Rejected("null_value", "a record without a value"))

    @staticmethod
    def _unreadable(
        record: InRecord, bindings: list[Binding], envelope: Envelope | None, rejected: Rejected
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


def _buried_once(readings: list[Reading]) -> list[Reading]:
    """A record that several bindings cannot read is one dead letter."""
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
