"""What happened on a clock, told as events: rungs 升级档 that fired or collapsed, and the breach 超时."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from services.escalation.domain.clockwork import elapsed_at, view_of
from services.escalation.domain.instants import late_ms, to_instant, to_seconds
from services.escalation.domain.policies import ClockRule
from services.escalation.domain.table import is_alarm
from shared.events.parts import CarriedCommand, ClockChange, ClockView, Rung
from shared.events.sla import ClockAtRisk, ClockBreached, RungCollapsed, RungFired
from shared.kernel.aggregate import Event
from shared.kernel.sla_clock import Clock, Happening, ShareRung, advance
from shared.kernel.sla_clock.ladder import settle_passed
from shared.kernel.working_time import Calendar

AT_RISK, USED_UP = Decimal(75), Decimal(100)
# A clock keeps its first budget and no rung is repeated yet; the key names both so that it stays unique when they do.
RETARGET, OCCURRENCE = 0, 1

Told = tuple[int, Event]
"""When it was due in epoch seconds, and the event."""


def pass_time(clock: Clock, calendar: Calendar, to: int) -> tuple[Clock, tuple[Happening, ...]]:
    """Time alone, after however long: of the rungs that were passed the highest fires, the others collapse."""
    if to <= clock.as_of:
        return clock, ()
    settled, rungs = settle_passed(clock, calendar, to)
    moved, breach = advance(settled, calendar, to)
    return moved, (*rungs, *breach)


def rung_key(clock: ClockChange, name: str) -> str:
    """Decided once, whatever happens; the clock's id is the work order with the clock's number."""
    return f"{clock.id}/{name}/{RETARGET}/{OCCURRENCE}"


@dataclass(frozen=True)
class Teller:
    """Tells what happened on one clock when it was `moved` to where it is at `now`.

    `commands`: whether fired rungs carry theirs; of a clock that stops in the same decision they came too late.
    """

    record: ClockChange
    rule: ClockRule
    cycle: int
    now: datetime
    moved: Clock
    calendar: Calendar
    commands: bool = True

    def tell(self, happenings: Sequence[Happening]) -> list[Told]:
        """The events in the order in which they were due."""
        in_order = sorted(happenings, key=lambda happening: (happening.planned, happening.what == "breached"))
        collapsed = tuple(self._key(happening) for happening in in_order if happening.what == "collapsed")
        warning = next((h for h in in_order if self._is_warning(h)), None) if not self.record.warned else None
        told: list[Told] = []
        for happening in in_order:
            if happening is warning:
                told.append((happening.planned, self._about(ClockAtRisk, self._rung(happening))))
            told.extend((happening.planned, event) for event in self._events(happening, collapsed))
        return told

    def _events(self, happening: Happening, collapsed: tuple[str, ...]) -> Iterator[Event]:
        if happening.what == "collapsed":
            yield self._about(RungCollapsed, self._rung(happening))
        elif happening.what == "fired":
            yield self._about(RungFired, self._fired(happening, collapsed))
        elif not is_alarm(self.record.kind):
            yield ClockBreached(work_order_id=self._order_id, cycle=self.cycle, clock=self._clock)

    def _about(self, kind: type[ClockAtRisk] | type[RungFired] | type[RungCollapsed], rung: Rung) -> Event:
        return kind(work_order_id=self._order_id, cycle=self.cycle, clock=self._clock, rung=rung)

    @property
    def _order_id(self) -> str:
        return self.record.id.partition("/")[0]

    @cached_property
    def _clock(self) -> ClockView:
        elapsed = elapsed_at(self.moved, self.calendar, to_seconds(self.now))
        if is_alarm(self.record.kind):  # an alarm that has rung is over, and nothing of it can be breached
            return view_of(self.record, state="stopped", elapsed_seconds=elapsed)
        return view_of(self.record, breached_at=to_instant(self.moved.breached_at), elapsed_seconds=elapsed)

    def _key(self, happening: Happening) -> str:
        return rung_key(self.record, self._place(happening)[1])

    def _place(self, happening: Happening) -> tuple[int, str]:
        place = happening.rung or 0  # only a breach has none, and nobody asks for its place
        return place, self.rule.rungs[place].key

    def _is_warning(self, happening: Happening) -> bool:
        if happening.rung is None or is_alarm(self.record.kind):
            return False
        rung = self.rule.rungs[happening.rung]
        return isinstance(rung, ShareRung) and AT_RISK <= Decimal(rung.percent) < USED_UP

    def _fired(self, happening: Happening, collapsed: tuple[str, ...]) -> Rung:
        place, _ = self._place(happening)
        effect = self.rule.effects[place]
        rung = self._rung(happening)
        command = None
        if effect.action is not None and self.commands:
            command = CarriedCommand(command_id=rung.key, action=effect.action, arguments=effect.arguments)
        actions = (*(("notify",) if effect.audience else ()), *(() if command is None else (command.action,)))
        return replace(rung, audience=effect.audience, actions=actions, collapsed=collapsed, command=command)

    def _rung(self, happening: Happening) -> Rung:
        """The rung without its effects: a collapsed one reaches nobody."""
        place, name = self._place(happening)
        planned = to_instant(happening.planned)
        # The order may be ahead of us by the little that sources' clocks may be.
        fired = max(self.now, planned)
        return Rung(
            key=rung_key(self.record, name),
            level=place + 1,
            name=name,
            fire_at=planned,
            fired_at=fired,
            late_ms=late_ms(fired, planned),
        )
