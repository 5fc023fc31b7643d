"""What became of each record: told from what the service kept, and lost only where nothing else explains it."""

from dataclasses import replace
from typing import Any

import msgspec

from shared.kernel.aggregate import Facts
from shared.kernel.refusal import Refusal
from shared.messaging.bindings import Binding, Follow, On, Replica, Replied, Trigger
from shared.messaging.cloudevents import write
from shared.messaging.dead_letters import dead_letter
from shared.messaging.records import Delivery, Envelope, InRecord, OutRecord
from shared.reconcile.fates import Fates
from shared.reconcile.redeciding import leaves_no_trace, states_since
from shared.reconcile.traces import Traces
from shared.reconcile.verdict import Fate
from tests.ballot import BALLOT, NOON, Seal, Vote, a_vote
from tests.unit.reconcile.ballots import a_history

VOTE, CLOSED = "closedloop.vote.v1", "closedloop.workorder.closed.v1"


def to_ballot(delivery: Delivery) -> tuple[str, Vote]:
    return str(delivery.envelope.subject), Vote(opens=False)


def refuses_all(_delivery: Delivery, _facts: Facts) -> Refusal:
    return Refusal("unknown_source")


ON = {VOTE: On(dict, to_ballot)}
TRIGGER = Trigger("complaints", BALLOT, ON, may_send=refuses_all)
FOLLOW = Follow("workorders", BALLOT, lambda subject: subject)
REPLICA = Replica("directory", "copies", ON, lambda d: (str(d.envelope.subject), {}), forget=bytes.decode)


def a_record(topic: str = "complaints", offset: int = 0, sequence: int | None = None, **envelope: Any) -> InRecord:
    given = {"id": "1", "source": "/test", "type": VOTE, "subject": "bal_1", "time": NOON, **envelope}
    out = write(topic, "bal_1", Envelope(sequence=sequence, **given), b"{}")
    return InRecord(topic, 0, offset, out.key, out.value, out.headers, NOON)


def judged(*records: InRecord, binding: Binding = TRIGGER, traces: Traces | None = None) -> Fates:
    fates = Fates("test", [binding], traces or Traces(), lambda record: record.offset < 100)
    for record in records:
        fates.judge(record)
    return fates


def fate_of(record: InRecord, binding: Binding = TRIGGER, traces: Traces | None = None) -> Fate:
    fates = judged(record, binding=binding, traces=traces)
    [(_, fate)] = fates.counts
    return fate


async def applied(*offsets: int) -> Traces:
    """Traces of the causes 1, 2, … that came from complaints at these places."""
    votes = [a_vote(str(n), offset=offset) for n, offset in enumerate(offsets, start=1)]
    items = [replace(vote, cause=replace(vote.cause, topic="complaints")) for vote in votes]
    traces = Traces()
    traces.see(await a_history(items))
    return traces


def buried(record: InRecord, reason: str = "not_json") -> InRecord:
    letter = dead_letter("test", record, reason, "", NOON)
    return InRecord(letter.topic, 0, 0, letter.key, letter.value, letter.headers, NOON)


async def test_a_cause_in_the_log_was_applied_and_copies_of_it_are_duplicates() -> None:
    traces = await applied(5)
    assert fate_of(a_record(offset=5), traces=traces) is Fate.APPLIED
    assert fate_of(a_record(offset=6), traces=traces) is Fate.DUPLICATE


async def test_a_recorded_refusal_is_a_refusal() -> None:
    vote = a_vote("2", votes=0, offset=1)
    item = replace(vote, cause=replace(vote.cause, topic="complaints"))
    traces = Traces()
    traces.see(await a_history([a_vote("1")], [item]))
    assert fate_of(a_record(id="2", offset=1), traces=traces) is Fate.REFUSED


def test_what_was_not_consumed_yet_waits() -> None:
    assert fate_of(a_record(offset=100)) is Fate.WAITING


def test_a_known_type_that_nobody_wants_is_skipped() -> None:
    assert fate_of(a_record(type="closedloop.complaint.answered.v1")) is Fate.SKIPPED


def test_an_unreadable_record_is_a_dead_letter_or_lost() -> None:
    broken = msgspec.structs.replace(a_record(offset=3), value=b"{")
    traces = Traces()
    assert traces.bury(buried(broken)) == "complaints/0/3"
    assert fate_of(broken, traces=traces) is Fate.DEAD_LETTERED
    fates = judged(broken)
    [violation] = fates.violations()
    assert (violation.invariant, violation.subject) == ("I8", "complaints/0/3")
    assert violation.detail == "lost at test: cannot be read (not_json) and is no dead letter"


async def test_a_dead_letter_whose_copy_was_applied_is_reported() -> None:
    traces = await applied(5)
    traces.bury(buried(a_record(offset=4)))
    fates = judged(a_record(offset=4), traces=traces)
    assert fates.late_twins == ["test complaints/0/4"]
    assert fates.violations() == []


def test_what_is_or_was_parked_is_not_lost() -> None:
    here = {
        "_id": f"{TRIGGER.name}|/test|1",
        "place": "complaints/0/9",
        "binding": TRIGGER.name,
        "aggregate": "bal_1",
    }
    parked, left = Traces(), Traces()
    parked.set_aside([here], [])
    left.set_aside([], [f"complaints/0/9|{TRIGGER.name}"])
    assert fate_of(a_record(offset=9), traces=parked) is Fate.PARKED
    assert fate_of(a_record(offset=8), traces=parked) is Fate.PARKED  # a copy of it
    assert fate_of(a_record(offset=9), traces=left) is Fate.PARKED
    assert parked.held == {"bal_1"}


def test_a_type_that_nobody_knows_has_to_be_parked() -> None:
    unknown = a_record(type="closedloop.never_heard_of.v1")
    assert fate_of(unknown) is Fate.LOST
    traces = Traces()
    traces.set_aside([], ["complaints/0/0|catalogue"])
    assert fate_of(unknown, traces=traces) is Fate.PARKED


def test_copies_of_what_was_given_up_while_it_was_parked_are_explained() -> None:
    traces = Traces()
    traces.bury(buried(a_record(offset=1), "unknown_subject"))
    fates = judged(a_record(offset=2), traces=traces)
    assert (fates.unexplained, fates.violations()) == ([], [])


def test_followed_records_up_to_the_mark_were_applied_and_those_beyond_are_lost() -> None:
    traces = Traces(marks={(FOLLOW.name, "bal_1"): 2})
    fates = judged(
        a_record("workorders", 0, sequence=2, id="bal_1:2", type=CLOSED),
        a_record("workorders", 1, sequence=3, id="bal_1:3", type=CLOSED),
        binding=FOLLOW,
        traces=traces,
    )
    assert [violation.subject for violation in fates.violations()] == ["workorders/0/1"]


def test_a_replica_has_to_be_as_new_as_its_newest_record() -> None:
    fates = judged(
        a_record("directory", 0, sequence=1), a_record("directory", 1, sequence=2, id="2"), binding=REPLICA
    )
    [(key, expected)] = fates.copies.items()
    assert (key, expected.order, expected.place) == (("copies", "bal_1"), 2, "directory/0/1")
    fates.lose_late(expected.place, "was not copied")
    assert fates.counts == {("directory", Fate.COPIED): 1, ("directory", Fate.LOST): 1}


def a_reply(delivery: Delivery, _replied: Replied) -> OutRecord:
    envelope = Envelope(f"{delivery.envelope.id}:reply", "/test", "closedloop.command.refused.v1", time=NOON)
    return write("workorders.replies", "1", envelope, b"{}")


def test_a_command_without_a_trace_was_answered_at_least() -> None:
    binding = replace(TRIGGER, foreign=True, reply=a_reply)
    traces = Traces()
    traces.answered_by(a_record("workorders.replies", id="1:reply"))
    fates = judged(a_record(offset=1), a_record(id="2", offset=2), binding=binding, traces=traces)
    fates.check_replies()
    [violation] = fates.violations()
    assert (violation.subject, violation.detail) == (
        "complaints/0/2",
        "lost at test: was neither decided nor answered",
    )


async def trace_free(offset: int, *batches: Any) -> bool:
    [one] = judged(a_record(id="9", offset=offset)).unexplained
    return await leaves_no_trace(one.work, one.work.command, await a_history(*batches), None)


async def test_a_final_refusal_leaves_no_trace_and_an_acceptable_record_would() -> None:
    sealed = replace(a_vote("2"), command=Seal())
    assert await trace_free(1, [a_vote("1")], [sealed])
    assert not await trace_free(1, [a_vote("1")])
    assert not await trace_free(1)  # an unknown subject would be parked


async def test_only_states_that_the_record_can_have_met_are_asked() -> None:
    history = await a_history([a_vote("1")], [a_vote("2")])
    assert [snapshot.version for snapshot in states_since(history, NOON)] == [0, 1, 2]
    later = NOON.replace(hour=13)
    assert [snapshot.version for snapshot in states_since(history, later)] == [2]
