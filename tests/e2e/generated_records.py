"""Records made by Hypothesis: from the published schemas of the inboxes, and what becomes of such by accident."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.intake.main import SERVICE as INTAKE
from services.workflow.main import SERVICE as WORKFLOW
from shared.events.topics import TOPICS
from shared.messaging.asyncapi import asyncapi_document
from tests.integration.mechanism.servers import Sending

INBOXES = {"complaints.inbox": INTAKE, "customers.inbox": INTAKE, "workorders.inbox": WORKFLOW}
SOURCES = ("crm", "bench", "nobody", "/closedloop/intake", "")
MOST_ITEMS, LONGEST_TEXT = 3, 40
HEADER_BYTES = st.one_of(st.none(), st.binary(max_size=20), st.just(b""), st.just(b"x" * 700))

JUNK = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=True, allow_infinity=True),
        st.text(max_size=LONGEST_TEXT),
        st.sampled_from(["\0", "\ud800", "$$ROOT", "$100", "a" * 25_000, "2026-02-30T09:00:00Z", "-1", "wo_1"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=MOST_ITEMS),
        st.dictionaries(st.sampled_from(["", "$set", "a.b", "__proto__", "id"]), inner, max_size=MOST_ITEMS),
    ),
    max_leaves=6,
)
"""Any value that a JSON text can spell, and some that it should not."""


def generated(topic: str, count: int, *, repeatable: bool) -> list[Sending]:
    """`count` records for one inbox; the same in every run if `repeatable`."""
    found: list[Sending] = []

    @settings(
        max_examples=count,
        derandomize=repeatable,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(records(topic))
    def collect(one: Sending) -> None:
        found.append(one)

    collect()
    return found


def records(topic: str) -> st.SearchStrategy[Sending]:
    """What a source that means well, one that errs, and one that is broken would send."""
    document = asyncapi_document(INBOXES[topic])
    schemas = document["components"]["schemas"]
    messages = document["components"]["messages"]
    kinds = document["operations"][f"receive {topic}"]["messages"]
    names = [reference["$ref"].rpartition("/")[2] for reference in kinds]
    return st.one_of(*(_record(topic, name, fitting(messages[name].get("payload", {}), schemas)) for name in names))


@st.composite
def _record(draw: st.DrawFn, topic: str, kind: str, content: st.SearchStrategy[Any]) -> Sending:
    said = draw(content)
    if draw(st.booleans()):
        said = draw(_changed(said))
    value: bytes | None = json.dumps(said).encode()
    if draw(st.integers(0, 9)) == 0:
        value = draw(_damaged(value or b""))
    plain = {"ce_specversion": "1.0", "ce_id": draw(st.text("ab", min_size=1, max_size=6)), "ce_type": kind}
    plain["ce_source"] = draw(st.sampled_from(SOURCES[:2] * 4 + SOURCES))
    headers: dict[str, bytes | None] = {name: text.encode() for name, text in plain.items()}
    if draw(st.integers(0, 4)) == 0:
        names = st.sampled_from([*headers, "ce_time", "content-type", "traceparent"])
        headers |= draw(st.dictionaries(names, HEADER_BYTES, max_size=2))
    key = draw(st.one_of(st.none(), st.binary(max_size=8), st.sampled_from([b"c-1", b"n-0"])))
    if key is None and (value is None or TOPICS[topic].compacted):
        key = b""  # without it no client could send it, or the broker would not take it
    return key, value, list(headers.items())


@st.composite
def _changed(draw: st.DrawFn, said: Any) -> Any:
    """One place of it holds something else, has gone, or holds more."""
    if not isinstance(said, dict) or not said or draw(st.integers(0, 9)) == 0:
        return draw(JUNK)
    name = draw(st.sampled_from(sorted(said)))
    match draw(st.sampled_from(("gone", "junk", "deeper", "more"))):
        case "gone":
            return {other: value for other, value in said.items() if other != name}
        case "deeper" if isinstance(said[name], dict):
            return {**said, name: draw(_changed(said[name]))}
        case "more":
            return {**said, draw(st.text(max_size=10)): draw(JUNK)}
    return {**said, name: draw(JUNK)}


@st.composite
def _damaged(draw: st.DrawFn, value: bytes) -> bytes | None:
    """As a broken client or line would leave it."""
    place = draw(st.integers(0, max(0, len(value) - 1)))
    return draw(
        st.sampled_from(
            [None, b"", value[:place], value[:place] + b"\xff" + value[place + 1 :], b"[" * 500 + value, value * 2]
        )
    )


def fitting(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values that fit a schema, as far as its words go that our documents use."""
    match schema:
        case {"$ref": str(reference)}:
            name = reference.rpartition("/")[2]
            return st.deferred(lambda: fitting(schemas[name], schemas))
        case {"const": value}:
            return st.just(value)
        case {"enum": list(values)}:
            return st.sampled_from(values)
        case {"anyOf": list(choices)}:
            return st.one_of(*(fitting(choice, schemas) for choice in choices))
        case {"type": "object"}:
            return _objects(schema, schemas)
        case {"type": "array"}:
            inner, least = fitting(schema.get("items", {}), schemas), schema.get("minItems", 0)
            return st.lists(inner, min_size=least, max_size=max(least, MOST_ITEMS))
    return _scalars(schema)


def _scalars(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    match schema.get("type"):
        case "string":
            return _texts(schema)
        case "integer":
            return st.integers(int(schema.get("minimum", -(2**40))), int(schema.get("maximum", 2**40)))
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
    return JUNK


def _objects(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    fields = {name: fitting(each, schemas) for name, each in schema.get("properties", {}).items()}
    if not fields:
        return st.dictionaries(st.text(max_size=5), JUNK, max_size=2)
    required = {name: fields[name] for name in schema.get("required", ())}
    return st.fixed_dictionaries(required, optional={n: each for n, each in fields.items() if n not in required})


def _texts(schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
    if schema.get("format") == "date-time":
        years = st.datetimes(datetime(2020, 1, 1), datetime(2026, 10, 1), timezones=st.just(UTC))
        return years.map(datetime.isoformat)
    most = min(schema.get("maxLength", LONGEST_TEXT), LONGEST_TEXT)
    if "pattern" in schema:
        return st.from_regex(schema["pattern"], fullmatch=True).filter(lambda text: len(text) <= most)
    return st.text(min_size=schema.get("minLength", 0), max_size=most)
