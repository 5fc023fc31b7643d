"""The one place that knows which MongoDB driver is in use: Motor, or PyMongo's own asyncio API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.errors import BulkWriteError, ConnectionFailure, DuplicateKeyError, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

DriverError = PyMongoError
DriverUnreachable = ConnectionFailure
DuplicateKey = DuplicateKeyError
DriverName = Literal["motor", "pymongo"]
Document = dict[str, Any]
DUPLICATE_KEY = 11000
INDEX_CONFLICTS = (85, 86)

CLIENT_OPTIONS: Mapping[str, Any] = {
    "tz_aware": True,
    "retryWrites": False,  # an append repeated by the driver would meet its own document and look like a collision
    "connectTimeoutMS": 5_000,
    "serverSelectionTimeoutMS": 5_000,
    "socketTimeoutMS": 20_000,
    "maxPoolSize": 32,
    "appname": "closedloop",
}


_UNDECODED: CodecOptions[Any] = CodecOptions(RawBSONDocument)


@dataclass(frozen=True, slots=True)
class Written:
    """What an update did: how many documents matched, were changed, were inserted."""

    matched: int
    modified: int
    upserted: int


class Collection:
    """The operations that we use, alike for both drivers; results are complete lists, never open cursors."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    async def find_one(self, where: Mapping[str, Any], projection: Any = None) -> Document | None:
        found: Document | None = await self._raw.find_one(where, projection)
        return found

    async def find(
        self,
        where: Mapping[str, Any],
        sort: Sequence[tuple[str, int]] | None = None,
        limit: int = 0,
        projection: Any = None,
    ) -> list[Document]:
        cursor = self._raw.find(where, projection, sort=sort, limit=limit)
        found: list[Document] = await cursor.to_list(None)
        return found

    async def find_undecoded(self, where: Mapping[str, Any]) -> list[RawBSONDocument]:
        """As the server sent them, for comparing bytes."""
        found: list[RawBSONDocument] = (
            await self._raw.with_options(codec_options=_UNDECODED).find(where).to_list(None)
        )
        return found

    async def find_batches(
        self, where: Mapping[str, Any], sort: Sequence[tuple[str, int]], projection: Any = None
    ) -> list[bytes]:
        """Documents as the server sent them, one after the other, many to a batch."""
        cursor = self._raw.find_raw_batches(where, projection, sort=sort)
        found: list[bytes] = await cursor.to_list(None)
        return found

    async def count(self, where: Mapping[str, Any]) -> int:
        found: int = await self._raw.count_documents(where)
        return found

    async def insert_one(self, document: Any) -> None:
        """Raises DuplicateKey."""
        await self._raw.insert_one(document)

    async def insert_many(self, documents: Sequence[Any], ordered: bool = False) -> set[int]:
        """Inserts what it can; returns the positions refused as duplicate keys, raises on anything else."""
        if not documents:
            return set()
        try:
            await self._raw.insert_many(documents, ordered=ordered)
        except BulkWriteError as error:
            return _duplicates(error)
        return set()

    async def update_one(self, where: Mapping[str, Any], update: Any, upsert: bool = False) -> Written:
        return _written(await self._raw.update_one(where, update, upsert=upsert))

    async def update_many(self, where: Mapping[str, Any], update: Any) -> Written:
        return _written(await self._raw.update_many(where, update))

    async def bulk_write(self, operations: Sequence[Any]) -> None:
        """Unordered and guarded; an upsert refused as a duplicate key found something newer there, and is no error.

        Or it met another upsert under way: so it is tried once more, which then sees what is there.
        """
        for _ in range(2):
            if not operations:
                return
            try:
                await self._raw.bulk_write(operations, ordered=False)
            except BulkWriteError as error:
                operations = [operations[position] for position in sorted(_duplicates(error))]
            else:
                return

    async def find_one_and_update(
        self,
        where: Mapping[str, Any],
        update: Any,
        sort: Sequence[tuple[str, int]] | None = None,
        upsert: bool = False,
    ) -> Document | None:
        """The document after the update; None if none matched."""
        found: Document | None = await self._raw.find_one_and_update(
            where, update, sort=sort, upsert=upsert, return_document=True
        )
        return found

    async def delete_one(self, where: Mapping[str, Any]) -> int:
        return int((await self._raw.delete_one(where)).deleted_count)

    async def delete_many(self, where: Mapping[str, Any]) -> int:
        return int((await self._raw.delete_many(where)).deleted_count)

    async def aggregate(self, pipeline: Sequence[Mapping[str, Any]]) -> list[Document]:
        return await _drain(self._raw.aggregate(pipeline))

    async def create_index(self, keys: Sequence[tuple[str, int]], **options: Any) -> bool:
        """False when an index with other options is in the way."""
        try:
            await self._raw.create_index(list(keys), **options)
        except OperationFailure as error:
            if error.code not in INDEX_CONFLICTS:
                raise
            return False
        return True

    async def indexes(self) -> dict[str, Any]:
        found: dict[str, Any] = await self._raw.index_information()
        return found


class Database:
    """One service's database, reading and writing at majority."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self.name: str = raw.name

    def collection(self, name: str) -> Collection:
        return Collection(self._raw[name])

    async def aggregate(self, pipeline: Sequence[Mapping[str, Any]]) -> list[Document]:
        return await _drain(self._raw.aggregate(pipeline))

    async def collections(self) -> list[str]:
        found: list[str] = await self._raw.list_collection_names()
        return found

    async def ping(self) -> None:
        """Raises DriverError when the primary does not answer."""
        await self._raw.command("ping")


class Driver:
    """A connection to MongoDB through one of the two drivers."""

    def __init__(self, uri: str, name: DriverName = "motor", **options: Any) -> None:
        self._client: Any = _client(name)(uri, **{**CLIENT_OPTIONS, **options})
        self._name = name

    def database(self, name: str) -> Database:
        raw = self._client.get_database(
            name,
            read_concern=ReadConcern("majority"),
            # Without j=true a one-node replica set waits for its next journal flush.
            write_concern=WriteConcern(w="majority", j=True, wtimeout=15_000),
        )
        return Database(raw)

    async def drop(self, name: str) -> None:
        await self._client.drop_database(name)

    async def close(self) -> None:
        closing = self._client.close()
        if closing is not None:  # PyMongo's close is a coroutine, Motor's is not
            await closing


def _client(name: DriverName) -> Any:
    if name == "motor":
        from motor.motor_asyncio import AsyncIOMotorClient

        return AsyncIOMotorClient
    from pymongo import AsyncMongoClient

    return AsyncMongoClient


async def _drain(cursor: Any) -> list[Document]:
    if not hasattr(cursor, "to_list"):  # PyMongo's aggregate is a coroutine, Motor's answers a cursor
        cursor = await cursor
    found: list[Document] = await cursor.to_list(None)
    return found


def _written(result: Any) -> Written:
    return Written(result.matched_count, result.modified_count, 0 if result.upserted_id is None else 1)


def _duplicates(error: BulkWriteError) -> set[int]:
    details = error.details or {}
    failures = details.get("writeErrors", [])
    if details.get("writeConcernErrors") or any(failure["code"] != DUPLICATE_KEY for failure in failures):
        raise error
    return {failure["index"] for failure in failures}
