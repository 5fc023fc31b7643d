"""I13: an order closes only with its loop closed: answered, and satisfied, or unreachable with notice, or forced."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.events.workorders import (
    CallbackAttempted,
    CallbackCompleted,
    Closed,
    DecisionCommunicated,
    Redispatched,
    Reopened,
)
from shared.kernel.aggregate import Actor, Event

ATTEMPTS = 3
"""Callbacks (回访) that must have failed before an order closes as unreachable."""


@dataclass(slots=True)
class _Cycle:
    communicated: bool = False
    satisfied: bool | None = None
    attempts: int = 0


def open_loops(events: Iterable[tuple[Event, Actor]]) -> Iterable[str]:
    """What is missing, once for each closing of one order; `events` with who decided them."""
    cycle = _Cycle()
    for event, actor in events:
        match event:
            case Redispatched() | Reopened():
                cycle = _Cycle()
            case DecisionCommunicated():
                cycle.communicated = True
            case CallbackAttempted():
                cycle.attempts += 1
            case CallbackCompleted():
                cycle.satisfied = event.satisfied
            case Closed():
                yield from _missing(event, cycle, actor)


def _missing(closed: Closed, cycle: _Cycle, actor: Actor) -> Iterable[str]:
    if not cycle.communicated:
        yield "closed before the decision was communicated"
    satisfied = cycle.satisfied is True
    unreachable = cycle.satisfied is None and cycle.attempts >= ATTEMPTS and closed.notice
    forced = closed.outcome == "forced" and closed.reason is not None and actor.kind == "agent"
    if not (satisfied or unreachable or forced):
        yield f"closed as {closed.outcome} without what that takes"
