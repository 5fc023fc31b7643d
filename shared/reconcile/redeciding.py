"""Tells "lost" from "without a trace by rule": decides again, on every state that the record can have met."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shared.kernel.aggregate import AggregateType, Cause, Command, Facts, Snapshot
from shared.kernel.ports import Declined, Held, Item, LogDocument
from shared.kernel.runner import Runner
from shared.messaging.bindings import Trigger
from shared.messaging.reading import Work
from shared.reconcile.fates import cause_of
from shared.reconcile.histories import History

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class _Frozen:
    """Log and projection of one aggregate at one moment of its past; what is appended goes nowhere."""

    def __init__(self, snapshot: Snapshot[Any]) -> None:
        self._snapshot = snapshot

    def prepare(self, document: LogDocument[Any]) -> LogDocument[Any]:
        return document

    async def append(self, _documents: Sequence[LogDocument[Any]]) -> set[str]:
        return set()

    async def tail(self, _after: Mapping[str, int]) -> dict[str, list[LogDocument[Any]]]:
        return {}

    async def older_causes(self, _wanted: Sequence[tuple[str, Cause]]) -> dict[tuple[str, str, str], int]:
        return {}

    async def load(self, _ids: Sequence[str]) -> dict[str, Snapshot[Any]]:
        return {self._snapshot.id: self._snapshot} if self._snapshot.version else {}


async def leaves_no_trace(work: Work, command: Command | None, history: History, reference: Any) -> bool:
    """Whether some state that `work` can have met refuses it for ever, or finds nothing to change.

    `command` is the work's own, completed with the service's facts; `reference` is that of now.
    """
    time = work.delivery.envelope.time or work.delivery.record.timestamp
    item = Item(
        aggregate_id=work.aggregate_id,
        command=command,
        cause=cause_of(work),
        waits_for=work.binding.wait_for if isinstance(work.binding, Trigger) else frozenset(),
    )
    for snapshot in states_since(history, time):
        if await _is_without_trace(history.kind, snapshot, item, Facts(time, reference)):
            return True
    return False


def states_since(history: History, time: datetime) -> list[Snapshot[Any]]:
    """The aggregate as it was right before `time`, and after each decision since; the first may be its absence."""
    met: list[Snapshot[Any]] = [Snapshot(history.id)]
    for each in history.steps:
        if (each.snapshot.at or _LONG_AGO) < time:
            met.clear()
        met.append(each.snapshot)
    return met


async def _is_without_trace(kind: AggregateType[Any], snapshot: Snapshot[Any], item: Item, facts: Facts) -> bool:
    frozen = _Frozen(snapshot)
    results, _, _ = await Runner(kind, frozen, frozen).run([item], facts)
    return isinstance(results[0], Held | Declined)
