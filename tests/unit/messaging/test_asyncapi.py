"""The AsyncAPI document says what the code does: headers, keys, schemas that real records satisfy."""

import json
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel

from shared.events import catalogue as registered
from shared.events import complaints, sla, workorders
from shared.events.catalogue import wire_type
from shared.kernel.aggregate import AggregateType, Event
from shared.messaging.asyncapi import asyncapi_document, event_schemas
from shared.messaging.bindings import On, Trigger
from shared.messaging.contract import catalogue, change, model
from shared.runtime.context import ServiceDefinition
from shared.runtime.settings import Settings
from shared.testing.samples import sample
from tests.contracts.golden_files import as_json, golden_record


class Submitted(BaseModel):
    external_id: str


ORDERS: AggregateType[Any] = AggregateType(
    name="work_orders",
    prefix="wo_",
    topic="workorders",
    state=dict,
    events=(workorders.Closed, workorders.Accepted),
    decide=lambda *_: (),
    evolve=lambda *_: {},
)
FOREIGN = "closedloop.complaint.submitted.v1"
SERVICE = ServiceDefinition(
    name="workflow",
    settings=Settings,
    aggregates=(ORDERS,),
    bindings=(
        Trigger(
            "complaints", ORDERS, {wire_type(complaints.Received): On(change(complaints.Received), lambda _: None)}
        ),
        Trigger("complaints.inbox", ORDERS, {FOREIGN: On(model(Submitted), lambda _: None)}, foreign=True),
    ),
    routes=lambda _: pytest.fail("not needed"),
)
DOCUMENT = asyncapi_document(SERVICE, "x.")


def resolved(reference: dict[str, str]) -> Any:
    found: Any = DOCUMENT
    for step in reference["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


def test_every_reference_leads_somewhere() -> None:
    def references(part: Any) -> list[dict[str, str]]:
        if isinstance(part, dict):
            own = [part] if "$ref" in part and not part["$ref"].startswith("#/$defs") else []
            return own + [found for inner in part.values() for found in references(inner)]
        return [found for inner in part for found in references(inner)] if isinstance(part, list) else []

    assert references(DOCUMENT)
    for reference in references(DOCUMENT):
        assert resolved(reference)


def test_channels_have_the_installations_addresses_and_operations_their_direction() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT["channels"]["workorders"]["address"] == "x.workorders"
    assert set(DOCUMENT["operations"]) == {
        "receive complaints",
        "receive complaints.inbox",
        "send workorders",
        "send workflow.dead-letters",
    }


def test_messages_tell_headers_content_type_key_and_payload() -> None:
    message = DOCUMENT["components"]["messages"][wire_type(workorders.Closed)]
    assert message["contentType"] == "application/json"
    assert message["bindings"]["kafka"]["key"]
    assert {"ce_id", "ce_sequence", "ce_correlationid"} <= set(message["headers"]["properties"])
    assert set(message["payload"]["properties"]) == {"work_order", "change", "actor", "occurred_at", "reason"}
    assert "external_id" in DOCUMENT["components"]["messages"][FOREIGN]["payload"]["properties"]


def test_it_is_plain_json() -> None:
    assert json.loads(json.dumps(DOCUMENT)).keys() == DOCUMENT.keys()


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("kind", list(catalogue().values()), ids=registered.wire_type)
def test_records_satisfy_the_schema_of_their_type(kind: type[Event], full: bool) -> None:
    payloads, parts = event_schemas([kind], "#/$defs/{name}")
    record = as_json(golden_record(sample(kind, full=full)))
    jsonschema.validate(record["value"], {**payloads[wire_type(kind)], "$defs": parts})


def test_schemas_refuse_what_the_type_refuses() -> None:
    payloads, parts = event_schemas([sla.ClockBreached], "#/$defs/{name}")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"work_order_id": "x"}, {**payloads[wire_type(sla.ClockBreached)], "$defs": parts})
