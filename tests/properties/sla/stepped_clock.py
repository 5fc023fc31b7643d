"""An oracle for clocks: lives through every second and looks ahead by counting. Shares no code with the product."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

from tests.properties.sla.random_calendars import shown
from tests.properties.sla.walked_time import Json, NotCovered, OutOfSight, WalkedTime

SIGHT = 1800  # seconds that it looks ahead or back before it gives up


@dataclass
class SteppedRung:
    document: Json
    status: str = "pending"
    at: int | None = None


@dataclass
class SteppedClock:
    """One clock and its rungs; `now` moves second by second from the first event to the last."""

    walked: WalkedTime
    document: Json
    now: int
    state: str = "running"
    intervals: list[tuple[int, int | None]] = field(default_factory=list)
    breached_at: int | None = None
    retargeted_while_paused: bool = False

    def __post_init__(self) -> None:
        self.budget = self.document["budget_seconds"]
        self.unit = self.document["unit"]
        self.rungs = [SteppedRung(rung) for rung in self.document["rungs"]]

    def counts(self, second: int, unit: str) -> bool:
        return unit == "natural" or self.walked.works_at(second)

    def require(self, instant: int, unit: str) -> None:
        if unit == "business":
            self.walked.require(instant)

    def forward(self, instant: int, seconds: int, unit: str) -> int:
        self.require(instant, unit)
        start = instant
        while seconds > 0:
            if instant - start >= SIGHT:
                raise OutOfSight
            seconds -= self.counts(instant, unit)
            instant += 1
            self.require(instant, unit)
        return instant

    def backward(self, instant: int, seconds: int, unit: str) -> int:
        self.require(instant, unit)
        start = instant
        while seconds > 0:
            if start - instant >= SIGHT:
                raise OutOfSight
            instant -= 1
            seconds -= self.counts(instant, unit)
            self.require(instant, unit)
        return instant

    def used_in(self, since: int, until: int) -> int:
        self.require(since, self.unit)
        self.require(until, self.unit)
        return sum(self.counts(second, self.unit) for second in range(since, until))

    def elapsed(self) -> int:
        return sum(self.used_in(since, self.now if until is None else until) for since, until in self.intervals)

    def reached(self, amount: int) -> int | None:
        used = 0
        for since, until in self.intervals:
            if until is None:
                return self.forward(since, amount - used, self.unit)
            here = self.used_in(since, until)
            if used + here >= amount:
                return self.forward(since, amount - used, self.unit)
            used += here
        return None

    def time_of(self, rung: SteppedRung) -> int | None:
        if "at_percent" in rung.document:
            share = Fraction(str(rung.document["at_percent"])) * self.budget / 100
            return self.reached(ceil(share))
        due, offset = self.reached(self.budget), rung.document["offset_seconds"]
        if due is None:
            return None
        move = self.backward if offset < 0 else self.forward
        return move(due, abs(offset), rung.document["offset_unit"])

    def start(self) -> None:
        self.intervals.append((self.now, None))
        self.settle(redecide=False)

    def live_until(self, instant: int) -> None:
        if self.state != "running":
            self.now = instant if self.state == "paused" else self.now
            return
        due = self.reached(self.budget)
        times = [self.time_of(rung) for rung in self.rungs]
        while self.now < instant:
            self.now += 1
            for rung, time in zip(self.rungs, times, strict=True):
                if rung.status == "pending" and time == self.now:
                    rung.status, rung.at = "fired", self.now
            if due is not None and self.now > due and self.breached_at is None:
                self.breached_at = self.now - 1  # the first instant after which it held

    def settle(self, *, redecide: bool) -> None:
        times = [self.time_of(rung) for rung in self.rungs]
        passed = []
        for place, (rung, time) in enumerate(zip(self.rungs, times, strict=True)):
            assert time is not None
            if redecide and time > self.now:
                rung.status, rung.at = "pending", None
            if rung.status == "pending" and time <= self.now:
                passed.append((time, place))
        for time, place in passed:
            highest = (time, place) == max(passed)
            self.rungs[place].status = "fired" if highest else "collapsed"
            self.rungs[place].at = self.now if highest else time
        due = self.reached(self.budget)
        assert due is not None
        if due < self.now and self.breached_at is None:
            self.breached_at = self.now

    def happen(self, event: Json) -> None:
        if self.state in ("stopped", "cancelled"):
            return
        kind = event["type"]
        if kind == "pause" and self.state == "running" and self.document["pausable"]:
            self.close_interval()
            self.state = "paused"
        elif kind == "resume" and self.state == "paused":
            self.state = "running"
            self.intervals.append((self.now, None))
            self.settle(redecide=self.retargeted_while_paused)
            self.retargeted_while_paused = False
        elif kind in ("stop", "cancel"):
            self.state = "stopped" if kind == "stop" else "cancelled"
            for rung in self.rungs:
                rung.status = "void" if rung.status == "pending" else rung.status
        elif kind == "retarget":
            self.retarget(event["budget_seconds"], event.get("mode", "keep_elapsed"))

    def close_interval(self) -> None:
        since, _ = self.intervals.pop()
        self.intervals.append((since, self.now))

    def retarget(self, budget: int, mode: str) -> None:
        if mode == "min":
            mode = "keep_elapsed" if budget < self.budget else "keep_deadline"
        if mode != "keep_deadline":
            self.budget = budget
        if mode == "restart":
            self.intervals = [(self.now, None)] if self.state == "running" else []
        if self.state == "running":
            self.settle(redecide=True)
        else:
            self.retargeted_while_paused = True
            for rung in self.rungs:
                self.time_of(rung)

    def answer(self) -> Json:
        used = self.elapsed()
        return {
            "state": self.state,
            "due_at": shown(self.reached(self.budget)),
            "elapsed_seconds": used,
            "remaining_seconds": self.budget - used,
            "breached_at": shown(self.breached_at),
            "rungs": [
                {
                    "key": rung.document["key"],
                    "fire_at": shown(rung.at if rung.status in ("fired", "collapsed") else self.time_of(rung)),
                    "status": rung.status,
                }
                for rung in self.rungs
            ],
        }


def live(walked: WalkedTime, document: Json, events: list[tuple[int, Json]]) -> Json:
    """The answer that `sla simulate` owes, without its id."""
    clock = SteppedClock(walked, document, events[0][0])
    try:
        clock.start()
        for at, event in events[1:]:
            clock.live_until(at)
            clock.happen(event)
        return clock.answer()
    except NotCovered:
        return {"error": {"code": "calendar_not_covered"}}
