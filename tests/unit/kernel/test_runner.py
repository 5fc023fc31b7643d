"""The runner's rules, one by one, on in-memory ports."""

from dataclasses import replace
from typing import Any

import pytest

from shared.kernel.aggregate import Cause, Snapshot
from shared.kernel.history import REMEMBERED_CAUSES
from shared.kernel.ports import Decided, Declined, Failed, Gap, Held, Item, Known, LogDocument, Waits
from shared.kernel.refusal import Refusal
from shared.kernel.runner import STATE_EVERY, Runner
from shared.testing.memory import MemoryLog, MemoryProjection
from tests.ballot import BALLOT, FACTS, NOON, Ballot, Seal, Vote, a_vote

Parts = tuple[Runner[Ballot], MemoryLog, MemoryProjection]


@pytest.fixture
def parts() -> Parts:
    log, projection = MemoryLog(), MemoryProjection()
    return Runner(BALLOT, log, projection), log, projection


async def run(parts: Parts, *items: Item, save: bool = True) -> list[Any]:
    runner, _, projection = parts
    results, _, changed = await runner.run(items, FACTS)
    if save:
        await projection.save(changed)
    return results


async def test_a_batch_makes_one_log_document_of_each_aggregate(parts: Parts) -> None:
    await run(parts, a_vote("1"), a_vote("2"), a_vote("3", "bal_2"), a_vote("4", votes=2))
    assert {(d.aggregate_id, d.first, d.last) for d in parts[1].documents} == {
        ("bal_1", 1, 3),
        ("bal_2", 1, 1),
    }


async def test_sequences_count_events_and_versions_count_decisions(parts: Parts) -> None:
    results = await run(parts, a_vote("1", votes=3), a_vote("2"))
    assert [(r.decision.version, r.decision.sequence) for r in results] == [(1, 0), (2, 3)]
    assert results[-1].snapshot.sequence == 4


async def test_a_cause_is_decided_once_in_a_batch_and_ever_after(parts: Parts) -> None:
    first = await run(parts, a_vote("1"), a_vote("1"))
    again = await run(parts, a_vote("1"))
    assert isinstance(first[0], Decided)
    assert first[1] == Known(1)
    assert again == [Known(1)]


async def test_a_duplicate_within_a_batch_is_known_beyond_the_remembered_causes(parts: Parts) -> None:
    votes = [a_vote(str(n)) for n in range(REMEMBERED_CAUSES + 10)]
    results = await run(parts, *votes, a_vote("0"))
    assert isinstance(results[-1], Known)


async def test_a_cause_older_than_the_remembered_ones_is_found_in_the_log(parts: Parts) -> None:
    await run(parts, *(a_vote(str(n)) for n in range(REMEMBERED_CAUSES + 10)))
    assert await run(parts, a_vote("3")) == [Known(1)]


async def test_a_stale_projection_makes_the_append_collide_and_the_cause_is_found(parts: Parts) -> None:
    await run(parts, a_vote("1"), save=False)
    results = await run(parts, a_vote("1"), a_vote("2"))
    assert results[0] == Known(1)
    assert results[1].decision.version == 2
    assert parts[2].snapshots["bal_1"].state == Ballot(votes=2)


async def test_a_refusal_is_final_only_after_the_tail_was_read(parts: Parts) -> None:
    await run(parts, a_vote("1"))
    await run(parts, Item("bal_1", Seal(), Cause("/test", "seal")), save=False)
    (result,) = await run(parts, a_vote("2"))
    assert isinstance(result, Declined)
    assert result.refusal.code == "sealed"


async def test_nothing_to_change_is_proven_against_the_tail_too(parts: Parts) -> None:
    await run(parts, a_vote("1"), Item("bal_1", Seal(), Cause("/test", "seal")), save=False)
    (result,) = await run(parts, Item("bal_1", Seal(), Cause("/test", "seal again")))
    assert isinstance(result, Held)


@pytest.mark.parametrize(
    "stale_item",
    [
        a_vote("2", opens=False, records_refusals=False),
        Item("bal_1", Vote(expected_version=1), Cause("/test", "2")),
        Item("bal_1", Vote(), Cause("/p", "p:2"), mark=("follow", 2)),
        Item("bal_1", None, Cause("/p", "p:2"), mark=("follow", 2)),
    ],
    ids=["not found", "stale version", "gap", "unknown subject"],
)
async def test_what_appends_nothing_is_not_proven_by_a_stale_projection(parts: Parts, stale_item: Item) -> None:
    await run(parts, Item("bal_1", Vote(), Cause("/p", "p:1"), mark=("follow", 1)), save=False)
    (result,) = await run(parts, stale_item)
    assert isinstance(result, Decided)


async def test_a_refused_trigger_on_an_existing_aggregate_is_recorded(parts: Parts) -> None:
    await run(parts, a_vote("1"))
    (refused,) = await run(parts, a_vote("2", votes=0))
    assert refused.decision.refusal.code == "no_votes"
    assert refused.decision.events == ()
    assert await run(parts, a_vote("2", votes=0)) == [Known(2)]


async def test_a_final_refusal_and_a_refused_http_command_leave_no_trace(parts: Parts) -> None:
    await run(parts, a_vote("1"))
    assert isinstance((await run(parts, a_vote("2", votes=0, records_refusals=False)))[0], Declined)
    await run(parts, Item("bal_1", Seal(), Cause("/test", "seal")))
    assert isinstance((await run(parts, a_vote("3")))[0], Declined)
    assert parts[2].snapshots["bal_1"].version == 2


async def test_what_is_refused_before_there_is_anything_is_recorded_and_not_shown(parts: Parts) -> None:
    """Else somebody who slept since before the refusal could still accept it, and nobody would own what follows."""
    (refused,) = await run(parts, a_vote("1", votes=0, offset=5))
    assert refused.decision.refusal.code == "no_votes"
    assert "bal_1" not in parts[2].snapshots
    assert await run(parts, a_vote("1", offset=5)) == [Known(1)]
    assert (await run(parts, a_vote("1", votes=0, offset=5, records_refusals=False))) == [Known(1)]


async def test_a_refused_record_that_is_sent_back_is_decided_anew_and_then_once(parts: Parts) -> None:
    await run(parts, a_vote("1", votes=0, offset=5))
    (accepted,) = await run(parts, a_vote("1", offset=9))
    assert (accepted.decision.version, accepted.decision.sequence) == (2, 0)
    assert parts[2].snapshots["bal_1"].state.votes == 1
    for offset in (5, 9, 12):
        assert await run(parts, a_vote("1", offset=offset)) == [Known(2)]


async def test_nothing_advances_on_what_was_only_refused(parts: Parts) -> None:
    await run(parts, a_vote("1", votes=0, offset=5))
    marked = Item("bal_1", None, Cause("/p", "p:1"), mark=("follow", 1))
    assert await run(parts, marked) == [Waits("unknown_subject")]


async def test_an_unknown_subject_waits_and_an_http_caller_is_told(parts: Parts) -> None:
    assert await run(parts, a_vote("1", opens=False)) == [Waits("unknown_subject")]
    (told,) = await run(parts, a_vote("1", opens=False, records_refusals=False))
    assert told.refusal.code == "not_found"


async def test_a_refusal_that_means_not_yet_waits(parts: Parts) -> None:
    assert await run(parts, a_vote("1", votes=0, waits_for=frozenset({"no_votes"}))) == [Waits("no_votes")]


async def test_a_failing_decision_stops_only_its_own_aggregate(parts: Parts) -> None:
    results = await run(parts, a_vote("1"), a_vote("2", broken=True), a_vote("3"), a_vote("4", "bal_2"))
    assert [type(r) for r in results] == [Decided, Failed, Waits, Decided]
    assert results[2] == Waits("behind_failed")


async def test_a_followed_sequence_has_no_holes(parts: Parts) -> None:
    def followed(number: int, command: Vote | None) -> Item:
        return Item("bal_1", command, Cause("/p", f"p:{number}"), mark=("follow", number))

    results = await run(parts, followed(1, Vote()), followed(3, Vote()), followed(2, None), followed(3, Vote()))
    assert isinstance(results[0], Decided)
    assert results[1] == Gap(2)
    assert results[2].decision.events == ()
    assert isinstance(results[3], Decided)
    assert parts[2].snapshots["bal_1"].marks == {"follow": 3}
    assert await run(parts, replace(followed(2, Vote()), cause=Cause("/p", "another copy"))) == [Known(None)]


async def test_a_followed_refusal_advances_the_mark(parts: Parts) -> None:
    await run(parts, Item("bal_1", Vote(), Cause("/p", "p:1"), mark=("follow", 1)))
    await run(parts, Item("bal_1", Seal(), Cause("/p", "p:2"), mark=("follow", 2)))
    (refused,) = await run(parts, Item("bal_1", Vote(), Cause("/p", "p:3"), mark=("follow", 3)))
    assert refused.decision.refusal.code == "sealed"
    assert parts[2].snapshots["bal_1"].marks == {"follow": 3}


async def test_an_expected_version_that_passed_is_refused(parts: Parts) -> None:
    await run(parts, a_vote("1"))
    stale = Item("bal_1", Vote(expected_version=7), Cause("/test", "2"), records_refusals=False)
    (refused,) = await run(parts, stale)
    assert refused.refusal.code == "stale_version"


async def test_time_never_runs_backwards_within_an_aggregate(parts: Parts) -> None:
    runner, _, projection = parts
    _, _, changed = await runner.run([a_vote("1")], replace(FACTS, now=NOON.replace(hour=13)))
    await projection.save(changed)
    (late,) = await run(parts, a_vote("2"))
    assert late.decision.at == NOON.replace(hour=13)


async def test_every_64th_version_keeps_the_state_of_its_document(parts: Parts) -> None:
    for number in range(STATE_EVERY + 1):
        await run(parts, a_vote(str(number)))
    kept = [d.first for d in parts[1].documents if d.state is not None]
    assert kept == [STATE_EVERY]


class Picky(MemoryLog):
    """Holds everything but the word bad."""

    def prepare(self, document: LogDocument[Any]) -> LogDocument[Any] | None:
        bad = any(getattr(event, "text", "") == "bad" for d in document.decisions for event in d.events)
        return None if bad else super().prepare(document)


async def test_what_can_never_be_stored_is_declined_alone(parts: Parts) -> None:
    projection = parts[2]

    picky = Runner(BALLOT, Picky(), projection)
    bad = Item("bal_1", Vote(text="bad"), Cause("/test", "bad"))
    results, _, _ = await picky.run([a_vote("1"), bad, a_vote("2")], FACTS)
    assert [type(r) for r in results] == [Decided, Declined, Decided]
    assert results[1].refusal.code == "not_storable"  # type: ignore[union-attr]  # a Declined, as asserted
    assert isinstance(results[2], Decided)
    assert results[2].snapshot == replace(results[2].snapshot, state=Ballot(votes=2))


async def test_a_followed_event_that_can_never_be_stored_is_refused_and_passed(parts: Parts) -> None:
    """Else everything after it would wait for it for ever."""
    log, projection = parts[1], parts[2]
    picky = Runner(BALLOT, Picky(log.store), projection)
    await run(parts, Item("bal_1", Vote(), Cause("/p", "p:1"), mark=("follow", 1)))
    bad, after = (
        Item("bal_1", Vote(text=text), Cause("/p", f"p:{number}"), mark=("follow", number))
        for number, text in ((2, "bad"), (3, "good"))
    )
    (refused, accepted), _, changed = await picky.run([bad, after], FACTS)
    assert isinstance(refused, Decided)
    assert refused.decision.refusal == Refusal("not_storable", final=True)
    assert isinstance(accepted, Decided)
    assert changed["bal_1"][1].marks == {"follow": 3}


async def test_an_event_read_too_late_is_decided_without_moving_the_mark(parts: Parts) -> None:
    passed, late = (
        Item("bal_1", command, Cause("/p", cause), mark=("follow", 1), late=command is not None)
        for cause, command in (("p:1:passed", None), ("p:1", Vote()))
    )
    await run(parts, a_vote("0"), passed)
    (decided,) = await run(parts, late)
    assert isinstance(decided, Decided)
    assert decided.decision.mark is None
    assert await run(parts, late) == [Known(3)]
    assert parts[2].snapshots["bal_1"].marks == {"follow": 1}


async def test_callers_do_not_stand_behind_a_failed_one(parts: Parts) -> None:
    results = await run(parts, a_vote("1", broken=True, records_refusals=False), a_vote("2", records_refusals=False))
    assert [type(r) for r in results] == [Failed, Decided]


async def test_what_is_too_large_together_makes_several_documents(parts: Parts) -> None:
    class Small(MemoryLog):
        def prepare(self, document: LogDocument[Any]) -> LogDocument[Any] | None:
            return super().prepare(document) if len(document.decisions) <= 2 else None

    log = Small()
    results, documents, _ = await Runner(BALLOT, log, parts[2]).run([a_vote(str(n)) for n in range(5)], FACTS)
    assert [type(r) for r in results] == [Decided] * 5
    assert [(d.first, d.last) for d in documents] == [(1, 2), (3, 4), (5, 5)]


def test_a_hole_in_the_log_is_never_folded_over() -> None:
    from shared.kernel.aggregate import SYSTEM, Decision
    from shared.kernel.history import apply

    decision = Decision(5, 0, NOON, NOON, SYSTEM, Cause("/test", "1"))
    with pytest.raises(ValueError, match="does not follow"):
        apply(BALLOT, Snapshot("bal_1"), decision, 5)
