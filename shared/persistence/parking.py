"""Records that must wait: kept before their offset is committed, tried again by a sweeper, never lost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.kernel.clock import machine_now
from shared.messaging.records import InRecord
from shared.persistence.driver import Database, Document

LEASE = timedelta(seconds=30)
RETRY_LATER = timedelta(seconds=1)
LONGEST_WAIT = timedelta(seconds=30)
UNTIL_RESTART = frozenset({"unknown_type", "not_yet_supported"})  # only other code can decide these
UNTIL_MENDED = frozenset({"invalid"})  # a followed record that cannot be read: a person decides
HOLDING = frozenset({"failed", "behind_failed"})  # these keep later records of their aggregate waiting


@dataclass(frozen=True, slots=True)
class Parked:
    """A record that waits at one binding, and why. `aggregate` is None where none could be told."""

    binding: str
    record: InRecord
    reason: str
    detail: str = ""
    cause: tuple[str, str] | None = None  # (source, id); without one, the place in Kafka tells copies apart
    aggregate: str | None = None
    producer: str | None = None  # the followed aggregate that has to publish again
    expected: int | None = None
    sequence: int | None = None

    @property
    def id(self) -> str:
        place = f"{self.record.topic}/{self.record.partition}/{self.record.offset}"
        return "|".join((self.binding, *(self.cause or ("", place))))


class ParkingLot:
    """The parked records of one service, and the tombstones of those that left. Times are machine time."""

    def __init__(
        self, database: Database, owner: str | None = None, now: Callable[[], datetime] = machine_now
    ) -> None:
        """`owner`: the name under which this process comes back after a restart, if it has one."""
        self._owner, self.now = owner, now
        self.parked = database.collection("parked")
        self.tombstones = database.collection("tombstones")

    async def park(self, records: Sequence[Parked]) -> None:
        """Keeps each record once; a copy, or a record that left before, is dropped. Raises DriverError."""
        if not records:
            return
        places = [_place(one.record) + f"|{one.binding}" for one in records]
        gone = {raw["_id"] for raw in await self.tombstones.find({"_id": {"$in": places}}, projection={"_id": 1})}
        fresh = {
            one.id: _document(one, self.now())
            for place, one in zip(places, records, strict=True)
            if place not in gone
        }
        await self.parked.insert_many(list(fresh.values()))

    async def held(self, pairs: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Which (binding, aggregate) have a failed record that later ones must wait for. Raises DriverError."""
        where = {
            "reason": {"$in": sorted(HOLDING)},
            "binding": {"$in": sorted({binding for binding, _ in pairs})},
            "aggregate": {"$in": sorted({aggregate for _, aggregate in pairs})},
        }
        found = await self.parked.find(where, projection={"binding": 1, "aggregate": 1})
        return {(raw["binding"], raw["aggregate"]) for raw in found}

    async def claim(self, limit: int) -> list[Document]:
        """Takes due records under a lease, oldest sequence first. Raises DriverError."""
        claimed: list[Document] = []
        while len(claimed) < limit:
            now = self.now()
            raw = await self.parked.find_one_and_update(
                {"next_try": {"$lte": now}, "lease_until": {"$lte": now}},
                {"$set": {"lease_until": now + LEASE, "lease_owner": self._owner}, "$inc": {"tries": 1}},
                sort=[("next_try", 1), ("sequence", 1)],
            )
            if raw is None:
                break
            claimed.append(raw)
        return claimed

    async def leave(self, raw: Document, outcome: str) -> None:
        """The record is done: its tombstone first, so that a crash between the two never brings it back."""
        now = self.now()
        tombstone = {"at": now, "outcome": outcome}
        await self.tombstones.update_one(
            {"_id": f"{raw['place']}|{raw['binding']}"}, {"$set": tombstone}, upsert=True
        )
        await self.parked.delete_one({"_id": raw["_id"]})

    async def waken_next(self, raw: Document) -> None:
        """Makes the next record of the same aggregate and binding due: it may have waited for `raw`."""
        await self.parked.find_one_and_update(
            {"binding": raw["binding"], "aggregate": raw["aggregate"], "next_try": {"$lt": _NEVER}},
            {"$set": {"next_try": self.now(), "lease_until": _EPOCH}},
            sort=[("sequence", 1), ("offset", 1)],
        )

    async def postpone(self, raw: Document, parked: Parked) -> None:
        """Still not decidable: tried again later, ever more rarely."""
        wait = min(RETRY_LATER * 2 ** min(raw["tries"], 10), LONGEST_WAIT)
        update = {
            "reason": parked.reason,
            "detail": parked.detail,
            "expected": parked.expected,
            "next_try": _NEVER if parked.reason in _NOT_BY_TIME else self.now() + wait,
            "lease_until": _EPOCH,
        }
        await self.parked.update_one({"_id": raw["_id"]}, {"$set": update})

    async def stands_behind(self, raw: Document) -> bool:
        """Whether an earlier failed record of the same aggregate and binding still waits."""
        where = {
            "binding": raw["binding"],
            "aggregate": raw["aggregate"],
            "reason": {"$in": sorted(HOLDING)},
            "_id": {"$ne": raw["_id"]},
            "topic": raw["topic"],
            "partition": raw["partition"],
            "offset": {"$lt": raw["offset"]},
        }
        return await self.parked.find_one(where, {"_id": 1}) is not None

    async def missing(self, since: datetime, until: datetime) -> list[Document]:
        """Ranges that producers have to publish again, for records parked before `since` and not asked `until`.

        Each has `_id` (the producing aggregate), `first` and `last` sequence, and how often it was asked for.
        """
        return await self.parked.aggregate(
            [
                {
                    "$match": {
                        "reason": {"$in": ["gap", "unknown_subject", *HOLDING]},
                        "sequence": {"$ne": None},
                        "parked_at": {"$lte": since},
                    }
                },
                {
                    "$group": {
                        "_id": "$producer",
                        "first": {"$min": "$expected"},
                        "lowest": {"$min": "$sequence"},
                        "asked_at": {"$max": "$asked_at"},
                        "asked": {"$max": "$asked"},
                        "failed": {"$max": {"$in": ["$reason", sorted(HOLDING)]}},
                    }
                },
                # What failed is here: the rest waits for a mended program, not for the producer.
                {"$match": {"failed": False, "$or": [{"asked_at": None}, {"asked_at": {"$lte": until}}]}},
                {"$limit": 200},
            ]
        )

    async def asked(self, producers: Sequence[str]) -> None:
        update = {"$set": {"asked_at": self.now()}, "$inc": {"asked": 1}}
        await self.parked.update_many({"producer": {"$in": list(producers)}}, update)

    async def begin(self) -> None:
        """At a start: what waited for other code is due, and what this process had claimed when it died is free."""
        due = {"next_try": self.now(), "lease_until": _EPOCH}
        await self.parked.update_many({"reason": {"$in": sorted(UNTIL_RESTART)}}, {"$set": due})
        if self._owner is not None:
            await self.parked.update_many({"lease_owner": self._owner}, {"$set": {"lease_until": _EPOCH}})


def record_of_parked(raw: Document) -> InRecord:
    return InRecord(
        topic=raw["topic"],
        partition=raw["partition"],
        offset=raw["offset"],
        key=raw["key"],
        value=raw["value"],
        headers=[(name, value) for name, value in raw["headers"]],
        timestamp=raw["timestamp"],
    )


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_NOT_BY_TIME = UNTIL_RESTART | UNTIL_MENDED


def _place(record: InRecord) -> str:
    return f"{record.topic}/{record.partition}/{record.offset}"


def _document(one: Parked, now: datetime) -> dict[str, Any]:
    return {
        "_id": one.id,
        "binding": one.binding,
        "place": _place(one.record),
        "topic": one.record.topic,
        "partition": one.record.partition,
        "offset": one.record.offset,
        "key": one.record.key,
        "value": one.record.value,
        "headers": [[name, value] for name, value in one.record.headers],
        "timestamp": one.record.timestamp,
        "reason": one.reason,
        "detail": one.detail,
        "aggregate": one.aggregate,
        "producer": one.producer,
        "expected": one.expected,
        "sequence": one.sequence,
        "parked_at": now,
        "tries": 0,
        "next_try": _NEVER if one.reason in _NOT_BY_TIME else now + RETRY_LATER,
        "lease_until": _EPOCH,
    }
