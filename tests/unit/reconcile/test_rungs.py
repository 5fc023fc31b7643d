"""Every rung is decided once, and none that is due stays undecided."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.events.parts import ClockChange, ClockView, RungTime
from shared.events.sla import ClockBreached, ClocksChanged, RungCollapsed, RungFired
from shared.reconcile.rungs import Rungs
from shared.testing.samples import sample
from tests.ballot import NOON

HOUR = timedelta(hours=1)


def a_clock(kind: str = "accept", state: str = "running", **fields: Any) -> ClockChange:
    rungs = (RungTime("50%", "pending", NOON + HOUR), RungTime("75%", "fired", NOON))
    given = {"id": "wo_1/1", "kind": kind, "state": state, "due_at": NOON + 2 * HOUR, "rungs": rungs, **fields}
    return replace(sample(ClockChange, full=False), **given)


def changed(*clocks: ClockChange) -> ClocksChanged:
    return ClocksChanged(work_order_id="wo_1", cycle=1, clocks=clocks, region="r")


def fired(name: str, clock: ClockChange, kind: type[RungFired] | type[RungCollapsed] = RungFired) -> Any:
    event = sample(kind, full=False)
    rung = replace(event.rung, key=f"{clock.id}/{name}/0/1", name=name)
    return replace(event, work_order_id="wo_1", clock=a_view(clock), rung=rung)


def a_view(clock: ClockChange) -> ClockView:
    return ClockView(**{name: getattr(clock, name) for name in ClockView.__dataclass_fields__})


def seen(*events: Any) -> Rungs:
    rungs = Rungs()
    for event in events:
        rungs.see(event)
    return rungs


def missed(rungs: Rungs, hours: float, waits: bool = False) -> list[str]:
    return [one.subject for one in rungs.missed(NOON + hours * HOUR, lambda order: waits)]


def test_a_pending_rung_is_missed_once_its_time_has_passed() -> None:
    rungs = seen(changed(a_clock()))
    assert missed(rungs, 1) == []
    assert missed(rungs, 1.1) == ["wo_1/1/50%"]


def test_a_breach_is_due_one_second_after_the_clock() -> None:
    rungs = seen(changed(a_clock(rungs=())))
    assert missed(rungs, 2) == []
    assert missed(rungs, 3) == ["wo_1/1/breach"]
    rungs.see(replace(sample(ClockBreached, full=False), clock=a_view(a_clock())))
    assert missed(rungs, 3) == []


def test_what_was_decided_or_has_stopped_is_not_missed() -> None:
    clock = a_clock(due_at=None)
    assert missed(seen(changed(clock), fired("50%", clock)), 9) == []
    assert missed(seen(changed(clock), fired("50%", clock, RungCollapsed)), 9) == []
    assert missed(seen(changed(clock), changed(a_clock(state="stopped"))), 9) == []


def test_an_alarm_that_rang_is_over_and_is_never_breached() -> None:
    alarm = a_clock("alarm.callback_attempt")
    rung = fired("50%", replace(alarm, state="stopped"))
    assert missed(seen(changed(alarm)), 9) == ["wo_1/1/50%"]
    assert missed(seen(changed(alarm), rung), 9) == []
    assert seen(changed(alarm), rung).running == {}


def test_the_timers_of_an_order_with_records_under_way_may_wait() -> None:
    assert missed(seen(changed(a_clock())), 9, waits=True) == []


def test_a_rung_that_was_decided_twice_is_named() -> None:
    clock = a_clock()
    twice = seen(changed(clock), fired("50%", clock), fired("50%", clock, RungCollapsed), fired("90%", clock))
    assert [(one.invariant, one.subject, one.detail) for one in twice.repeated()] == [
        ("I6", "wo_1/1/50%/0/1", "was decided 2 times")
    ]
