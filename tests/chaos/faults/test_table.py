"""docs/faults.md has a row for every fault that is tried, with what was seen, and nothing else."""

from tests.chaos.faults.registry import SECTIONS, seen
from tests.chaos.faults.table import PAGE, missing, page


def test_every_fault_was_seen_and_stands_in_the_table() -> None:
    assert missing() == []
    assert PAGE.read_text() == page(), "run `python -m tests.chaos.faults.table`"


def test_nothing_is_remembered_of_faults_that_are_not_tried_any_more() -> None:
    ids = [fault.id for faults in SECTIONS.values() for fault in faults]
    assert len(ids) == len(set(ids))
    assert set(seen()) <= set(ids)
