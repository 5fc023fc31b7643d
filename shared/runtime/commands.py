"""Commands that do not come from Kafka (HTTP, timers, workers): concurrent ones share a batch."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from shared.kernel.aggregate import AggregateType, Cause, Command, Snapshot
from shared.kernel.ports import Decided, Declined, Failed, Held, Item, Known, Result, Waits
from shared.kernel.refusal import Refusal
from shared.persistence.driver import DriverError
from shared.runtime.context import Context, Executed, Unavailable
from shared.runtime.engine import Engine, Ran, Recalled
from shared.runtime.logging import get_logger
from shared.runtime.tracing import current_trace

log = get_logger()
LARGEST_BATCH = 200
CONCURRENT_BATCHES = 4


@dataclass(frozen=True, slots=True)
class _Waiting:
    item: Item
    answer: "asyncio.Future[Executed | Refusal]"


@dataclass(slots=True)
class CommandQueue:
    """Decides commands on aggregates of one kind; `execute` returns once they are durable and readable."""

    context: Context
    engine: Engine
    kind: AggregateType[Any]
    _waiting: list[_Waiting] = field(default_factory=list)
    _running: set["asyncio.Task[None]"] = field(default_factory=set)

    async def execute(self, aggregate_id: str, command: Command, cause: Cause) -> Executed | Refusal:
        """Raises Unavailable, or what a bug in the domain raised."""
        answer: asyncio.Future[Executed | Refusal] = asyncio.get_running_loop().create_future()
        item = Item(aggregate_id, command, cause, trace=current_trace(), records_refusals=False)
        self._waiting.append(_Waiting(item, answer))
        self._start_one()
        return await answer

    async def drain(self) -> None:
        """Waits for everything begun, publication included."""
        while self._running:
            await asyncio.wait(self._running)

    def _start_one(self) -> None:
        if self._waiting and len(self._running) < CONCURRENT_BATCHES:
            task = asyncio.create_task(self._run_batch())
            self._running.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._start_one()

    async def _run_batch(self) -> None:
        await asyncio.sleep(0)  # lets requests of the same moment join
        batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
        if not batch:
            return
        async with self.engine.in_flight.hold(waiting.item.aggregate_id for waiting in batch):
            try:
                ran = await self._decide(batch)
            except Exception as error:  # noqa: BLE001 - handed to every caller, who raises it
                for waiting in batch:
                    _fail(waiting, error)
                return
            await self._publish(ran)

    async def _decide(self, batch: list[_Waiting]) -> Ran:
        items = [waiting.item for waiting in batch]
        ran = await self.engine.run(self.kind, items, self.context.facts(), unpublished=True)
        await self.engine.project(self.kind, ran.changed)
        known = [(i, r) for i, r in zip(items, ran.results, strict=True) if isinstance(r, Known)]
        recalled = await self.engine.recall(self.kind, known)
        for waiting, result in zip(batch, ran.results, strict=True):
            self._answer(waiting, result, recalled)
        return ran

    def _answer(self, waiting: _Waiting, result: Result, recalled: dict[tuple[str, str, str], Recalled]) -> None:
        item = waiting.item
        match result:
            case Decided():
                _succeed(waiting, Executed(result.snapshot, result.decision.events))
            case Held():
                _succeed(waiting, Executed(result.snapshot))
            case Declined():
                _succeed(waiting, result.refusal)
            case Known():
                found = recalled.get((item.aggregate_id, item.cause.source, item.cause.id))
                _succeed(waiting, _replay(item, found))
            case Failed():
                _fail(waiting, result.error)
            case Waits():
                _succeed(waiting, Refusal(result.reason))
            case _:
                _fail(waiting, RuntimeError(f"a command cannot end as {type(result).__name__}"))

    async def _publish(self, ran: Ran) -> None:
        """What fails here is found by its mark and finished by the sweeper."""
        records = [
            record
            for result in ran.results
            if isinstance(result, Decided)
            for record in self.engine.decided_records(self.kind, result)
        ]
        try:
            await self.engine.publish(records)
            await self.engine.unmark(self.kind, ran.documents)
        except (Unavailable, DriverError) as error:
            log.warning("publication_left_to_sweeper", documents=len(ran.documents), error=type(error).__name__)


def _replay(item: Item, found: Recalled | None) -> Executed | Refusal:
    """The first answer again, or a refusal when the key was used with another body."""
    if found is None:
        return Refusal("in_progress", "the first request with this key is still being decided")
    if item.cause.digest is not None and found.decision.cause.digest not in (None, item.cause.digest):
        return Refusal("idempotency_key_reused")
    snapshot: Snapshot[Any] = found.snapshot
    return Executed(snapshot, found.decision.events, replayed=True)


def _succeed(waiting: _Waiting, answer: Executed | Refusal) -> None:
    if not waiting.answer.done():
        waiting.answer.set_result(answer)


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)
