"""Records one complaint of ours, as it passed through topics, logs and projections, for loops by hand to play.

It is read from the servers: what each record led to is found by the cause that the log keeps with every decision.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import bson
from pymongo import MongoClient

from shared.kernel.aggregate import AggregateType, Decision, Snapshot
from shared.kernel.history import apply
from shared.persistence.driver import Driver
from shared.persistence.event_log import MongoLog
from shared.persistence.projection import collection_name
from shared.persistence.snapshots import snapshot_document
from shared.runtime.context import ServiceDefinition
from tests.bench.floor_held import SERVICES, Record, topics_of
from tests.bench.floor_play import HEX, key_of

COPIES = {"workflow": ("clocks",), "notifier": ("orders", "contacts")}
COPIED_ON = {
    "clocks": ("sla", "closedloop.clocks.changed.v1"),
    "contacts": ("complaints", "closedloop.complaint.received.v1"),
    "orders": ("workorders", *(f"closedloop.workorder.{word}.v1" for word in ("created", "dispatched", "accepted"))),
}
LOOKUPS = {
    ("intake", "closedloop.complaint.submitted.v1"): ("customers", "customer-"),
    ("notifier", "closedloop.workorder.review_approved.v1"): ("contacts", "cmp_"),
}
"""What a decision on such a record asks for beside the state."""
COMPUTED = ("ce_id", "ce_sequence", "ce_time", "ce_causationid")
Document = dict[str, Any]


@dataclass(slots=True)
class Sample:
    """One complaint: its records by place, and how its ids become templates."""

    hex: str
    records: list[Record]
    by_place: Mapping[tuple[str | None, int | None, int | None], Record] = field(init=False)
    notices: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.by_place = {(one.topic, one.partition, one.offset): one for one in self.records}
        self.notices = sorted({one.key for one in self.records if one.topic == "notifications"})

    def ids(self) -> list[str]:
        return [*(prefix + self.hex for prefix in ("cmp_", "wo_", "clk_")), *self.notices]

    def template(self, value: Any) -> Any:
        match value:
            case dict():
                return {self.template(name): self.template(inner) for name, inner in value.items()}
            case list() | tuple():
                return [self.template(inner) for inner in value]
            case str():
                for number, notice in enumerate(self.notices):
                    value = value.replace(notice, f"nt{number}_{HEX}")
                return value.replace(self.hex, HEX)
        return value


def choose(records: Sequence[Record], decisions: Mapping[str, int] = MappingProxyType({})) -> Sample:
    """Of the complaints that led to as many records and decisions as most did, the one of middle size.

    `decisions` are counted by aggregate."""
    of: dict[str, list[Record]] = defaultdict(list)
    known: dict[str, str] = {}  # external id -> hex
    for one in records:
        if "ce_correlationid" in one.headers:
            hex_ = one.headers["ce_correlationid"][4:]
            of[hex_].append(one)
            if one.type == "closedloop.complaint.received.v1":
                known[one.headers["ce_causationid"]] = hex_
        elif one.topic == "workorders.inbox":
            of[one.key[3:]].append(one)
    for one in records:
        if one.topic == "complaints.inbox" and one.key in known:
            of[known[one.key]].append(one)
    samples = [Sample(hex_, several) for hex_, several in of.items()]
    counts = [(len(one.records), sum(decisions.get(known_as, 0) for known_as in one.ids())) for one in samples]
    usual, _ = Counter(counts).most_common(1)[0]
    alike = [one for one, count in zip(samples, counts, strict=True) if count == usual]
    alike.sort(key=lambda one: sum(record.size for record in one.records))
    return alike[len(alike) // 2]


def _decisions_by_aggregate(client: MongoClient[Document], name: str) -> Mapping[str, int]:
    aggregate = {"$first": {"$split": ["$_id", ":"]}}
    counted = {"$group": {"_id": aggregate, "n": {"$sum": {"$size": "$d"}}}}
    return {
        one["_id"]: one["n"]
        for service in SERVICES
        for one in client[f"{name}_{service}"]["log"].aggregate([counted])
    }


def record_script(mongo: str, name: str, records: Sequence[Record]) -> bytes:
    """The script of all services, in BSON. `name` stands before the names of ours' databases."""
    driver = Driver(mongo)
    with MongoClient[Document](mongo, tz_aware=True) as client:
        sample = choose(records, _decisions_by_aggregate(client, name))
        return bson.encode(
            {
                service: {
                    "topics": topics_of(definition),
                    "effects": _effects(client, driver, f"{name}_{service}", definition, sample),
                    "copies": _copies(client[f"{name}_{service}"], service, sample),
                }
                for service, definition in SERVICES.items()
            }
        )


def _effects(
    client: MongoClient[Document], driver: Driver, database: str, definition: ServiceDefinition, sample: Sample
) -> dict[str, list[Document]]:
    effects: dict[str, list[Document]] = defaultdict(list)
    for kind in definition.aggregates:
        log: MongoLog[Any] = MongoLog(kind, driver.database(database))
        ids = [one for one in sample.ids() if one.startswith(kind.prefix)]
        for raw, decision, snapshot in _decisions(client[database], log, ids):
            cause = sample.by_place[(decision.cause.topic, decision.cause.partition, decision.cause.offset)]
            effects[_key(cause)].append(_effect(definition.name, kind, sample, raw, decision, snapshot))
    return effects


def _decisions(
    database: Any, log: MongoLog[Any], ids: Sequence[str]
) -> Iterator[tuple[Document, Decision, Snapshot[Any]]]:
    for aggregate_id in ids:
        snapshot: Snapshot[Any] = Snapshot(aggregate_id)
        for document in database["log"].find({"_id": {"$regex": f"^{aggregate_id}:"}}, sort=[("_id", 1)]):
            restored = log.restored(document)
            for raw, decision in zip(document["d"], restored.decisions, strict=True):
                snapshot = apply(log.kind, snapshot, decision, restored.first)
                yield raw, decision, snapshot


def _effect(
    service: str, kind: AggregateType[Any], sample: Sample, raw: Document, decision: Decision, snapshot: Snapshot[Any]
) -> Document:
    cause = sample.by_place[(decision.cause.topic, decision.cause.partition, decision.cause.offset)]
    entry = {**raw, "e": [[name, json.loads(text)] for name, text in raw.get("e", ())]}
    state = {**kind.index(snapshot), **snapshot_document(kind, snapshot)}
    state["s"] = json.loads(state["s"])
    sequences = range(decision.sequence + 1, snapshot.sequence + 1)
    events = [
        one for one in sample.records if one.headers.get("ce_id") in {f"{snapshot.id}:{n:010d}" for n in sequences}
    ]
    replies = [
        one
        for one in sample.records
        if one.topic == "workorders.replies" and one.headers["ce_causationid"] == decision.cause.id
    ]
    lookup, prefix = LOOKUPS.get((service, cause.type), (None, ""))
    return {
        "collection": collection_name(kind),
        "aggregate": sample.template(snapshot.id),
        "entry": sample.template({name: value for name, value in entry.items() if name not in ("v", "n", "at", "c")}),
        "state": sample.template(
            {name: value for name, value in state.items() if name not in ("v", "n", "at", "causes")}
        ),
        "records": [
            *(_record(sample, one, numbered=True) for one in sorted(events, key=lambda one: one.headers["ce_id"])),
            *(_record(sample, one, numbered=False) for one in replies if service == "workflow"),
        ],
        "lookup": lookup,
        "looked_up": prefix + HEX,
    }


def _record(sample: Sample, one: Record, *, numbered: bool) -> Document:
    computed = COMPUTED if numbered else ("ce_time", "ce_causationid")
    return {
        "topic": one.topic,
        "key": sample.template(one.key),
        "headers": [[name, sample.template(value)] for name, value in one.headers.items() if name not in computed],
        "data": sample.template(json.loads(one.value)),
        "numbered": numbered,
    }


def _copies(database: Any, service: str, sample: Sample) -> dict[str, Document]:
    copies: dict[str, Document] = {}
    for collection in COPIES.get(service, ()):
        found = list(database[collection].find({"_id": {"$regex": sample.hex}}))
        for document in found:
            del document["order"]
        by_clock = collection == "clocks"
        name: Callable[[Document], str] = (lambda one: one["_id"].rpartition("/")[2]) if by_clock else lambda _: ""
        documents = {name(one): sample.template(one) for one in found}
        topic, *kinds = COPIED_ON[collection]
        for kind in kinds:
            copies[f"{topic} {kind} "] = {"collection": collection, "documents": documents}
    return copies


def _key(record: Record) -> str:
    return key_of(record.topic, record.type, json.loads(record.value))
