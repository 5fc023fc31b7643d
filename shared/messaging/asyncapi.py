"""What a service reads and writes, as an AsyncAPI 3 document: channels, messages, headers, keys, schemas."""

from collections.abc import Iterable
from typing import Any

import msgspec
from pydantic import BaseModel

from shared.events.catalogue import wire_type
from shared.events.parts import ComplaintView, WorkOrderView
from shared.events.topics import TOPICS, dead_letters_of
from shared.kernel.aggregate import Event
from shared.messaging.bindings import Binding, Trigger
from shared.messaging.cloudevents import data_schema
from shared.messaging.contract import (
    BESIDE_CHANGE,
    REPLIES,
    EventDecoder,
    ModelDecoder,
    catalogue,
    shown_fields,
    topic_of,
)
from shared.runtime.context import ServiceDefinition

Json = dict[str, Any]
VIEWS: dict[str, tuple[str, type]] = {
    "complaints": ("complaint", ComplaintView),
    "workorders": ("work_order", WorkOrderView),
}
"""By topic: what stands beside every change, and under which name."""
_REF, _MODEL_REF = "#/components/schemas/{name}", "#/components/schemas/{model}"
_TEXT: Json = {"type": "string"}
_TIME: Json = {"type": "string", "format": "date-time"}
_ACTOR: Json = {
    "type": "object",
    "properties": {"kind": _TEXT, "id": _TEXT, "org": _TEXT},
    "required": ["kind", "id"],
}
_REQUIRED_HEADERS: Json = {"ce_specversion": {"const": "1.0"}, "ce_id": _TEXT, "ce_source": _TEXT, "ce_type": _TEXT}
_HEADERS: Json = {
    **_REQUIRED_HEADERS,
    "ce_subject": {**_TEXT, "description": "The aggregate's id."},
    "ce_time": _TIME,
    "ce_sequence": {**_TEXT, "pattern": "^[0-9]{10}$", "description": "Per subject, from 1, without holes."},
    "ce_dataschema": {**_TEXT, "format": "uri"},
    "ce_partitionkey": _TEXT,
    "ce_correlationid": _TEXT,
    "ce_causationid": _TEXT,
    "ce_traceparent": _TEXT,
    "content-type": {"const": "application/json"},
}
_DEAD_LETTER_HEADERS: Json = {
    f"dl_{name}": _TEXT for name in ("reason", "detail", "topic", "partition", "offset", "at", "attempts")
}


def asyncapi_document(definition: ServiceDefinition, prefix: str = "closedloop.") -> Json:
    """The document of one service; the same definition always makes the same document."""
    events = {**_sent_events(definition), **_received_events(definition.bindings)}
    models = _received_models(definition.bindings)
    payloads, schemas = event_schemas(events.values())
    foreign = {kind: _foreign_message(kind, models.get(kind)) for kind in _foreign_types(definition.bindings)}
    for message in foreign.values():  # references point from the document's root, so definitions must lie there
        schemas.update(message["payload"].pop("$defs", {}))
    sending, receiving = _sent(definition), _received(definition)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": f"closedloop {definition.name}", "version": "1.0.0"},
        "defaultContentType": "application/json",
        "channels": {
            topic: _channel(topic, prefix, sending.get(topic, set()) | receiving.get(topic, set()))
            for topic in sorted(sending.keys() | receiving.keys())
        },
        "operations": {
            **{f"receive {topic}": _operation("receive", topic, types) for topic, types in sorted(receiving.items())},
            **{f"send {topic}": _operation("send", topic, types) for topic, types in sorted(sending.items())},
        },
        "components": {
            "messages": {
                **{kind: _message(kind, payload) for kind, payload in sorted(payloads.items())},
                **foreign,
                "dead-letter": {"headers": _object(_DEAD_LETTER_HEADERS, list(_DEAD_LETTER_HEADERS))},
            },
            "schemas": schemas,
        },
    }


def event_schemas(kinds: Iterable[type[Event]], ref: str = _REF) -> tuple[dict[str, Json], dict[str, Json]]:
    """The JSON Schema of the data of each event, by type on the wire; and the schemas that they refer to."""
    ordered = sorted(set(kinds), key=wire_type)
    views = [view for _, view in VIEWS.values()]
    references, components = msgspec.json.schema_components([*ordered, *views], ref_template=ref)
    by_view = dict(zip(views, references[len(ordered) :], strict=True))
    payloads = {}
    for kind, reference in zip(ordered, references, strict=False):
        own = _shown(components.pop(reference["$ref"].rpartition("/")[2]), kind)
        name, view = VIEWS.get(topic_of(kind), ("", None))
        payloads[wire_type(kind)] = own if view is None else _viewed(own, name, by_view[view])
    return payloads, components


def _shown(schema: Json, kind: type[Event]) -> Json:
    names = shown_fields(kind)
    required = [name for name in schema.get("required", ()) if name in names]
    return {**schema, "properties": {name: schema["properties"][name] for name in names}, "required": required}


def _viewed(own: Json, name: str, view: Json) -> Json:
    inside = {field: schema for field, schema in own["properties"].items() if field not in BESIDE_CHANGE}
    beside = {field: own["properties"][field] for field in BESIDE_CHANGE if field in own["properties"]}
    required = own.get("required", [])
    change = _object(inside, [field for field in required if field in inside])
    whole = {name: view, "change": change, "actor": _ACTOR, "occurred_at": _TIME, **beside}
    needed = [name, "change", "actor", "occurred_at", *(field for field in beside if field in required)]
    return {**_object(whole, needed), "description": own.get("description", "")}


def _message(kind: str, payload: Json) -> Json:
    return {
        "name": kind,
        "contentType": "application/json",
        "headers": _object(_HEADERS, list(_REQUIRED_HEADERS)),
        "payload": {"$id": data_schema(kind), **payload},
        "bindings": {"kafka": {"key": _TEXT}},
    }


def _foreign_message(kind: str, model: type[BaseModel] | None) -> Json:
    payload: Json = (
        {"type": "object"} if model is None else model.model_json_schema(by_alias=True, ref_template=_MODEL_REF)
    )
    return {
        "name": kind,
        "contentType": "application/json",
        "headers": _object(_REQUIRED_HEADERS, ["ce_id", "ce_source", "ce_type"]),
        "payload": payload,
    }


def _object(properties: Json, required: list[str]) -> Json:
    return {"type": "object", "properties": properties, "required": required}


def _sent_events(definition: ServiceDefinition) -> dict[str, type[Event]]:
    answers = any(isinstance(binding, Trigger) and binding.reply for binding in definition.bindings)
    replies = [kind for kind in catalogue().values() if answers and topic_of(kind) == REPLIES]
    own = [kind for aggregate in definition.aggregates for kind in aggregate.events]
    return {wire_type(kind): kind for kind in (*own, *replies)}


def _sent(definition: ServiceDefinition) -> dict[str, set[str]]:
    """Types by topic."""
    topics: dict[str, set[str]] = {dead_letters_of(definition.name): {"dead-letter"}}
    for name, kind in _sent_events(definition).items():
        topics.setdefault(topic_of(kind), set()).add(name)
    return topics


def _received(definition: ServiceDefinition) -> dict[str, set[str]]:
    """Types by topic."""
    topics: dict[str, set[str]] = {}
    for binding in definition.bindings:
        topics.setdefault(binding.topic, set()).update(binding.on)
    return topics


def _channel(topic: str, prefix: str, types: set[str]) -> Json:
    declared = TOPICS[topic]
    kept = {"cleanup.policy": ["compact"]} if declared.compacted else {"retention.ms": declared.retention_ms}
    return {
        "address": prefix + topic,
        "messages": {kind: {"$ref": f"#/components/messages/{kind}"} for kind in sorted(types)},
        "bindings": {"kafka": {"topicConfiguration": kept}},
    }


def _operation(action: str, topic: str, types: set[str]) -> Json:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic}"},
        "messages": [{"$ref": f"#/channels/{topic}/messages/{kind}"} for kind in sorted(types)],
    }


def _received_events(bindings: Iterable[Binding]) -> dict[str, type[Event]]:
    decoders = {kind: on.decode for binding in bindings for kind, on in binding.on.items() if on is not None}
    return {kind: decoder.kind for kind, decoder in decoders.items() if isinstance(decoder, EventDecoder)}


def _received_models(bindings: Iterable[Binding]) -> dict[str, type[BaseModel]]:
    decoders = {kind: on.decode for binding in bindings for kind, on in binding.on.items() if on is not None}
    return {kind: decoder.kind for kind, decoder in decoders.items() if isinstance(decoder, ModelDecoder)}


def _foreign_types(bindings: Iterable[Binding]) -> list[str]:
    """Types that are read but are no events of ours."""
    own = _received_events(bindings)
    return sorted({kind for binding in bindings for kind in binding.on} - own.keys())
