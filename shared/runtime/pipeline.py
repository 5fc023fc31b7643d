"""One batch of records, from bytes to committed: read, decide, append, project, publish, park, dead-letter."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from msgspec.structs import replace

from shared.kernel.aggregate import AggregateType, Cause, Facts
from shared.kernel.ports import Decided, Declined, Failed, Gap, Held, Item, Known, LogDocument, OutcomeUnknown, Waits
from shared.kernel.refusal import Refusal
from shared.messaging.bindings import Follow, Replied, Trigger
from shared.messaging.dead_letters import dead_letter
from shared.messaging.reading import Copying, Dead, Reader, Skipped, Work
from shared.messaging.records import InRecord, OutRecord
from shared.persistence.driver import DriverError
from shared.persistence.parking import Parked, ParkingLot
from shared.persistence.replicas import copied, replaced
from shared.runtime.context import Context
from shared.runtime.engine import Engine, Recalled, owns_publication, until_answered
from shared.runtime.logging import get_logger
from shared.runtime.telemetry import CONSUMED, DEAD_LETTERS, PARKED

log = get_logger()
T = TypeVar("T")


@dataclass(slots=True)
class Settled:
    """What a batch came to, before anything of it leaves the process."""

    out: list[OutRecord] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    repeats: bool = False  # decisions that a crash may have kept from being projected
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)  # (binding or topic, outcome)

    def count(self, binding: str, outcome: str) -> None:
        self.counts[(binding, outcome)] += 1

    def tell(self) -> None:
        for (binding, outcome), number in self.counts.items():
            CONSUMED.labels(binding, outcome).inc(number)
        for parked in self.parked:
            PARKED.labels(parked.binding, parked.reason).inc()


class Pipeline:
    """Processes records for all bindings of one service."""

    def __init__(self, context: Context, engine: Engine, reader: Reader, lot: ParkingLot) -> None:
        self._context, self._engine, self._reader, self._lot = context, engine, reader, lot

    async def process(self, records: Sequence[InRecord], again: bool = False, only: str | None = None) -> Settled:
        """Everything up to the commit. `again`: parked records, which no redelivery would finish after a crash;
        each of those was parked by one binding, `only`.

        Raises Unavailable; the records then come again and nothing is done twice.
        """
        facts = self._context.facts()
        settled = Settled()
        works: list[Work] = []
        copies: list[Copying] = []
        for record in records:
            for reading in self._reader.read(record, facts, only):
                match reading:
                    case Work():
                        works.append(reading)
                    case Copying():
                        copies.append(reading)
                    case Parked():
                        settled.parked.append(reading)
                    case Dead():
                        self._bury(settled, reading.record, reading.reason, reading.detail)
                    case Skipped():
                        settled.count(reading.record.topic, "skipped")
        ids = [work.aggregate_id for work in works]
        async with self._engine.in_flight.hold(ids):
            await self._copy(copies, settled)  # first, so that decisions of this batch find the facts
            finishing = [
                await self._decide(
                    kind, [work for work in works if work.binding.aggregate is kind], facts, settled, again
                )
                for kind in self._engine.kinds
            ]
            await self._leave(settled, [step for step in finishing if step is not None])
        return settled

    async def _leave(self, settled: Settled, finishing: Sequence["_Finishing"]) -> None:
        """Parks, projects and publishes, all at once: a crash before the commit repeats the batch.

        What is repeated is projected first: whoever hears of it now may look at once.
        """
        projecting = [self._engine.project(step.kind, step.changed) for step in finishing]
        if settled.repeats:
            await asyncio.gather(*projecting)
            projecting = []
        await asyncio.gather(
            _answered(self._lot.park, settled.parked),
            self._engine.publish(settled.out),
            *projecting,
        )
        for step in finishing:
            await self._engine.unmark(step.kind, step.marked)
        for parked in settled.parked:
            settled.count(parked.binding, "parked")
        settled.tell()

    async def _decide(
        self, kind: AggregateType[Any], works: Sequence[Work], facts: Facts, settled: Settled, again: bool
    ) -> "_Finishing | None":
        works = await self._without_held(works, settled) if not again else list(works)
        if not works:
            return None
        items = [_item(work) for work in await self._enriched(works)]
        ran = await self._engine.run(kind, items, facts, unpublished=again)
        known = [(i, r) for i, r in zip(items, ran.results, strict=True) if isinstance(r, Known)]
        recalled = await self._engine.recall(kind, known)
        changed = dict(ran.changed)
        for work, item, result in zip(works, items, ran.results, strict=True):
            match result:
                case Decided():
                    settled.out += self._engine.decided_records(kind, result)
                    self._answer(settled, work, result.snapshot.version, result.decision.refusal, result.decision)
                case Known():
                    found = recalled.get((item.aggregate_id, item.cause.source, item.cause.id))
                    self._repeat(kind, settled, work, item.cause, found, changed)
                case Declined():
                    self._answer(settled, work, result.snapshot.version, result.refusal, None)
                case Held():
                    self._answer(settled, work, result.snapshot.version, None, None, word="duplicate")
                case Gap() | Waits() | Failed():
                    settled.parked.append(_parked(work, item, result))
        return _Finishing(kind, changed, ran.documents if again else [])

    async def _without_held(self, works: Sequence[Work], settled: Settled) -> list[Work]:
        """Leaves out, and parks, the works whose aggregate has a failed record of the same binding waiting."""
        triggers = [(w.binding.name, w.aggregate_id) for w in works if isinstance(w.binding, Trigger)]
        if not triggers:
            return list(works)
        held = await _answered(self._lot.held, triggers)
        free: list[Work] = []
        for work in works:
            if (work.binding.name, work.aggregate_id) in held:
                settled.parked.append(_parked(work, _item(work), Waits("behind_failed")))
            else:
                free.append(work)
        return free

    async def _enriched(self, works: Sequence[Work]) -> list[Work]:
        done = list(works)
        for binding in {work.binding.name: work.binding for work in works}.values():
            if isinstance(binding, Trigger) and binding.enrich is not None:
                places = [n for n, work in enumerate(works) if work.binding is binding and work.command is not None]
                commands = [command for n in places if (command := works[n].command) is not None]
                completed = await _answered(binding.enrich, self._context, commands)
                for n, command in zip(places, completed, strict=True):
                    done[n] = replace(done[n], command=command)
        return done

    def _repeat(
        self,
        kind: AggregateType[Any],
        settled: Settled,
        work: Work,
        cause: Cause,
        found: Recalled | None,
        changed: dict[str, Any],
    ) -> None:
        """A known cause: only the redelivery that was to publish it does so again, and projects first."""
        if found is None or not owns_publication(cause, found.decision):
            settled.count(work.binding.name, "duplicate")
            return
        settled.repeats = True
        settled.out += self._engine.records(kind, work.aggregate_id, found.before, found.decision)
        changed.setdefault(work.aggregate_id, (found.snapshot.version, found.snapshot))
        self._answer(settled, work, found.snapshot.version, found.decision.refusal, found.decision)

    def _answer(
        self,
        settled: Settled,
        work: Work,
        version: int,
        refusal: Refusal | None,
        decision: Any,
        word: str = "applied",
    ) -> None:
        binding = work.binding
        settled.count(binding.name, "refused" if refusal else word)
        if not isinstance(binding, Trigger) or not binding.foreign:
            return
        if binding.reply is not None:
            replied = Replied(work.aggregate_id, version, refusal, decision)
            settled.out.append(binding.reply(work.delivery, replied))
        elif refusal is not None:
            self._bury(settled, work.delivery.record, refusal.code, refusal.detail or refusal.pointer or "")

    async def bury(self, record: InRecord, reason: str, detail: str, attempts: int) -> None:
        """Dead-letters a record that waited long enough. Raises Unavailable."""
        await self._engine.publish([self._letter(record, reason, detail, attempts)])

    def _bury(self, settled: Settled, record: InRecord, reason: str, detail: str) -> None:
        log.warning("dead_lettered", topic=record.topic, offset=record.offset, reason=reason)
        settled.count(record.topic, "dead_lettered")
        DEAD_LETTERS.labels(record.topic, reason).inc()
        settled.out.append(self._letter(record, reason, detail))

    def _letter(self, record: InRecord, reason: str, detail: str, attempts: int = 1) -> OutRecord:
        """Names the record's topic as Kafka does: whoever reads the letter may not know our prefix."""
        named = replace(record, topic=self._context.settings.topic_prefix + record.topic)
        return dead_letter(self._engine.service, named, reason, detail, datetime.now(UTC), attempts)

    async def _copy(self, copies: Sequence[Copying], settled: Settled) -> None:
        operations: dict[str, list[Any]] = {}
        for copying in copies:
            write = replaced if copying.forgets else copied
            operations.setdefault(copying.binding.collection, []).extend(
                write(document_id, fields, copying.order) for document_id, fields in copying.copies
            )
            settled.count(copying.binding.name, "copied")
        for collection, writes in operations.items():
            await _answered(self._engine.database.collection(collection).bulk_write, writes)


@dataclass(frozen=True, slots=True)
class _Finishing:
    """What is left to do for one kind after its appends."""

    kind: AggregateType[Any]
    changed: dict[str, Any]
    marked: Sequence[LogDocument[Any]]


async def _answered(call: Callable[..., Awaitable[T]], *given: Any) -> T:
    """What a call to the database that is safe to repeat answers in the end. Raises Unavailable."""

    async def attempt() -> T:
        try:
            return await call(*given)
        except DriverError as error:
            raise OutcomeUnknown(str(error)) from error

    return await until_answered(attempt)


def _item(work: Work) -> Item:
    record, envelope = work.delivery.record, work.delivery.envelope
    cause = Cause(envelope.source, work.cause_id, record.topic, record.partition, record.offset)
    follows = isinstance(work.binding, Follow)
    return Item(
        aggregate_id=work.aggregate_id,
        command=work.command,
        cause=cause,
        mark=(work.binding.name, envelope.sequence) if follows and envelope.sequence is not None else None,
        late=work.late,
        trace=envelope.trace,
        waits_for=work.binding.wait_for if isinstance(work.binding, Trigger) else frozenset(),
    )


def _parked(work: Work, item: Item, result: Gap | Waits | Failed) -> Parked:
    envelope = work.delivery.envelope
    reason, detail = "gap", ""
    expected: int | None = None
    match result:
        case Gap(missing):
            expected, detail = missing, f"expected sequence {missing}"
        case Waits(code):
            reason, expected = code, 1
        case Failed(error):
            reason, detail = "failed", type(error).__name__
            log.error("decide_failed", binding=work.binding.name, aggregate=work.aggregate_id, exc_info=error)
    return Parked(
        binding=work.binding.name,
        record=work.delivery.record,
        reason=reason,
        detail=detail,
        cause=(item.cause.source, item.cause.id),
        aggregate=work.aggregate_id,
        producer=envelope.subject,
        expected=expected,
        sequence=envelope.sequence,
    )
