"""What must hold when everything has come to rest; each fault is one sentence that begins with its invariant."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from shared.kernel.aggregate import Decision, Snapshot
from shared.kernel.history import apply
from shared.messaging.contract import source_of
from shared.runtime.context import Executed
from shared.runtime.sweepers import REPUBLISH_TOPIC
from shared.testing.memory_topics import Kept as Record
from tests.properties.kernel.chain import FRONT_BINDING, INBOX, NEWS, NEWSPAPER, STATION, Service, front_of
from tests.properties.kernel.town import Town

Walked = dict[str, list[tuple[Decision, Any, Snapshot[Any]]]]
"""Of each aggregate, every decision with the state before and the snapshot after it."""


def faults_of(town: Town) -> list[str]:
    """Empty when the story ended as every story must."""
    faults = [*town.faults, *_unsettled(town)]
    walked: dict[str, Walked] = {}
    for service in (STATION, NEWSPAPER):
        walked[service.name], unfolded = _walk(town, service)
        faults += unfolded
    if unfolded or faults:
        return faults
    ballots, fronts = walked[STATION.name], walked[NEWSPAPER.name]
    for service in (STATION, NEWSPAPER):
        faults += _projected(town, service, walked[service.name])
        faults += _decided_once(walked[service.name])
        faults += _published(town, service, walked[service.name])
    return [
        *faults,
        *_followed(ballots, fronts),
        *_thanked(town, ballots),
        *_in_order(town, ballots),
        *_fates(town, ballots),
        *_answered(town),
    ]


def _unsettled(town: Town) -> Iterator[str]:
    if town.broker.lag():
        yield f"I9: {town.broker.lag()} records are not committed"
    for name, kept in town.kept.items():
        for mark in kept.log.unpublished:
            yield f"I2: {mark} of {name} is still marked as unpublished"
        for one in kept.collections.documents.get("parked", {}).values():
            yield f"I8: {one['_id']} is still parked: {one['reason']} {one['detail']}"


def _walk(town: Town, service: Service) -> tuple[Walked, list[str]]:
    """I4: versions and sequences without holes, time never backwards."""
    walked: Walked = {}
    faults: list[str] = []
    store = town.kept[service.name].log
    for aggregate_id in store.documents:
        snapshot: Snapshot[Any] = Snapshot(aggregate_id)
        walked[aggregate_id] = []
        for document in store.of(aggregate_id):
            for decision in document.decisions:
                before, at = snapshot.state, snapshot.at
                try:
                    snapshot = apply(service.kind, snapshot, decision, document.first)
                except ValueError as error:
                    return walked, [*faults, f"I4: {error}"]
                if at is not None and decision.at < at:
                    faults.append(f"I4: {aggregate_id}: version {decision.version} is older than the one before")
                walked[aggregate_id].append((decision, before, snapshot))
    return walked, faults


def _projected(town: Town, service: Service, walked: Walked) -> Iterator[str]:
    """I10: what is projected is what the log folds to; what was refused before it came to be is not."""
    projected = town.kept[service.name].projection.snapshots
    born = {one for one, steps in walked.items() if steps[-1][2].state is not None}
    for aggregate_id in projected.keys() | born:
        steps = walked.get(aggregate_id)
        if not steps or projected.get(aggregate_id) != steps[-1][2]:
            yield f"I10: {aggregate_id} is projected as {projected.get(aggregate_id)}"


def _decided_once(walked: Walked) -> Iterator[str]:
    """I1: a cause is decided once on each aggregate, and each of these touches one only.

    Before there is an aggregate each copy is refused by itself, so that a dead letter may be sent back.
    """
    born = [d for steps in walked.values() for d, _, after in steps if after.state is not None]
    times = Counter((d.cause.source, d.cause.id) for d in born)
    for cause, count in times.items():
        if count > 1:
            yield f"I1: {cause} was decided {count} times"


def _published(town: Town, service: Service, walked: Walked) -> Iterator[str]:
    """I2: every event stands on the topic as its decision renders it, and nothing else does."""
    engine = next(p.engine for p in town.processes if p.service is service)
    expected: dict[str, object] = {}
    for aggregate_id, steps in walked.items():
        for decision, before, _ in steps:
            for record in engine.records(service.kind, aggregate_id, before, decision):
                expected[_id_of(record.headers)] = (record.key, record.value, record.headers)
    found = Counter[str]()
    for kept in town.broker.records(service.kind.topic):
        event_id = _id_of(kept.headers)
        found[event_id] += 1
        if expected.get(event_id) != (kept.key, kept.value, kept.headers):
            yield f"I2: {event_id} is on the topic as nobody decided it"
    for event_id in expected.keys() - found.keys():
        yield f"I2: {event_id} is on no topic"
    if town.quiet and not town.broker.records(REPUBLISH_TOPIC):
        for event_id, copies in found.items():
            if copies > 1:
                yield f"I2: {event_id} came {copies} times although nothing went wrong"


def _followed(ballots: Walked, fronts: Walked) -> Iterator[str]:
    """I5: a follower applied every sequence of whom it follows, one by one."""
    for ballot, steps in ballots.items():
        last = steps[-1][2].sequence
        marks = [d.mark for d, _, _ in fronts.get(front_of(ballot), [])]
        if marks != [(FRONT_BINDING.name, number) for number in range(1, last + 1)]:
            yield f"I5: of {last} events of {ballot} its follower applied {[mark and mark[1] for mark in marks]}"


def _thanked(town: Town, ballots: Walked) -> Iterator[str]:
    """I6: everything that triggers was decided, once; nothing else was."""
    source = source_of(NEWSPAPER.name)
    decided = {d.cause.id for steps in ballots.values() for d, _, _ in steps if d.cause.source == source}
    triggers = {_id_of(record.headers) for record in town.broker.records(NEWS)}
    for event_id in decided ^ triggers:
        yield f"I6: {event_id} triggered {'what nobody counted' if event_id in decided else 'nothing'}"


def _in_order(town: Town, ballots: Walked) -> Iterator[str]:
    """Records of one partition are applied in their order, but for those that may have to wait for their subject."""
    waiting = (b'"opens":false', b'"reopen"')
    orderly = {
        (record.topic, record.partition, record.offset)
        for record in town.broker.records(INBOX)
        if not any(word in (record.value or b"") for word in waiting)
    }
    for ballot, steps in ballots.items():
        last: dict[object, int] = defaultdict(int)
        for decision, _, _ in steps:
            topic, partition, offset = _place(decision)
            if decision.events and (topic, partition, offset) in orderly and offset is not None:
                if offset < last[partition]:
                    yield f"order: {ballot} applied offset {offset} after {last[partition]}"
                last[partition] = max(offset, last[partition])


def _fates(town: Town, ballots: Walked) -> Iterator[str]:
    """I8: every record that came in was applied, refused, a duplicate or dead-lettered; and a refusal was told."""
    decided: dict[tuple[str, str], Decision] = {
        (d.cause.source, d.cause.id): d for steps in ballots.values() for d, _, _ in steps
    }
    letters: dict[tuple[str, int, int], int] = defaultdict(int)
    buried: set[str] = set()
    for letter in town.broker.records("workflow.dead-letters"):
        said = {name: (value or b"").decode() for name, value in letter.headers}
        letters[(said["dl_topic"], int(said["dl_partition"]), int(said["dl_offset"]))] += 1
        buried.add(said["ce_id"])
    unchanged = {b'"seal"', b'"reopen"'}  # may hold already, which leaves no trace
    for record in town.broker.records(INBOX):
        place = (record.topic, record.partition, record.offset)
        decision = decided.get(("/test", _id_of(record.headers)))
        may_hold = any(asked in (record.value or b"") for asked in unchanged)
        if decision is None and _id_of(record.headers) not in buried and not may_hold:
            yield f"I8: {_where(record)} was lost"
        if decision is not None and decision.refusal and _place(decision) == place and place not in letters:
            yield f"I8: {_where(record)} was refused and nobody was told"
        if town.quiet and letters[place] > 1:
            yield f"I8: {_where(record)} was dead-lettered {letters[place]} times although nothing went wrong"


def _answered(town: Town) -> Iterator[str]:
    """What a caller was told was done stands in the log."""
    store = town.kept[STATION.name].log
    for call in town.calls:
        decided = [one.cause for document in store.of(call.aggregate_id) for one in document.decisions]
        times = decided.count(call.cause)
        if call.answer is None and not call.gives_up:
            yield f"a caller was never answered: {call.cause.id}"
        if isinstance(call.answer, Executed) and call.answer.events and times != 1:
            yield f"I1: {call.cause.id} was answered as done and is {times} times in the log"


def _place(decision: Decision) -> tuple[str | None, int | None, int | None]:
    return decision.cause.topic, decision.cause.partition, decision.cause.offset


def _id_of(headers: Any) -> str:
    return next(str(value, "utf-8") for name, value in headers if name == "ce_id")


def _where(record: Record) -> str:
    return f"{record.topic}/{record.partition}/{record.offset} ({_id_of(record.headers)})"
