"""`sla simulate`: what would have become of this clock, one clock with its events per line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Final, NamedTuple, cast, get_args

from shared.cli.sla_lines import (
    Request,
    Values,
    boolean,
    field_of,
    integer,
    invalid,
    list_of,
    object_of,
    seconds_unit,
    text,
)
from shared.kernel import sla_clock
from shared.kernel.sla_clock import Clock, ClockPlan, OffsetRung, RetargetMode, Rung, ShareRung, Step
from shared.kernel.working_time import Calendar, format_instant, parse_instant

_MOVES: Final[Mapping[str, Callable[[Clock, Calendar, int], Step]]] = {
    "pause": sla_clock.pause,
    "resume": sla_clock.resume,
    "stop": sla_clock.stop,
    "cancel": sla_clock.cancel,
    "start": sla_clock.advance,  # a second start counts for nothing but its time
    "observe": sla_clock.advance,
}


class _Event(NamedTuple):
    at: int
    kind: str
    budget: int = 0
    mode: RetargetMode = "keep_elapsed"


def simulate(request: Request) -> Mapping[str, object]:
    """The whole request is checked first, then the calendar, then the coverage."""
    request.require("calendar")
    plan = _plan(object_of(request.value("clock"), "clock"))
    events = [
        _event(object_of(event, f"events.{place}"), f"events.{place}")
        for place, event in enumerate(list_of(request.value("events"), "events"))
    ]
    if not events or events[0].kind != "start":
        raise invalid("events: the first is not start")
    if any(later.at < earlier.at for earlier, later in pairwise(events)):
        raise invalid("events: not in time order")
    return _report(plan, request.calendar(), events)


def _report(plan: ClockPlan, calendar: Calendar, events: list[_Event]) -> Mapping[str, object]:
    clock = _play(plan, calendar, events)
    used = sla_clock.elapsed(clock, calendar)
    fire_times = sla_clock.fire_times(clock, calendar)
    return {
        "state": clock.state,
        "due_at": _shown(sla_clock.due_at(clock, calendar)),
        "elapsed_seconds": used,
        "remaining_seconds": clock.budget - used,
        "breached_at": _shown(clock.breached_at),
        "rungs": [
            {"key": rung.key, "fire_at": _shown(fire_at), "status": decision.status}
            for rung, fire_at, decision in zip(clock.rungs, fire_times, clock.decisions, strict=True)
        ],
    }


def _play(plan: ClockPlan, calendar: Calendar, events: list[_Event]) -> Clock:
    clock, _ = sla_clock.start(plan, calendar, events[0].at)
    for event in events[1:]:
        if event.kind == "retarget":
            clock, _ = sla_clock.retarget(clock, calendar, event.at, event.budget, event.mode)
        else:
            clock, _ = _MOVES[event.kind](clock, calendar, event.at)
    return clock


def _plan(values: Values) -> ClockPlan:
    text(field_of(values, "kind", "clock"), "clock.kind")
    rungs = list_of(field_of(values, "rungs", "clock"), "clock.rungs")
    return ClockPlan(
        budget=integer(field_of(values, "budget_seconds", "clock"), "clock.budget_seconds", least=0),
        unit=seconds_unit(field_of(values, "unit", "clock"), "clock.unit"),
        pausable=boolean(field_of(values, "pausable", "clock"), "clock.pausable"),
        rungs=tuple(
            _rung(object_of(rung, f"clock.rungs.{place}"), f"clock.rungs.{place}") for place, rung in enumerate(rungs)
        ),
    )


def _rung(values: Values, where: str) -> Rung:
    key = text(field_of(values, "key", where), f"{where}.key")
    if ("at_percent" in values) == ("offset_seconds" in values):
        raise invalid(f"{where}: needs either at_percent or offset_seconds")
    if "at_percent" in values:
        return ShareRung(key, _percent(values["at_percent"], f"{where}.at_percent"))
    seconds = integer(values["offset_seconds"], f"{where}.offset_seconds")
    unit = seconds_unit(field_of(values, "offset_unit", where), f"{where}.offset_unit")
    return OffsetRung(key, seconds, unit)


def _percent(value: object, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value < 0:
        raise invalid(f"{where}: not a number of at least 0")
    return str(value)


def _event(values: Values, where: str) -> _Event:
    at = parse_instant(field_of(values, "at", where))
    kind = text(field_of(values, "type", where), f"{where}.type")
    if kind in _MOVES:
        return _Event(at, kind)
    if kind != "retarget":
        raise invalid(f"{where}.type: unknown")
    budget = integer(field_of(values, "budget_seconds", where), f"{where}.budget_seconds", least=0)
    mode = values.get("mode", "keep_elapsed")
    if mode not in get_args(RetargetMode):
        raise invalid(f"{where}.mode: unknown")
    return _Event(at, kind, budget, cast(RetargetMode, mode))


def _shown(instant: int | None) -> str | None:
    return None if instant is None else format_instant(instant)
