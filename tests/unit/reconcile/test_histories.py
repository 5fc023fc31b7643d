"""What a log has to be like to be folded, and what is said of one that is not."""

from dataclasses import replace
from datetime import timedelta

from shared.kernel.runner import STATE_EVERY
from shared.reconcile.followed import holes
from shared.reconcile.histories import History, RawDocument, history_of
from tests.ballot import BALLOT, NOON, a_vote
from tests.unit.reconcile.ballots import a_history, changed, documents_of, restored


def folded(documents: list[RawDocument]) -> History:
    return history_of(BALLOT, "bal_1", documents, restored)


def said(documents: list[RawDocument]) -> list[str]:
    return [f"{fault.invariant} {fault.detail}" for fault in folded(documents).faults]


async def test_a_sound_log_folds_to_the_end_without_a_word() -> None:
    history = await a_history([a_vote("1"), a_vote("2", votes=2)], [a_vote("3")])
    assert (history.faults, history.snapshot.version, history.snapshot.sequence) == ([], 3, 4)
    assert history.snapshot.state is not None
    assert history.snapshot.state.votes == 4


async def test_a_missing_document_is_a_hole() -> None:
    documents = await documents_of([a_vote("1")], [a_vote("2")], [a_vote("3")])
    del documents[1]
    assert said(documents) == [
        "I4 version 3 cannot follow: bal_1: decision 3 (sequence 2) does not follow version 1 (sequence 1)"
    ]
    assert folded(documents).snapshot.version == 1


async def test_a_document_that_does_not_hold_its_versions_is_named() -> None:
    documents = await documents_of([a_vote("1")])
    assert said([{**documents[0], "to": 2}]) == ["I4 log document bal_1:0000000001 does not hold versions 1 to 2"]


async def test_an_event_that_cannot_follow_is_named() -> None:
    documents = await documents_of([a_vote("1")], [a_vote("2")])
    assert said([documents[0], changed(documents[1], events=("no event",))])[0].startswith(
        "I4 version 2 cannot follow: "
    )


async def test_time_never_goes_backwards() -> None:
    documents = await documents_of([a_vote("1")], [a_vote("2")])
    earlier = changed(documents[1], at=NOON - timedelta(seconds=1))
    assert said([documents[0], earlier]) == ["I4 version 2 was decided before version 1"]


async def test_a_document_that_cannot_be_read_is_named() -> None:
    documents = await documents_of([a_vote("1")])
    del documents[0]["document"]
    assert said(documents) == ["I4 log document bal_1:0000000001 cannot be read: KeyError"]


async def test_a_kept_state_is_what_the_log_folds_to() -> None:
    documents = await documents_of([a_vote(str(number)) for number in range(STATE_EVERY)])
    kept = restored(documents[0])
    assert kept.state is not None
    assert said(documents) == []
    wrong = {**documents[0], "document": replace(kept, state=replace(kept.state, sequence=1))}
    assert said([wrong]) == [f"I10 the state kept with version {STATE_EVERY} is not what the log folds to"]


async def test_followed_sequences_have_no_hole() -> None:
    def followed(number: int) -> RawDocument:
        return changed(documents[number - 1], mark=("t>ballot", number))

    documents = await documents_of([a_vote("1")], [a_vote("2")], [a_vote("3")], [a_vote("4")])
    assert (
        list(holes(folded([followed(1), followed(2), documents[2], changed(documents[3], mark=("t>ballot", 3))])))
        == []
    )
    [hole] = holes(folded([followed(1), changed(documents[1], mark=("t>ballot", 3)), followed(3)]))
    assert (hole.invariant, hole.subject) == ("I5", "bal_1")
    assert hole.detail == "t>ballot applied sequence 3 where 2 was due"
