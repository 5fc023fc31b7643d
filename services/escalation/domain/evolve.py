"""The clock set after each of its events."""

from dataclasses import replace
from datetime import UTC, datetime

from services.escalation.domain.state import ClockSet
from services.escalation.domain.table import is_alarm
from shared.events.parts import ClockChange, ClockView, Rung, RungTime
from shared.events.sla import ClockAtRisk, ClockBreached, ClocksChanged, RungCollapsed, RungFired, Traits
from shared.kernel.aggregate import Event, Stamp
from shared.kernel.alteration import altered

BEGIN = datetime(1970, 1, 1, tzinfo=UTC)


def evolve(state: ClockSet | None, event: Event, _stamp: Stamp | None = None) -> ClockSet:
    if isinstance(event, ClocksChanged):
        return _changed(state, event)
    if state is None:
        raise ValueError(f"{event.TYPE} of a clock set without clocks")
    match event:
        case ClockBreached():
            breached = altered(
                _clock(state, event.clock), breached_at=event.clock.breached_at, cause=event.clock.cause
            )
            return _with(state, breached)
        case ClockAtRisk():
            return _with(state, altered(_clock(state, event.clock), warned=True))
        case RungFired():
            return _with(state, _decided(_clock(state, event.clock), event, "fired"))
        case RungCollapsed():
            return _with(state, _decided(_clock(state, event.clock), event, "collapsed"))
    raise ValueError(f"no event of a clock set: {event.TYPE}")


def _changed(state: ClockSet | None, event: ClocksChanged) -> ClockSet:
    traits = event.traits or (_unknown(event) if state is None else state.traits)
    clocks = {clock.number: clock for clock in (() if state is None else state.clocks)}
    clocks.update((clock.number, clock) for clock in event.clocks)
    return ClockSet(
        work_order_id=event.work_order_id,
        cycle=event.cycle,
        region=event.region,
        team=event.team,
        traits=traits,
        clocks=tuple(clocks[number] for number in sorted(clocks)),
    )


def _unknown(event: ClocksChanged) -> Traits:
    """Of a log that began before traits were kept: the next record of the order brings them."""
    received_at = min((clock.started_at for clock in event.clocks), default=BEGIN)
    return Traits(status="", category="", priority="", tier="", channel="", received_at=received_at)


def _clock(state: ClockSet, view: ClockView) -> ClockChange:
    return next(clock for clock in state.clocks if clock.id == view.id)


def _with(state: ClockSet, newer: ClockChange) -> ClockSet:
    return altered(state, clocks=tuple([newer if clock.id == newer.id else clock for clock in state.clocks]))


def _decided(clock: ClockChange, event: RungFired | RungCollapsed, status: str) -> ClockChange:
    name, occurrence = event.rung.name, event.rung.occurrence
    rungs = tuple(
        [
            _at(rung, event.rung, status, clock.target)
            if rung.name == name and rung.occurrence == occurrence
            else rung
            for rung in clock.rungs
        ]
    )
    if not is_alarm(clock.kind):
        return altered(clock, rungs=rungs)
    # An alarm that has rung is over.
    ledger = tuple(replace(ran, until=ran.until or event.rung.fired_at) for ran in clock.ledger)
    return altered(clock, rungs=rungs, state=event.clock.state, ledger=ledger)


def _at(rung: RungTime, decided: Rung, status: str, target: int) -> RungTime:
    """Fired: when it fired. Collapsed: when it should have."""
    return replace(
        rung, status=status, fire_at=decided.fired_at if status == "fired" else decided.fire_at, target=target
    )
