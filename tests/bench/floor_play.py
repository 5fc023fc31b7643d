"""A recorded complaint as functions: what each record led to, for any other complaint.

It is what a person would have written by hand in place of the domain: literals with the ids put in.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bson

HEX = "<hex>"  # in a template: what tells one complaint from another in every id
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Out:
    """A record to publish; `numbered` ones carry the aggregate's next sequence."""

    topic: str
    key: Callable[[str], str]
    headers: Sequence[tuple[str, Callable[[str], str]]]
    data: Callable[[str], Document]
    numbered: bool


@dataclass(frozen=True, slots=True)
class Effect:
    """What one record does to one aggregate."""

    collection: str
    aggregate: Callable[[str], str]
    entry: Callable[[str], Document]
    state: Callable[[str], Document]
    records: Sequence[Out]
    events: int
    lookup: str | None  # a collection with a fact that the decision needs
    looked_up: Callable[[str], str]


@dataclass(slots=True)
class Program:
    """The script of one service, as functions of what tells complaints apart. Keys are `topic type detail`."""

    topics: Sequence[str]
    effects: Mapping[str, Sequence[Effect]]
    copies: Mapping[str, tuple[str, Mapping[str, Callable[[str], Document]]]]

    @classmethod
    def read(cls, path: str, service: str) -> "Program":
        raw = bson.decode(Path(path).read_bytes())[service]
        effects = {key: [_effect(one) for one in several] for key, several in raw["effects"].items()}
        copies = {
            key: (one["collection"], {name: written(document) for name, document in one["documents"].items()})
            for key, one in raw["copies"].items()
        }
        return cls(raw["topics"], effects, copies)


def _effect(raw: Document) -> Effect:
    return Effect(
        raw["collection"],
        written(raw["aggregate"]),
        written(raw["entry"]),
        written(raw["state"]),
        [
            Out(
                one["topic"],
                written(one["key"]),
                [(name, written(value)) for name, value in one["headers"]],
                written(one["data"]),
                one["numbered"],
            )
            for one in raw["records"]
        ],
        sum(one["numbered"] for one in raw["records"]),
        raw["lookup"],
        written(raw["looked_up"]),
    )


def written(template: Any) -> Callable[[str], Any]:
    """The function that a person would have written to make `template` for another complaint."""
    constants: list[Any] = []

    def source(value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{source(name)}: {source(inner)}" for name, inner in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(source, value)) + "]"
        if isinstance(value, str):
            return "(" + " + h + ".join(map(repr, value.split(HEX))) + ")"
        constants.append(value)
        return f"k[{len(constants) - 1}]"

    made: Callable[[str], Any] = eval(f"lambda h: {source(template)}", {"k": constants})
    return made


def key_of(topic: str, kind: str, data: Mapping[str, Any]) -> str:
    """Which line of the script a record is."""
    if topic == "workorders.inbox":
        return f"{topic} {kind} {data['action']}"
    if topic == "notifications":
        return f"{topic} {kind} {data['notification']['template']['id']}"
    return f"{topic} {kind} "


def hex_of(topic: str, key: str, headers: Mapping[str, bytes]) -> str:
    """What all ids of a record's complaint have in common."""
    if topic == "complaints.inbox":
        return uuid.uuid5(uuid.NAMESPACE_URL, f"{headers['ce_source'].decode()}\n{key}").hex
    if topic == "workorders.inbox":
        return key[3:]
    return headers["ce_correlationid"].decode()[4:]


def copied_facts(
    program: Program, key: str, hex_: str, data: Mapping[str, Any], sequence: int
) -> tuple[str, list[tuple[str, Document, int]]] | None:
    if key not in program.copies:
        return None
    collection, documents = program.copies[key]
    if "" in documents:
        made = documents[""](hex_)
        return collection, [(made["_id"], made, sequence)]
    suffixes = [str(clock["id"]).rpartition("/")[2] for clock in data["clocks"]]
    told = [documents[suffix](hex_) for suffix in suffixes if suffix in documents]
    return collection, [(made["_id"], made, sequence) for made in told]
