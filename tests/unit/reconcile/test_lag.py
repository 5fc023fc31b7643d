"""What waits at a service, by the offsets that it committed."""

from shared.reconcile.lag import waiting
from shared.reconcile.topics import Places

HEARD = {"intake": {"complaints.inbox"}, "workflow": {"complaints"}}


def places(**committed: int) -> Places:
    ends = {("complaints.inbox", 0): 7, ("complaints", 0): 5, ("sla", 0): 3}
    begins = dict.fromkeys(ends, 0) | {("complaints", 0): 5}  # everything there has expired
    known = {("intake", "complaints.inbox", 0): committed["intake"]} if committed else {}
    return Places(begins, ends, known, {"complaints.inbox": 1, "complaints": 1, "sla": 1})


def test_records_wait_behind_what_was_committed_and_only_where_they_are_heard() -> None:
    assert list(waiting(places(intake=6), HEARD)) == [("intake", "complaints.inbox", 0)]
    assert list(waiting(places(intake=7), HEARD)) == []


def test_who_has_committed_nothing_stands_at_the_beginning() -> None:
    assert list(waiting(places(), HEARD)) == [("intake", "complaints.inbox", 0)]
    assert places().position("workflow", "complaints", 0) == 5
