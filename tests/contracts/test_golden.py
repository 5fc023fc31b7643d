"""Every event reads its golden file for ever, whatever fields later versions add."""

import json
from dataclasses import fields
from typing import Any

import pytest

from shared.events.catalogue import wire_type
from shared.events.topics import TOPICS
from shared.kernel.aggregate import Event
from shared.messaging.asyncapi import VIEWS
from shared.messaging.cloudevents import read_data, read_envelope
from shared.messaging.contract import catalogue, change, topic_of, view
from shared.messaging.records import Envelope, InRecord
from shared.testing.samples import ANY_KEY, INSTANT, sample
from tests.contracts.golden_files import FOLDER, as_json, as_received, golden_record, path_of

KINDS = list(catalogue().values())
each_event = pytest.mark.parametrize("kind", KINDS, ids=wire_type)


def golden(kind: type[Event]) -> dict[str, Any]:
    path = path_of(wire_type(kind))
    assert path.exists(), f"no golden file for {wire_type(kind)}: run `python tests/contracts/golden_files.py`"
    return dict(json.loads(path.read_text()))


def data_of(record: InRecord) -> dict[str, Any]:
    data = read_data(record)
    assert isinstance(data, dict), data
    return data


def holds_all_of(now: Any, then: Any) -> bool:
    """Whether `now` says everything that `then` did."""
    if isinstance(then, dict):
        return isinstance(now, dict) and all(name in now and holds_all_of(now[name], then[name]) for name in then)
    if isinstance(then, list):
        return len(now) == len(then) and all(map(holds_all_of, now, then))
    return bool(now == then)


def with_unknown_fields(value: Any) -> Any:
    """What a later version might send: another field everywhere."""
    if isinstance(value, dict) and ANY_KEY not in value:
        return {**{name: with_unknown_fields(inner) for name, inner in value.items()}, "added_later": 1}
    return [with_unknown_fields(inner) for inner in value] if isinstance(value, list) else value


@each_event
def test_the_golden_record_decodes_and_nothing_in_it_is_lost(kind: type[Event]) -> None:
    wanted = golden(kind)
    event = change(kind)(data_of(as_received(wanted)))
    assert isinstance(event, kind)
    assert holds_all_of(as_json(golden_record(event)), wanted)


@each_event
def test_the_golden_envelope_is_complete(kind: type[Event]) -> None:
    record = as_received(golden(kind))
    envelope = read_envelope(record)
    assert isinstance(envelope, Envelope)
    assert (envelope.type, envelope.sequence) == (wire_type(kind), 5)
    assert record.key == str(envelope.subject).encode()
    assert None not in (envelope.correlation_id, envelope.causation_id, envelope.trace)


@each_event
def test_fields_added_later_do_not_disturb(kind: type[Event]) -> None:
    wanted = golden(kind)
    later = {**wanted, "value": {name: with_unknown_fields(part) for name, part in wanted["value"].items()}}
    decode = change(kind)
    assert decode(data_of(as_received(later))) == decode(data_of(as_received(wanted)))


@each_event
def test_an_event_without_its_optional_fields_comes_back_equal(kind: type[Event]) -> None:
    event = sample(kind, full=False)
    record = golden_record(event)
    received = InRecord(record.topic, 0, 0, record.key, record.value, record.headers, INSTANT)
    assert change(kind)(data_of(received)) == event


@each_event
def test_views_decode_and_every_topic_is_declared(kind: type[Event]) -> None:
    topic = topic_of(kind)
    assert topic in TOPICS
    if topic in VIEWS:
        name, type_of_view = VIEWS[topic]
        assert view(type_of_view, golden(kind)["value"][name], name) == sample(type_of_view, full=True)


@each_event
def test_no_field_is_mistaken_for_the_change_as_a_whole(kind: type[Event]) -> None:
    assert "change" not in {field.name for field in fields(kind)}


def test_no_golden_file_is_without_its_event() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} <= set(catalogue())


def test_a_record_is_the_same_whenever_it_is_made() -> None:
    for kind in KINDS:
        event = sample(kind, full=True)
        assert golden_record(event) == golden_record(event)
