"""Between typed events and the data on the wire: how our own records are made, and how data is decoded.

`change`, `model` and `view` are what bindings use; a detail of theirs never quotes a value.
"""

import importlib
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec
from pydantic import BaseModel, ValidationError

import shared.events
from shared.events.catalogue import CATALOGUE, wire_type
from shared.kernel.aggregate import AggregateType, Decision, Event, S
from shared.messaging.bindings import InvalidData
from shared.messaging.body import pointer
from shared.messaging.cloudevents import write
from shared.messaging.records import Envelope, OutRecord

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
BESIDE_CHANGE = ("reason", "policy")
"""Fields of an event that stand beside `change` in the record's data, not in it."""
REPLIES = "workorders.replies"
_SHOWN: dict[type[Event], tuple[str, ...]] = {}
_encode = msgspec.json.Encoder().encode
_PLACE = re.compile(r" - at `\$(.*)`$")
_STEP = re.compile(r"\.([^.\[]+)|\[([^\]]*)\]")


def record_of(
    kind: AggregateType[S], decision: Decision, position: int, state: S, aggregate_id: str, service: str
) -> OutRecord:
    """The record of `decision.events[position]`, byte for byte the same however often it is made.

    `state` is the aggregate's right after that event.
    """
    event, sequence = decision.events[position], decision.sequence + position + 1
    envelope = Envelope(
        id=f"{aggregate_id}:{sequence:010d}",
        source=source_of(service),
        type=wire_type(type(event)),
        subject=aggregate_id,
        time=decision.at,
        sequence=sequence,
        correlation_id=kind.correlation(aggregate_id, state),
        causation_id=decision.cause.id,
        trace=decision.trace,
    )
    data = _data(kind, decision, event, state)
    return write(kind.topic, kind.key(aggregate_id), envelope, _encode(data))


def source_of(service: str) -> str:
    return f"/closedloop/{service}"


def _data(kind: AggregateType[S], decision: Decision, event: Event, state: S) -> object:
    change = {field: getattr(event, field) for field in shown_fields(type(event))}
    if kind.view is None or kind.view_name is None:
        return change
    beside = {field: change.pop(field, None) for field in BESIDE_CHANGE}
    actor = decision.actor
    return {
        kind.view_name: kind.view(state, decision),
        "change": change,
        "actor": {"kind": actor.kind, "id": actor.id, **({"org": actor.org} if actor.org else {})},
        "occurred_at": decision.occurred_at,
        **{field: value for field, value in beside.items() if value is not None},
    }


def shown_fields(kind: type[Event]) -> tuple[str, ...]:
    """The fields of an event that go over the wire."""
    if kind not in _SHOWN:
        _SHOWN[kind] = tuple(field.name for field in fields(kind) if field.name not in kind.LOG_ONLY)
    return _SHOWN[kind]


@dataclass(frozen=True, slots=True)
class EventDecoder(Generic[T]):
    """Decodes data into an event class; documentation reads `kind`."""

    kind: type[T]

    def __call__(self, data: Mapping[str, Any]) -> T:
        change = data.get("change")
        if not isinstance(change, dict):
            return view(self.kind, data)
        beside = {name: data[name] for name in BESIDE_CHANGE if name in data}
        return view(self.kind, {**change, **beside}, "change")


@dataclass(frozen=True, slots=True)
class ModelDecoder(Generic[M]):
    """Decodes data into a pydantic model; documentation reads `kind`."""

    kind: type[M]

    def __call__(self, data: Mapping[str, Any]) -> M:
        try:
            return self.kind.model_validate(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
            # the type, not the message: messages of some types quote what was sent
            raise InvalidData(pointer(*first["loc"]), first["type"] + more) from None


def change(kind: type[T]) -> EventDecoder[T]:
    """Decodes our own records: from `change` with `reason` and `policy` beside it, or from the data itself."""
    return EventDecoder(kind)


def model(kind: type[M]) -> ModelDecoder[M]:
    """Decodes foreign records."""
    return ModelDecoder(kind)


def view(kind: type[T], raw: object, *within: str) -> T:
    """A part of a record's data as `kind`; unknown fields are ignored. Raises InvalidData."""
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        text = str(error)
        place = _PLACE.search(text)
        steps = [name or index for name, index in _STEP.findall(place[1])] if place else []
        # quoted text can only come from the data: msgspec puts types and field names into backticks
        detail = re.sub(r"'.*'", "…", text[: place.start()] if place else text)
        place_of_part = () if steps and steps[0] in BESIDE_CHANGE else within
        raise InvalidData(pointer(*place_of_part, *steps), detail) from None


@cache
def catalogue() -> Mapping[str, type[Event]]:
    """Every event of every module of `shared.events`, by type on the wire."""
    for module in pkgutil.iter_modules(shared.events.__path__):
        importlib.import_module(f"{shared.events.__name__}.{module.name}")
    return dict(sorted(CATALOGUE.items()))


def topic_of(kind: type[Event]) -> str:
    """The short name of the topic that carries `kind`, told by the part of `shared.events` that has it."""
    module = kind.__module__.removeprefix(f"{shared.events.__name__}.").partition(".")[0]
    return REPLIES if module == "replies" else module
