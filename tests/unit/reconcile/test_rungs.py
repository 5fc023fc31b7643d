"""Every rung is decided once, in its time and while its clock runs, and none that is due stays undecided."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.events.parts import ClockChange, ClockView, RungTime
from shared.events.sla import ClockBreached, ClocksChanged, RungCollapsed, RungFired
from shared.kernel.aggregate import SYSTEM, Cause, Decision
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


def fired(name: str, clock: ClockChange, kind: type[RungFired] | type[RungCollapsed] = RungFired, **rung: Any) -> Any:
    event = sample(kind, full=False)
    given = {"key": f"{clock.id}/{name}/0/1", "name": name, "occurrence": 1, "fire_at": NOON + HOUR, **rung}
    given["fired_at"] = rung.get("fired_at", given["fire_at"])
    return replace(event, work_order_id="wo_1", clock=a_view(clock), rung=replace(event.rung, **given))


def a_view(clock: ClockChange) -> ClockView:
    return ClockView(**{name: getattr(clock, name) for name in ClockView.__dataclass_fields__})


def decision(*events: Any, at: datetime = NOON + 3 * HOUR) -> Decision:
    return Decision(1, 0, at, at, SYSTEM, Cause("/test", "1"), events)


def seen(*events: Any) -> Rungs:
    """Each event is a decision of its own; a tuple of them is one."""
    rungs = Rungs()
    for event in events:
        rungs.see(event if isinstance(event, Decision) else decision(event))
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
    rungs.see(decision(replace(sample(ClockBreached, full=False), clock=a_view(a_clock()))))
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


def test_each_repeat_of_a_rung_is_one_of_its_own() -> None:
    rungs = tuple(RungTime("50%", "pending", NOON + n * HOUR, occurrence=n) for n in (1, 2))
    clock = a_clock(due_at=None, rungs=rungs)
    assert missed(seen(changed(clock), fired("50%", clock)), 9) == ["wo_1/1/50%/2"]


def untimely(*events: Any) -> list[tuple[str, str, str]]:
    return [(one.invariant, one.subject, one.detail) for one in seen(*events).untimely]


def test_a_rung_in_its_time_is_in_order() -> None:
    clock = a_clock(due_at=None)
    assert untimely(changed(clock), fired("50%", clock), changed(a_clock(state="stopped"))) == []


def test_no_rung_is_decided_before_its_time() -> None:
    clock = a_clock(due_at=None)
    rung, key, due = fired("50%", clock), "wo_1/1/50%/0/1", (NOON + HOUR).isoformat()
    assert untimely(changed(clock), decision(rung, at=NOON)) == [("I7", key, f"was decided before {due}")]
    assert untimely(changed(clock), fired("50%", clock, fire_at=NOON)) == [("I7", key, f"was planned for {due}")]


def test_what_a_source_dates_ahead_of_us_is_not_early() -> None:
    clock = a_clock(due_at=None)
    ahead = replace(decision(fired("50%", clock), at=NOON), occurred_at=NOON + HOUR)
    assert untimely(changed(clock), ahead) == []


def test_nothing_is_decided_of_a_clock_that_stopped_before() -> None:
    clock, ceased = a_clock(due_at=None), "was decided although its clock did not run any more"
    for state in ("stopped", "paused", "cancelled"):
        stopped = changed(a_clock(state=state))
        assert untimely(changed(clock), stopped, fired("50%", clock)) == [("I7", "wo_1/1/50%/0/1", ceased)]
        breached = replace(sample(ClockBreached, full=False), clock=a_view(clock))
        assert untimely(changed(clock), stopped, breached) == [("I7", "wo_1/1/breach", ceased)]
    assert untimely(changed(clock), decision(fired("50%", clock), changed(a_clock(state="stopped")))) == []


def test_an_alarm_says_all_that_it_has_to_say_at_once() -> None:
    alarm = a_clock("alarm.callback_attempt")
    rung = fired("50%", replace(alarm, state="stopped"))
    below = fired("25%", replace(alarm, state="stopped"), RungCollapsed)
    assert untimely(changed(alarm), decision(below, rung)) == []
    assert len(untimely(changed(alarm), rung, below)) == 1


def test_the_latest_rung_is_known_and_may_be_too_late() -> None:
    clock = a_clock(due_at=None)
    announced = decision(changed(clock), at=NOON)
    rungs = seen(announced, fired("50%", clock, fired_at=NOON + 1.5 * HOUR))
    assert rungs.latest == (0.5 * HOUR, "wo_1/1/50%/0/1")
    assert list(rungs.too_late(HOUR)) == []
    assert [(one.invariant, one.detail) for one in rungs.too_late(timedelta(0))] == [("I7", "fired 1800 s late")]


def test_a_rung_is_not_late_that_was_planned_after_its_time() -> None:
    clock = a_clock(due_at=None)
    again = decision(changed(a_clock(due_at=None)), at=NOON + 2 * HOUR)  # the same plan once more
    late = fired("50%", clock, fired_at=NOON + 2 * HOUR)
    assert seen(again, late).latest[0] == timedelta(0)
    assert seen(decision(changed(clock), at=NOON), again, late).latest[0] == HOUR
