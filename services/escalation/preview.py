"""Preview 预览: what a migration to another rulebook would do to the clocks of the orders that are open now."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

from services.escalation.domain.migrating import migrated
from services.escalation.domain.policies import Rulebook
from services.escalation.domain.state import ClockSet
from services.escalation.domain.table import is_alarm
from services.escalation.open_sets import count, pages
from shared.events.parts import ClockChange
from shared.runtime.context import Context

MOST = 5_000
"""Orders looked at while the caller waits. Their ids are hashes, so the first so many are a fair sample of all."""
SAMPLE = 20


async def preview(context: Context, rules: Rulebook) -> Mapping[str, Any]:
    """`rules` as they would be with the draft in force; what other versions would change anyway is not counted.

    Orders that are created later are under the new version from their start on, and in no preview.
    """
    facts, seen = context.facts(), _Seen()
    async for page in pages(context, ""):
        for snapshot in page:
            if snapshot.state is not None:
                seen.take(snapshot.state, list(_changes(snapshot.state, rules, facts.reference, facts.now)))
            await asyncio.sleep(0)
        if seen.orders >= MOST:
            break
    complete = seen.orders < MOST
    open_orders = seen.orders if complete else await count(context)
    return {"open_orders": open_orders, "complete": complete, **seen.told()}


def _changes(
    state: ClockSet, rules: Rulebook, present: Rulebook, now: datetime
) -> Iterator[tuple[ClockChange, ClockChange]]:
    """Clocks before and after, where the other rulebook and not the present one makes the difference."""
    drafted = migrated(state, rules, now)
    anyway = {clock.number: clock for clock in migrated(state, present, now)} if drafted else {}
    before = {clock.number: clock for clock in state.clocks}
    for clock in drafted:
        same = anyway.get(clock.number)
        if not is_alarm(clock.kind) and (same is None or (same.policy, same.due_at) != (clock.policy, clock.due_at)):
            yield before[clock.number], clock


@dataclass(slots=True)
class _Kind:
    clocks: int = 0
    moved: Counter[str] = field(default_factory=Counter)
    shifts: list[float] = field(default_factory=list)
    breached: int = 0
    policies: Counter[tuple[str, str]] = field(default_factory=Counter)

    def take(self, before: ClockChange, after: ClockChange) -> None:
        self.clocks += 1
        self.breached += after.breached_at is not None and before.breached_at is None
        self.policies[_named(before), _named(after)] += 1
        if before.due_at is None or after.due_at is None:
            self.moved["unknown"] += 1  # paused, or beyond what the calendar covers
            return
        shift = (after.due_at - before.due_at).total_seconds()
        self.moved["earlier" if shift < 0 else "later" if shift > 0 else "unchanged"] += 1
        if shift:
            self.shifts.append(shift)

    def told(self, kind: str) -> Mapping[str, Any]:
        shifts = self.shifts
        return {
            "kind": kind,
            "clocks": self.clocks,
            **{name: self.moved[name] for name in ("earlier", "later", "unchanged", "unknown")},
            "shift_seconds": {"min": int(min(shifts)), "median": int(median(shifts)), "max": int(max(shifts))}
            if shifts
            else None,
            "breached_at_once": self.breached,
            "policies": [{"from": old, "to": new, "clocks": n} for (old, new), n in sorted(self.policies.items())],
        }


@dataclass(slots=True)
class _Seen:
    orders: int = 0
    changed: int = 0
    kinds: dict[str, _Kind] = field(default_factory=dict)
    sample: list[Mapping[str, Any]] = field(default_factory=list)

    def take(self, state: ClockSet, changes: list[tuple[ClockChange, ClockChange]]) -> None:
        self.orders += 1
        if not changes:
            return
        self.changed += 1
        for before, after in changes:
            self.kinds.setdefault(after.kind, _Kind()).take(before, after)
        if len(self.sample) < SAMPLE:
            self.sample.append(
                {"work_order_id": state.work_order_id, "clocks": [_clock(before, after) for before, after in changes]}
            )

    def told(self) -> Mapping[str, Any]:
        return {
            "examined": self.orders,
            "would_change": self.changed,
            "clocks": [self.kinds[kind].told(kind) for kind in sorted(self.kinds)],
            "sample": self.sample,
        }


def _clock(before: ClockChange, after: ClockChange) -> Mapping[str, Any]:
    return {
        "kind": after.kind,
        "number": after.number,
        "policy_before": before.policy,
        "policy_after": after.policy,
        "due_before": before.due_at,
        "due_after": after.due_at,
        "breached_at_once": after.breached_at is not None and before.breached_at is None,
    }


def _named(clock: ClockChange) -> str:
    return f"{clock.policy.id} v{clock.policy.version}, {clock.calendar.id} v{clock.calendar.version}"
