"""Indexes and projection schemas: made, compared with what is there, and rebuilt from the log when they changed."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

from shared.kernel.aggregate import AggregateType, S, Snapshot
from shared.kernel.history import apply
from shared.kernel.ports import LogDocument
from shared.persistence.driver import Database
from shared.persistence.event_log import BEYOND_ALL_VERSIONS, COLLECTION, MongoLog
from shared.persistence.projection import MongoProjection

Index = tuple[str, Sequence[tuple[str, int]], Mapping[str, Any]]
"""(collection, keys, options as the driver takes them)"""

Keys = tuple[str, tuple[tuple[str, int], ...]]

TOMBSTONE_SECONDS = 15 * 24 * 3600  # longer than any topic keeps the record that a tombstone stands for
META = "meta"
_MEANT = ("unique", "sparse", "expireAfterSeconds", "partialFilterExpression")
PAGE = 2_000

RUNTIME_INDEXES: tuple[Index, ...] = (
    (
        COLLECTION,
        [("unpublished", 1)],
        {"partialFilterExpression": {"unpublished": {"$exists": True}}},
    ),
    ("parked", [("next_try", 1), ("sequence", 1)], {}),
    ("parked", [("binding", 1), ("aggregate", 1)], {}),
    ("parked", [("producer", 1)], {}),
    ("redriven", [("at", 1)], {"expireAfterSeconds": TOMBSTONE_SECONDS}),  # dead letters that were sent back
    ("tombstones", [("at", 1)], {"expireAfterSeconds": TOMBSTONE_SECONDS}),
)


async def ensure_indexes(database: Database, declared: Sequence[Index]) -> list[str]:
    """Makes what is missing; returns in words what is there and was declared otherwise. Raises DriverError."""
    for collection, keys, options in declared:
        await database.collection(collection).create_index(keys, **options)
    return await index_drift(database, declared)


async def index_drift(database: Database, declared: Sequence[Index]) -> list[str]:
    """What differs between declared and existing indexes, in words."""
    wanted: dict[Keys, Mapping[str, Any]] = {
        (name, tuple((field, order) for field, order in keys)): options for name, keys, options in declared
    }
    found: dict[Keys, Mapping[str, Any]] = {}
    for collection in {name for name, _ in wanted} & set(await database.collections()):
        for index in (await database.collection(collection).indexes()).values():
            found[(collection, tuple((name, int(order)) for name, order in index["key"]))] = index
    missing, undeclared = wanted.keys() - found.keys(), found.keys() - wanted.keys()
    differing = {keys for keys in wanted.keys() & found.keys() if _meaning(wanted[keys]) != _meaning(found[keys])}
    return [
        *_told("missing", missing),
        *_told("different", differing),
        *_told("not declared", {one for one in undeclared if one[1] != (("_id", 1),)}),
    ]


async def newer_schema(database: Database, kinds: Sequence[AggregateType[Any]]) -> str | None:
    """In words, when another process has written a newer state schema than this code can read."""
    for kind in kinds:
        raw = await database.collection(META).find_one({"_id": f"schema:{kind.name}"})
        if raw is not None and raw["schema"] > kind.schema:
            return f"{kind.name} has schema {raw['schema']}, this program knows {kind.schema}"
    return None


async def migrate(
    database: Database, kind: AggregateType[S], log: MongoLog[S], projection: MongoProjection[S]
) -> int:
    """Fills the projection of a new schema from the log, then switches to it; returns how many aggregates."""
    meta = database.collection(META)
    raw = await meta.find_one({"_id": f"schema:{kind.name}"})
    current = None if raw is None else raw["schema"]
    rebuilt = 0
    if current is not None and current < kind.schema:
        rebuilt = await rebuild(database, kind, log, projection)
    if current is None or current < kind.schema:
        await meta.update_one({"_id": f"schema:{kind.name}"}, {"$max": {"schema": kind.schema}}, upsert=True)
    return rebuilt


async def rebuild(
    database: Database, kind: AggregateType[S], log: MongoLog[S], projection: MongoProjection[S]
) -> int:
    """Folds every aggregate of the kind and projects it; safe beside live writers, since newer states win."""
    rebuilt = 0
    async for snapshots in folded(database, kind, log):
        await projection.save({snapshot.id: (snapshot.version, snapshot) for snapshot in snapshots})
        rebuilt += len(snapshots)
    return rebuilt


async def folded(database: Database, kind: AggregateType[S], log: MongoLog[S]) -> Any:
    """Pages of all aggregates of a kind, each folded from its whole log."""
    documents = database.collection(COLLECTION)
    after, open_snapshot = kind.prefix, None
    while True:
        where = {"_id": {"$gt": after, "$lt": kind.prefix + BEYOND_ALL_VERSIONS}}
        page = await documents.find(where, sort=[("_id", 1)], limit=PAGE)
        if not page:
            break
        after = page[-1]["_id"]
        done, open_snapshot = _fold_page(kind, open_snapshot, [log.restored(raw) for raw in page])
        if done:
            yield done
    if open_snapshot is not None:
        yield [open_snapshot]


def _fold_page(
    kind: AggregateType[S], snapshot: Snapshot[S] | None, page: Sequence[LogDocument[S]]
) -> tuple[list[Snapshot[S]], Snapshot[S] | None]:
    done: list[Snapshot[S]] = []
    for document in page:
        if snapshot is None or snapshot.id != document.aggregate_id:
            if snapshot is not None:
                done.append(snapshot)
            snapshot = Snapshot(document.aggregate_id)
        for decision in document.decisions:
            snapshot = apply(kind, snapshot, decision, document.first)
    return done, snapshot


def _meaning(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that change what an index does; the driver tells others too."""
    return {name: options[name] for name in _MEANT if options.get(name)}


def _told(what: str, indexes: Set[Keys]) -> list[str]:
    return [
        f"index {what}: {collection} " + ", ".join(f"{name} {order}" for name, order in keys)
        for collection, keys in sorted(indexes)
    ]
