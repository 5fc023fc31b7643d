"""The law's clock runs on, and nobody moves it without a reason that stands in the record."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.events.parts import ClockChange, RunningInterval, Turn
from shared.events.sla import ClocksChanged
from shared.reconcile.statutory import StatutoryClocks
from shared.testing.samples import sample
from tests.ballot import NOON

DAY = timedelta(days=1)
TURN = Turn("workorder.extension_decided", "wo_1:0000000009", "agent:lea", "force_majeure")


def a_clock(**fields: Any) -> ClockChange:
    given = {"id": "wo_1/1", "kind": "statutory", "state": "running", "change": "started", "due_at": NOON + DAY}
    return replace(sample(ClockChange, full=False), **{**given, **fields})


def said(*clocks: ClockChange) -> list[str]:
    statutory = StatutoryClocks()
    for clock in clocks:
        statutory.see(ClocksChanged(work_order_id="wo_1", cycle=1, clocks=(clock,), region="r"))
    assert {one.invariant for one in statutory.violations} <= {"I12"}
    return [f"{one.subject} {one.detail}" for one in statutory.violations]


def test_a_clock_that_starts_and_stops_is_in_order() -> None:
    assert said(a_clock(), a_clock(change="stopped", state="stopped")) == []
    assert said(a_clock(), a_clock(id="wo_1/2", due_at=NOON + 3 * DAY)) == [], "another instance"


def test_a_pause_is_named_however_it_shows() -> None:
    for pause in ({"state": "paused"}, {"change": "paused"}, {"pauses": {"waiting": 1}}):
        assert said(a_clock(**pause)) == ["wo_1/1 was paused"]
    gap = (RunningInterval(NOON, NOON + DAY), RunningInterval(NOON + 2 * DAY))
    assert said(a_clock(ledger=gap)) == [f"wo_1/1 stood still before {(NOON + 2 * DAY).isoformat()}"]


def test_other_clocks_may_pause() -> None:
    assert said(a_clock(kind="resolve", state="paused")) == []


def test_a_due_that_moved_needs_a_recorded_reason() -> None:
    later = NOON + 2 * DAY
    moved = [f"wo_1/1 moved from {(NOON + DAY).isoformat()} to {later.isoformat()} without a reason"]
    assert said(a_clock(), a_clock(due_at=later, change="stopped")) == moved
    assert said(a_clock(), a_clock(due_at=later, change="retargeted", turn=replace(TURN, reason=None))) == moved
    assert said(a_clock(), a_clock(due_at=later, change="retargeted", turn=TURN)) == []


def test_a_due_that_the_calendar_does_not_know_has_not_moved() -> None:
    assert said(a_clock(), a_clock(due_at=None), a_clock()) == []
