"""MongoDB collections in memory, as far as the parking lot asks: its own code runs on them unchanged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from shared.persistence.driver import Collection, Database, Document, DriverUnreachable, Written
from shared.persistence.parking import HOLDING, ParkingLot
from shared.testing.wire import AnswerLost, Wire

T = TypeVar("T")
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "$in": lambda found, wanted: found in wanted,
    "$ne": lambda found, wanted: found != wanted,
    "$lt": lambda found, wanted: found is not None and found < wanted,
    "$lte": lambda found, wanted: found is not None and found <= wanted,
}


@dataclass(slots=True)
class CollectionStore:
    """What a server keeps of all collections of one database: documents by their `_id`, in order of insertion."""

    documents: dict[str, dict[Any, Document]] = field(default_factory=dict)


class MemoryDatabase(Database):
    """One process's way to a database."""

    def __init__(self, store: CollectionStore, wire: Wire) -> None:
        self.store, self._wire, self.name = store, wire, "memory"

    def collection(self, name: str) -> "MemoryCollection":
        return MemoryCollection(name, self.store.documents.setdefault(name, {}), self._wire)


class MemoryCollection(Collection):
    """Every operation is one call of the wire; answers are copies. Raises DriverError when an answer is lost."""

    def __init__(self, name: str, documents: dict[Any, Document], wire: Wire) -> None:
        self._name, self._documents, self._wire = name, documents, wire

    async def find_one(self, where: Mapping[str, Any], projection: Any = None) -> Document | None:
        return next(iter(await self.find(where, limit=1)), None)

    async def find(
        self,
        where: Mapping[str, Any],
        sort: Sequence[tuple[str, int]] | None = None,
        limit: int = 0,
        projection: Any = None,
    ) -> list[Document]:
        return await self._call("find", where, lambda: [dict(one) for one in self._found(where, sort, limit)])

    async def count(self, where: Mapping[str, Any]) -> int:
        return await self._call("count", where, lambda: len(self._found(where)))

    async def insert_many(self, documents: Sequence[Any], ordered: bool = False) -> set[int]:
        if not documents:
            return set()
        inserted = await self._calls("insert", documents, [partial(self._insert, one) for one in documents])
        return {position for position, done in enumerate(inserted) if not done}

    async def update_one(self, where: Mapping[str, Any], update: Any, upsert: bool = False) -> Written:
        return await self._call("update", where, lambda: self._update(where, update, 1, upsert))

    async def update_many(self, where: Mapping[str, Any], update: Any) -> Written:
        return await self._call("update", where, lambda: self._update(where, update, 0, upsert=False))

    async def find_one_and_update(
        self,
        where: Mapping[str, Any],
        update: Any,
        sort: Sequence[tuple[str, int]] | None = None,
        upsert: bool = False,
    ) -> Document | None:
        def effect() -> Document | None:
            for one in self._found(where, sort, 1):
                _change(one, update)
                return dict(one)
            return None

        return await self._call("find and update", where, effect)

    async def delete_one(self, where: Mapping[str, Any]) -> int:
        def effect() -> int:
            found = self._found(where, limit=1)
            for one in found:
                del self._documents[one["_id"]]
            return len(found)

        return await self._call("delete", where, effect)

    async def aggregate(self, pipeline: Sequence[Mapping[str, Any]]) -> list[Document]:
        """Raises NotImplementedError: whoever needs this takes a real server."""
        raise NotImplementedError(self._name)

    async def _call(self, step: str, subject: object, effect: Callable[[], T]) -> T:
        (answer,) = await self._calls(step, subject, [effect])
        return answer

    async def _calls(self, step: str, subject: object, effects: Sequence[Callable[[], T]]) -> list[T]:
        try:
            return await self._wire.call(f"{self._name}: {step}", subject, effects)
        except AnswerLost as error:
            raise DriverUnreachable(step) from error

    def _found(
        self, where: Mapping[str, Any], sort: Sequence[tuple[str, int]] | None = None, limit: int = 0
    ) -> list[Document]:
        found = [one for one in self._documents.values() if _matches(one, where)]
        for name, direction in reversed(sort or ()):
            found.sort(key=lambda one, name=name: _ordered(one.get(name)), reverse=direction < 0)  # type: ignore[misc]  # bound now
        return found[:limit] if limit else found

    def _insert(self, document: Document) -> bool:
        if document["_id"] in self._documents:
            return False
        self._documents[document["_id"]] = dict(document)
        return True

    def _update(self, where: Mapping[str, Any], update: Any, limit: int, upsert: bool) -> Written:
        found = self._found(where, limit=limit)
        for one in found:
            _change(one, update)
        if not found and upsert:
            _change(self._documents.setdefault(where["_id"], {"_id": where["_id"]}), update)
        return Written(len(found), len(found), int(not found and upsert))


def _matches(document: Document, where: Mapping[str, Any]) -> bool:
    return all(_fits(document.get(name), wanted) for name, wanted in where.items())


def _fits(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return all(_COMPARED[sign](found, limit) for sign, limit in wanted.items())
    return bool(found == wanted)


def _change(document: Document, update: Mapping[str, Mapping[str, Any]]) -> None:
    unknown = update.keys() - {"$set", "$inc"}
    if unknown:
        raise NotImplementedError(unknown)
    document.update(update.get("$set", {}))
    for name, by in update.get("$inc", {}).items():
        document[name] = document.get(name, 0) + by


def _ordered(value: Any) -> tuple[bool, Any]:
    """Nothing comes before anything, as in MongoDB."""
    return (value is not None, value if value is not None else 0)


class MemoryLot(ParkingLot):
    """The parking lot on such collections; what it has the server group is grouped here."""

    async def missing(self, since: datetime, until: datetime) -> list[Document]:
        old = {"reason": {"$in": ["gap", "unknown_subject", *HOLDING]}, "parked_at": {"$lte": since}}
        groups: dict[str | None, list[Document]] = {}
        for one in await self.parked.find(old):
            if one["sequence"] is not None:
                groups.setdefault(one["producer"], []).append(one)
        return [
            {
                "_id": producer,
                "first": _least(group, "expected"),
                "lowest": _least(group, "sequence"),
                "asked_at": asked_at,
                "asked": max((one["asked"] for one in group if "asked" in one), default=None),
            }
            for producer, group in groups.items()
            if not any(one["reason"] in HOLDING for one in group)
            and (
                (asked_at := max((one["asked_at"] for one in group if "asked_at" in one), default=None)) is None
                or asked_at <= until
            )
        ]


def _least(group: Sequence[Document], name: str) -> Any:
    return min((one[name] for one in group if one[name] is not None), default=None)
