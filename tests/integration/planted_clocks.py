"""Clocks of one order as escalation would tell them, one of every outcome."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.events.catalogue import wire_type
from shared.events.parts import ClockChange, ClockView, RunningInterval, Turn, VersionedRef
from shared.events.sla import ClockBreached, ClocksChanged
from tests.integration.workflow_installation import Installation

HOUR = timedelta(hours=1)
POLICY = VersionedRef("default", 1)
PARTS = Turn("workorder.suspended", "wo:7", "agent:hanna", "awaiting_parts")
CUSTOMER = Turn("workorder.suspended", "wo:8", "agent:hanna", "unreachable")


def turned(event: str) -> Turn:
    return Turn(f"workorder.{event}", "wo:9", "agent:agnes")


@dataclass
class Planted:
    """Clocks of one order, told as escalation would."""

    workflow: Installation
    order: str
    region: str
    team: str | None
    start: datetime
    traits: dict[str, Any] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 100)))

    async def clock(self, kind: str, change: str, **fields: Any) -> ClockChange:
        """Of two hours from `start` on, unless the fields say otherwise."""
        number = next(self.numbers)
        given = {"due_at": self.start + 2 * HOUR, "state": "running", "ledger": (RunningInterval(self.start),)}
        clock = ClockChange(
            **{
                "id": f"{self.order}/{number}",
                "number": number,
                "kind": kind,
                "change": change,
                "budget_seconds": 7200,
                "unit": "natural",
                "started_at": self.start,
                "elapsed_seconds": 0,
                "policy": POLICY,
                "calendar": POLICY,
                "cycle": 1,
                **given,
                **fields,
            }
        )
        await self.changed(clock)
        return clock

    async def changed(self, clock: ClockChange) -> None:
        event = ClocksChanged(
            work_order_id=self.order, cycle=1, clocks=(clock,), region=self.region, team=self.team, **self.traits
        )
        await self.workflow.publish("sla", wire_type(ClocksChanged), event, subject=f"clk{self.order[2:]}")

    async def breached(self, clock: ClockChange) -> None:
        fields = {name: getattr(clock, name) for name in ClockView.__dataclass_fields__}
        event = ClockBreached(
            work_order_id=self.order, cycle=1, clock=ClockView(**{**fields, "breached_at": clock.due_at})
        )
        await self.workflow.publish("sla", wire_type(ClockBreached), event, subject=f"clk{self.order[2:]}")


def ran(start: datetime, *hours: float, by: tuple[Turn, ...]) -> tuple[RunningInterval, ...]:
    edges = [start + hour * HOUR for hour in hours]
    return tuple(
        RunningInterval(edges[n], edges[n + 1] if n + 1 < len(edges) else None, None, [*by, None][n // 2])
        for n in range(0, len(edges), 2)
    )


async def every_outcome(order: Planted) -> None:
    """Of resolve: 3 met (1 corrected, 1 paused), 3 missed, 1 open in a pause, 1 not covered, 2 left out."""
    start, late = order.start, order.start + 2 * HOUR
    ended: dict[str, Any] = {"state": "stopped", "ledger": ran(start, 0, 1, by=(turned("closed"),))}
    await order.clock("resolve", "stopped", **ended)
    paused = ran(start, 0, 1, 3, 3.5, 4, 5, by=(PARTS, CUSTOMER, turned("closed")))
    await order.clock("resolve", "stopped", state="stopped", due_at=start + 9 * HOUR, ledger=paused)
    false_alarm = await order.clock("resolve", "started")
    await order.breached(false_alarm)
    await order.changed(
        ClockChange(
            **{
                **{name: getattr(false_alarm, name) for name in ClockChange.__dataclass_fields__},
                "change": "corrected",
                "breached_at": late,
                **ended,
            }
        )
    )
    await order.clock("resolve", "stopped", **{**ended, "breached_at": late, "cause": "handling"})
    await order.breached(await order.clock("resolve", "started", cause="routing"))
    await order.clock("resolve", "started")  # running and overdue, and nobody has said so yet
    await order.clock("resolve", "paused", state="paused", due_at=None, ledger=ran(start, 0, 1, by=(PARTS,)))
    await order.clock("resolve", "started", due_at=None, not_covered=True)
    await order.clock("resolve", "cancelled", state="cancelled", turn=turned("merged"))
    left = {"state": "cancelled", "turn": turned("cancelled"), "breached_at": late}
    await order.clock("resolve", "cancelled", **left)
    await order.clock("statutory", "started", due_at=start + 60 * HOUR)
    await order.clock("alarm.archive", "started")
