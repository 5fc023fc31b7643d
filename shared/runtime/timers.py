"""Fires what is due: ownership by partition is efficiency, the append is correctness."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.kernel.aggregate import Cause
from shared.messaging.consumer import Consumer
from shared.persistence.driver import DriverError
from shared.persistence.parking import ParkingLot
from shared.runtime.context import Context, Executed, Timers, Unavailable
from shared.runtime.engine import Engine
from shared.runtime.logging import get_logger
from shared.runtime.telemetry import LATENESS

log = get_logger()
SLOTS = 960
LOOK_AHEAD = timedelta(seconds=3)
LOOK_EVERY = 0.5  # machine seconds between two looks at the index
AT_ONCE = 500
JUMP_DEADLINE = 20.0  # machine seconds that a moved clock waits for what became due


@dataclass(frozen=True, slots=True)
class Due:
    """An aggregate that wakes up at `at`, as the projection had it."""

    at: datetime
    aggregate_id: str
    version: int
    slot: int


@dataclass(slots=True)
class TimerWorker:
    """The timers of one service; `next_fire` is business time, everything else machine time."""

    context: Context
    engine: Engine
    consumer: Consumer
    lot: ParkingLot
    timers: Timers
    binding: str  # whose parked records hold their aggregate's timers back

    async def run(self) -> None:
        while True:
            try:
                pause = await self._look()
            except (DriverError, Unavailable) as error:
                log.warning("timers_wait_for_dependency", error=type(error).__name__)
                pause = LOOK_EVERY
            await asyncio.sleep(pause)

    async def after_move(self) -> list[str]:
        """Fires everything that a moved clock made due; returns the keys of those that may not fire yet.

        What waited in the topic at the move is read first: what it starts may be due already. A process that has
        just started owns no partition yet and could say nothing about what is due.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + JUMP_DEADLINE
        behind: set[int] | None = None
        while True:
            if behind is None:
                behind = set(self.consumer.assigned(self.timers.topic)) or None
            if behind:
                behind -= await self.consumer.caught_up(self.timers.topic)
            due = await self._due(self.context.clock.now(), limit=AT_ONCE)
            if not due and behind is not None and not behind:
                return []
            ready = await self._ready(due)
            if ready:
                await self._fire(ready)
            elif loop.time() > deadline:
                return sorted(self.timers.aggregate.key(one.aggregate_id) for one in due)
            else:
                await asyncio.sleep(0.05)

    async def _look(self) -> float:
        """Fires what is due and says how long nothing will be, as far as is known."""
        now = self.context.clock.now()
        known = await self._due(now + LOOK_AHEAD, limit=AT_ONCE)
        due = [one for one in known if one.at <= now]
        ready = await self._ready(due) if due else []
        if ready:
            await self._fire(ready)
            return 0.0
        rate = self.context.clock.rate
        ahead = [(one.at - now).total_seconds() / rate for one in known if one.at > now] if rate else []
        return min([LOOK_EVERY, *ahead])

    async def _due(self, until: datetime, limit: int) -> list[Due]:
        owned = self.consumer.assigned(self.timers.topic)
        if not owned:
            return []
        where: dict[str, Any] = {"next_fire": {"$lte": until}}
        total = next(iter(owned.values()))
        if len(owned) < total:
            where["slot"] = {"$in": [slot for slot in range(SLOTS) if slot % total in owned]}
        projection = self.engine.projections[self.timers.aggregate.name].collection
        fields = {"next_fire": 1, "v": 1, "slot": 1}
        raw = await projection.find(where, sort=[("next_fire", 1)], limit=limit, projection=fields)
        return [Due(one["next_fire"], one["_id"], one["v"], one["slot"]) for one in raw]

    async def _ready(self, due: Sequence[Due]) -> list[Due]:
        """Those whose every earlier event is applied: else a stop that waits in the topic would be overtaken."""
        caught_up = await self.consumer.caught_up(self.timers.topic)
        where = {"binding": self.binding, "aggregate": {"$in": [one.aggregate_id for one in due]}}
        parked = {one["aggregate"] for one in await self.lot.parked.find(where, projection={"aggregate": 1})}
        total = next(iter(self.consumer.assigned(self.timers.topic).values()), 1)
        return [one for one in due if one.aggregate_id not in parked and one.slot % total in caught_up]

    async def _fire(self, due: Sequence[Due]) -> None:
        fired = await asyncio.gather(*(self._fire_one(one) for one in due))
        now = self.context.clock.now()
        for one, happened in zip(due, fired, strict=True):
            if happened:
                LATENESS.observe((now - one.at).total_seconds())

    async def _fire_one(self, due: Due) -> bool:
        # The version makes the cause new for each state that was found due, and the same for two who found it.
        cause = Cause("timer", f"{due.aggregate_id}:{due.version}")
        command = self.timers.fire()
        outcome = await self.context.execute(self.timers.aggregate, due.aggregate_id, command, cause)
        return isinstance(outcome, Executed) and bool(outcome.events)
