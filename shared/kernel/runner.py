"""Decide, append, project: the mechanism that runs aggregates, over three ports. No service writes this again."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic

from shared.kernel.aggregate import AggregateType, Command, Decision, Facts, S, Snapshot
from shared.kernel.history import document_version, fold, forgets_causes, step
from shared.kernel.ports import (
    Decided,
    Declined,
    Failed,
    Gap,
    Held,
    Item,
    Known,
    Log,
    LogDocument,
    Projection,
    Result,
    Waits,
)
from shared.kernel.refusal import Refusal, Unchanged

STATE_EVERY = 64  # versions between two states kept in the log
YIELD_AFTER = 0.005  # seconds of deciding before the event loop gets its turn


@dataclass(slots=True)
class _Plan(Generic[S]):
    """What one aggregate's items come to on one snapshot, before anything is written."""

    snapshot: Snapshot[S]
    results: list[Result] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    causes: set[tuple[str, str]] = field(default_factory=set)  # decided here; the snapshot remembers only so many

    @property
    def needs_proof(self) -> bool:
        """Only an append proves that the snapshot was current; a remembered cause needs no proof."""
        return not self.decisions and any(not isinstance(r, Known | Failed) or _unplaced(r) for r in self.results)


def _unplaced(result: Result) -> bool:
    return isinstance(result, Known) and result.first is None


class Runner(Generic[S]):
    """Runs batches of items on aggregates of one kind."""

    def __init__(
        self, kind: AggregateType[S], log: Log[S], projection: Projection[S], yield_after: float = YIELD_AFTER
    ) -> None:
        self.kind, self._log, self._projection, self.yield_after = kind, log, projection, yield_after

    async def run(
        self, items: Sequence[Item], facts: Facts, unpublished: bool = False
    ) -> tuple[list[Result], list[LogDocument[S]], dict[str, tuple[int, Snapshot[S]]]]:
        """Decides and appends all items.

        Returns the results in the order of the items, the documents appended, and the snapshots to project with
        the version that each was loaded at. Raises OutcomeUnknown when log or projection do not answer.
        """
        groups: dict[str, list[int]] = {}
        for position, item in enumerate(items):
            groups.setdefault(item.aggregate_id, []).append(position)
        batch = _Batch(self, items, facts, unpublished, groups)
        await batch.load(list(groups))
        while batch.open:
            await batch.round()
        return [batch.results[position] for position in range(len(items))], batch.appended, batch.changed


class _Batch(Generic[S]):
    """One run. `open` shrinks until every aggregate's plan was appended or proven."""

    def __init__(
        self, runner: Runner[S], items: Sequence[Item], facts: Facts, unpublished: bool, groups: dict[str, list[int]]
    ) -> None:
        self.kind, self._log, self._projection = runner.kind, runner._log, runner._projection
        self._yield_after = runner.yield_after
        self._items, self._facts, self._unpublished = items, facts, unpublished
        self.open = groups
        self._snapshots: dict[str, Snapshot[S]] = {}
        self._loaded: dict[str, int] = {}
        self._older: dict[tuple[str, str, str], int] = {}
        self._unstorable: set[int] = set()
        self._at_most: dict[str, int] = {}  # items whose decisions fit into one document
        self._failed: set[str] = set()
        self.results: dict[int, Result] = {}
        self.appended: list[LogDocument[S]] = []
        self.changed: dict[str, tuple[int, Snapshot[S]]] = {}

    async def load(self, ids: Sequence[str]) -> None:
        found = await self._projection.load(ids)
        for aggregate_id in ids:
            self._snapshots[aggregate_id] = found.get(aggregate_id) or Snapshot(aggregate_id)
            self._loaded[aggregate_id] = self._snapshots[aggregate_id].version
        await self._recall_older()

    async def round(self) -> None:
        plans = await self._plan_all()
        documents = self._documents(plans)
        collided = await self._log.append(documents) if documents else set()
        doubtful = {i for i, plan in plans.items() if plan.needs_proof} | collided
        tails = await self._log.tail({i: self._snapshots[i].version for i in doubtful})
        for document in documents:
            if document.aggregate_id not in collided:
                self.appended.append(document)
        for aggregate_id, plan in plans.items():
            if aggregate_id in collided or aggregate_id in tails:
                self._catch_up(aggregate_id, tails.get(aggregate_id, []))
            elif aggregate_id in self._retry:
                continue
            else:
                self._settle(aggregate_id, plan)
        await self._recall_older()

    def _settle(self, aggregate_id: str, plan: _Plan[S]) -> None:
        positions = self.open.pop(aggregate_id)
        planned, rest = positions[: len(plan.results)], positions[len(plan.results) :]
        self.results.update(zip(planned, plan.results, strict=True))
        if any(isinstance(result, Failed) for result in plan.results):
            self._failed.add(aggregate_id)
        if rest:
            self.open[aggregate_id], self._snapshots[aggregate_id] = rest, plan.snapshot
        if plan.snapshot.version != self._loaded[aggregate_id]:
            self.changed[aggregate_id] = (self._loaded[aggregate_id], plan.snapshot)

    def _catch_up(self, aggregate_id: str, tail: Sequence[LogDocument[S]]) -> None:
        before = self._snapshots[aggregate_id]
        self._snapshots[aggregate_id] = fold(self.kind, before, ((d.first, d.decisions) for d in tail))

    async def _recall_older(self) -> None:
        wanted = [
            (aggregate_id, self._items[position].cause)
            for aggregate_id, positions in self.open.items()
            if forgets_causes(self._snapshots[aggregate_id])
            for position in positions
            if document_version(self._snapshots[aggregate_id], self._items[position].cause) is None
        ]
        if wanted:
            self._older.update(await self._log.older_causes(wanted))

    async def _plan_all(self) -> dict[str, _Plan[S]]:
        self._retry: set[str] = set()
        plans: dict[str, _Plan[S]] = {}
        started = time.monotonic()
        for aggregate_id, positions in self.open.items():
            chosen = positions[: self._at_most.get(aggregate_id)]
            plans[aggregate_id] = self._plan(self._snapshots[aggregate_id], chosen, aggregate_id in self._failed)
            if time.monotonic() - started > self._yield_after:
                await asyncio.sleep(0)
                started = time.monotonic()
        return plans

    def _plan(self, snapshot: Snapshot[S], positions: Sequence[int], failed: bool) -> _Plan[S]:
        plan = _Plan(snapshot)
        first = snapshot.version + 1
        for position in positions:
            item = self._items[position]
            if failed and item.records_refusals:  # a record keeps its place behind another; a caller has none
                result: Result = Waits("behind_failed")
            else:
                result = self._decide(plan, item, first, storable=position not in self._unstorable)
            failed = failed or isinstance(result, Failed)
            plan.results.append(result)
        return plan

    def _decide(self, plan: _Plan[S], item: Item, first: int, *, storable: bool) -> Result:
        if (item.cause.source, item.cause.id) in plan.causes:
            return Known(first)
        known = self._known(plan.snapshot, item)
        if known is not None:
            return known
        try:
            outcome = self._outcome(plan.snapshot, item) if storable else self._unstored(plan.snapshot, item)
            if isinstance(outcome, _Asked):
                return self._record(plan, item, outcome, first)
        except Exception as error:  # noqa: BLE001 - a bug in a domain function must stop its own record only
            return Failed(error)
        return outcome

    def _known(self, snapshot: Snapshot[S], item: Item) -> Known | Gap | None:
        first = document_version(snapshot, item.cause)
        if first is None and self._older:
            first = self._older.get((item.aggregate_id, item.cause.source, item.cause.id))
        if first is not None:
            return Known(first)
        if item.mark is not None:
            binding, sequence = item.mark
            expected = snapshot.marks.get(binding, 0) + 1
            if sequence < expected and not item.late:
                return Known(None)
            if sequence > expected:
                return Gap(expected)
        return None

    def _outcome(self, snapshot: Snapshot[S], item: Item) -> "Result | _Asked":
        command = item.command
        if command is None:
            return Waits("unknown_subject") if snapshot.state is None else _Asked()
        outcome: Any
        if command.expected_version is not None and command.expected_version != snapshot.version:
            outcome = Refusal("stale_version", f"the version is {snapshot.version}")
        else:
            now = self._facts.now if snapshot.at is None else max(self._facts.now, snapshot.at)
            outcome = self.kind.decide(snapshot.state, command, Facts(now, self._facts.reference))
        if isinstance(outcome, Refusal):
            return self._refused(snapshot, item, outcome)
        if isinstance(outcome, Unchanged):
            return _Asked() if item.mark else Held(snapshot)
        return _Asked(events=tuple(outcome))

    def _unstored(self, snapshot: Snapshot[S], item: Item) -> "Result | _Asked":
        return self._refused(snapshot, item, Refusal("not_storable", final=True))

    @staticmethod
    def _refused(snapshot: Snapshot[S], item: Item, refusal: Refusal) -> "Result | _Asked":
        if refusal.code in item.waits_for:
            return Waits(refusal.code)
        unborn = snapshot.state is None
        if unborn and refusal.code == "not_found" and item.records_refusals:
            return Waits("unknown_subject")
        if not unborn if item.mark is not None else item.records_refusals and not refusal.final:
            return _Asked(refusal=refusal)
        return Declined(refusal, snapshot)

    def _record(self, plan: _Plan[S], item: Item, asked: "_Asked", first: int) -> Decided[S]:
        before = plan.snapshot
        at = self._facts.now if before.at is None else max(self._facts.now, before.at)
        command = item.command or Command()
        decision = Decision(
            version=before.version + 1,
            sequence=before.sequence,
            at=at,
            occurred_at=command.occurred_at or at,
            actor=command.actor,
            cause=item.cause,
            events=asked.events,
            refusal=asked.refusal,
            mark=item.mark if _moves(before, item) else None,
            trace=item.trace,
        )
        snapshot, states = step(self.kind, before, decision, first)
        plan.snapshot = snapshot
        plan.decisions.append(decision)
        if snapshot.state is not None:
            plan.causes.add((item.cause.source, item.cause.id))
        return Decided(decision, snapshot, states)

    def _documents(self, plans: Mapping[str, _Plan[S]]) -> list[LogDocument[S]]:
        documents = []
        for aggregate_id, plan in plans.items():
            if not plan.decisions:
                continue
            whole = self._document(aggregate_id, plan)
            document = self._log.prepare(whole) or self._log.prepare(replace(whole, state=None))
            if document is None:
                self._exclude_unstorable(aggregate_id, plan)
            else:
                documents.append(document)
        return documents

    def _document(self, aggregate_id: str, plan: _Plan[S]) -> LogDocument[S]:
        first, last = plan.decisions[0].version, plan.decisions[-1].version
        keeps_state = (first - 1) // STATE_EVERY != last // STATE_EVERY
        state = plan.snapshot if keeps_state else None
        return LogDocument(aggregate_id, tuple(plan.decisions), state, self._unpublished)

    def _exclude_unstorable(self, aggregate_id: str, plan: _Plan[S]) -> None:
        """Finds the items whose decisions cannot be written and has the aggregate planned again without them."""
        self._retry.add(aggregate_id)
        decided = [
            (position, result)
            for position, result in zip(self.open[aggregate_id], plan.results, strict=False)
            if isinstance(result, Decided)
        ]
        culprits = {
            position for position, r in decided if not self._log.prepare(LogDocument(aggregate_id, (r.decision,)))
        }
        self._unstorable |= culprits
        if not culprits:  # each can be written, all together are too large
            self._at_most[aggregate_id] = max(1, len(plan.results) // 2)


def _moves(snapshot: Snapshot[S], item: Item) -> bool:
    return item.mark is not None and item.mark[1] > snapshot.marks.get(item.mark[0], 0)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A decision to record: with events, with a refusal, or with neither (a mark that advances)."""

    events: tuple[Any, ...] = ()
    refusal: Refusal | None = None
