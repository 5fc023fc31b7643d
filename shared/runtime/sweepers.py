"""What finishes work that nobody else will: unpublished documents, parked records, gaps that need a republication."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from shared.events.catalogue import WireType
from shared.messaging.cloudevents import read_data, read_envelope, write
from shared.messaging.records import Envelope, InRecord, Rejected
from shared.persistence.driver import Document, DriverError
from shared.persistence.parking import HOLDING, Parked, ParkingLot, record_of_parked
from shared.runtime.context import Unavailable
from shared.runtime.engine import Engine
from shared.runtime.logging import get_logger
from shared.runtime.pipeline import Pipeline
from shared.runtime.telemetry import WAITING

log = get_logger()
REPUBLISH_TOPIC = "republish.inbox"
REPUBLISH_TYPE = str(WireType("republish.requested", 1))
LEFT_BEHIND_AFTER = timedelta(seconds=10)  # a live process has published long before
UNKNOWN_SUBJECT_AFTER = timedelta(minutes=10)
ASK_AFTER = timedelta(seconds=30)
ASK_AGAIN_AFTER = timedelta(seconds=60)
MOST_REQUESTS = 10  # then a person is needed: the producer's log lacks what its topic had
MOST_REPUBLISHED = 10_000


class Sweepers:
    """The loops of one service; all times here are machine time."""

    def __init__(self, engine: Engine, pipeline: Pipeline, lot: ParkingLot, foreign: Callable[[str], bool]) -> None:
        self._engine, self._pipeline, self._lot, self._foreign = engine, pipeline, lot, foreign

    async def run(self) -> None:
        await asyncio.gather(
            _every(1.0, self.finish_left_behind),
            _every(0.5, self.try_parked),
            _every(5.0, self.ask_for_missing),
            _every(5.0, self.tell_waiting),
        )

    async def finish_left_behind(self) -> int:
        """Projects and publishes what a dead process had appended only; returns how many documents."""
        done = 0
        for kind in self._engine.kinds:
            before = self._lot.now() - LEFT_BEHIND_AFTER
            for document_id, last in await self._engine.logs[kind.name].unpublished(before, limit=100):
                await self._engine.finish(kind, document_id, last)
                done += 1
        return done

    async def try_parked(self) -> int:
        """Decides due parked records again, and those that one of them set free; returns how many left."""
        left = 0
        while claimed := await self._lot.claim(limit=100):
            for raw in claimed:
                left += await self._try(raw)
        return left

    async def _try(self, raw: Document) -> bool:
        record = record_of_parked(raw)
        if raw["reason"] in HOLDING and await self._lot.stands_behind(raw):
            await self._lot.postpone(raw, _still(raw, record))
            return False
        settled = await self._pipeline.process([record], again=True, only=raw["binding"])
        still = next((parked for parked in settled.parked if parked.id == raw["_id"]), None)
        if still is None:
            await self._lot.leave(raw, outcome=_outcome(settled.counts))
            await self._lot.waken_next(raw)
            return True
        waited = self._lot.now() - raw["parked_at"]
        if still.reason == "unknown_subject" and self._foreign(raw["binding"]) and waited > UNKNOWN_SUBJECT_AFTER:
            await self._pipeline.bury(record, "unknown_subject", "nobody announced it in time", raw["tries"])
            await self._lot.leave(raw, outcome="dead_lettered")
            return True
        await self._lot.postpone(raw, still)
        return False

    async def tell_waiting(self) -> None:
        WAITING.set(await self._lot.parked.count({}))

    async def ask_for_missing(self) -> None:
        now = self._lot.now()
        gaps = await self._lot.missing(now - ASK_AFTER, now - ASK_AGAIN_AFTER)
        for gap in gaps:
            if (gap.get("asked") or 0) >= MOST_REQUESTS:
                log.error("sequence_missing_for_good", aggregate=gap["_id"], first=gap["first"])
        wanted = [gap for gap in gaps if (gap.get("asked") or 0) < MOST_REQUESTS and gap["_id"]]
        if wanted:
            await self._engine.publish([self._request(gap) for gap in wanted])
            await self._lot.asked([gap["_id"] for gap in wanted])

    def _request(self, gap: Document) -> Any:
        now = self._lot.now()
        first, last = gap["first"], max(gap["first"], gap["lowest"] - 1)
        data = msgspec.json.encode({"aggregate": gap["_id"], "from": first, "to": last})
        source = f"/closedloop/{self._engine.service}"
        envelope = Envelope(f"{gap['_id']}:{first}:{now:%s%f}", source, REPUBLISH_TYPE, gap["_id"], now)
        return write(REPUBLISH_TOPIC, gap["_id"], envelope, data)


class Republisher:
    """Answers republish requests for the aggregates that this service owns, straight from the log."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def process(self, records: Sequence[InRecord]) -> None:
        """Raises Unavailable. A request that cannot be read is dropped: whoever misses something asks again."""
        for record in records:
            request = self._read(record)
            kind = None if request is None else self._engine.kind_of(request[0])
            if request is not None and kind is not None:
                count = await self._engine.republish(kind, *request)
                log.info("republished", aggregate=request[0], events=count)

    @staticmethod
    def _read(record: InRecord) -> tuple[str, int, int] | None:
        envelope = read_envelope(record)
        data = envelope if isinstance(envelope, Rejected) else read_data(record)
        if isinstance(envelope, Rejected) or isinstance(data, Rejected) or envelope.type != REPUBLISH_TYPE:
            return None
        match data:
            case {"aggregate": str(aggregate), "from": int(first), "to": int(last)} if 1 <= first <= last:
                return aggregate, first, min(last, first + MOST_REPUBLISHED)
        return None


def _still(raw: Document, record: InRecord) -> Parked:
    return Parked(raw["binding"], record, raw["reason"], raw["detail"], expected=raw["expected"])


def _outcome(counts: Counter[tuple[str, str]]) -> str:
    return ",".join(sorted({outcome for (_, outcome), number in counts.items() if number})) or "done"


async def _every(seconds: float, sweep: Callable[[], Awaitable[object]]) -> None:
    while True:
        try:
            await sweep()
        except (DriverError, Unavailable) as error:
            log.warning("sweep_waits_for_dependency", sweep=sweep.__name__, error=type(error).__name__)
        await asyncio.sleep(seconds)
