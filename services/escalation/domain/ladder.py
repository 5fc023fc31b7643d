"""What happened on a clock, told as events: rungs 升级档 that fired or collapsed, and the breach 超时."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from services.escalation.domain.clockwork import elapsed_at, view_of
from services.escalation.domain.instants import late_ms, to_instant, to_seconds
from services.escalation.domain.policies import ClockRule, QuietHours, RungEffect
from services.escalation.domain.quiet import quiet_until
from services.escalation.domain.rungs import unmet
from services.escalation.domain.table import is_alarm
from shared.events.parts import Argument, CarriedCommand, ClockChange, ClockView, Rung
from shared.events.sla import ClockAtRisk, ClockBreached, RungCollapsed, RungFired
from shared.kernel import sla_clock
from shared.kernel.aggregate import Event
from shared.kernel.sla_clock import (
    Clock,
    Happening,
    ShareRung,
    Timetable,
    advance,
    pass_unwatched,
    timetable,
)
from shared.kernel.working_time import Calendar

AT_RISK, USED_UP = Decimal(75), Decimal(100)
NOTIFY, WEBHOOK = "notify", "webhook"
DUE_IN = "due_in_seconds"
"""An argument of a carried command that counts from when the rung fires; the order gets it as `due_at`."""

Told = tuple[int, Event]
"""When it was due in epoch seconds, and the event."""


def pass_time(clock: Clock, calendar: Calendar, to: int) -> tuple[Clock, tuple[Happening, ...]]:
    """Time alone, after however long: of the rungs that were passed the highest fires, the others collapse."""
    if clock.state != "running":
        return advance(clock, calendar, max(to, clock.as_of))
    return run_until(clock, timetable(clock, calendar), to)


def run_until(clock: Clock, times: Timetable, to: int) -> tuple[Clock, tuple[Happening, ...]]:
    """As `pass_time`, for a clock that runs by a timetable laid out before."""
    return (clock, ()) if to <= clock.as_of else pass_unwatched(clock, times, to)


def rung_key(clock: ClockChange, name: str, occurrence: int = 1, target: int | None = None) -> str:
    """Decided once, whatever happens; the clock's id is the work order with the clock's number.

    `target`: how often the clock had been retargeted when the rung was decided; None: as often as it is now.
    """
    return f"{clock.id}/{name}/{clock.target if target is None else target}/{occurrence}"


@dataclass
class Teller:
    """Tells what happened on one clock when it was `moved` to where it is at `now`.

    `commands`: whether fired rungs carry theirs; of a clock that stops in the same decision they came too late.
    `order`: what the rungs' conditions can ask of the order as it is now. `quiet`: the policy's quiet hours.
    """

    record: ClockChange
    rule: ClockRule
    cycle: int
    now: datetime
    moved: Clock
    calendar: Calendar
    commands: bool = True
    order: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    quiet: QuietHours | None = None

    def __post_init__(self) -> None:
        self._clock = self._view()

    def tell(self, happenings: Sequence[Happening]) -> list[Told]:
        """The events in the order in which they were due."""
        in_order = sorted(self._heard(happenings), key=lambda each: (each.planned, each.what == "breached"))
        collapsed = tuple([self._key(happening) for happening in in_order if happening.what == "collapsed"])
        warning = next((h for h in in_order if self._is_warning(h)), None) if not self.record.warned else None
        told: list[Told] = []
        for happening in in_order:
            if happening is warning:
                told.append((happening.planned, self._about(ClockAtRisk, self._rung(happening))))
            told.extend((happening.planned, event) for event in self._events(happening, collapsed))
        return told

    def _heard(self, happenings: Sequence[Happening]) -> Sequence[Happening]:
        """Where what fired does nothing, its conditions being unmet, the highest that collapsed below it fires too.

        Else a rung for a few orders would silence those below it for all the others after an outage.
        """
        if any(happening.what == "fired" and not self._unmet(happening) for happening in happenings):
            return happenings
        heard = [h for h in happenings if h.what == "collapsed" and not self._unmet(h)]
        highest = max(heard, key=lambda happening: (happening.planned, happening.rung), default=None)
        return [replace(h, what="fired") if h is highest else h for h in happenings]

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

    def _view(self) -> ClockView:
        elapsed = elapsed_at(self.moved, self.calendar, to_seconds(self.now))
        if is_alarm(self.record.kind):  # an alarm that has rung is over, and nothing of it can be breached
            return view_of(self.record, state="stopped", elapsed_seconds=elapsed)
        return view_of(self.record, breached_at=to_instant(self.moved.breached_at), elapsed_seconds=elapsed)

    def _key(self, happening: Happening) -> str:
        rung = self._written(happening)
        return rung_key(self.record, rung.key, rung.occurrence)

    def _written(self, happening: Happening) -> sla_clock.Rung:
        return self.rule.rungs[_place(happening)]

    def _effect(self, happening: Happening) -> RungEffect:
        return self.rule.effects[_place(happening)]

    def _unmet(self, happening: Happening) -> tuple[str, ...]:
        conditions = self._effect(happening).conditions
        return unmet(conditions, self.order) if conditions else ()

    def _is_warning(self, happening: Happening) -> bool:
        if happening.rung is None or is_alarm(self.record.kind):
            return False
        rung = self._written(happening)
        return isinstance(rung, ShareRung) and _is_risk(rung.percent)

    def _fired(self, happening: Happening, collapsed: tuple[str, ...]) -> Rung:
        effect = self._effect(happening)
        if conditions := self._unmet(happening):
            return self._rung(happening, collapsed=collapsed, unmet=conditions)
        command = self._command(effect, happening) if self.commands else None
        actions = () if command is None else (command.action,)
        if effect.webhook:
            actions = (WEBHOOK, *actions)
        if effect.audience:
            actions = (NOTIFY, *actions)
        return self._rung(
            happening,
            collapsed=collapsed,
            audience=effect.audience,
            actions=actions,
            command=command,
            quiet_until=self._quiet_until(effect, happening),
        )

    def _command(self, effect: RungEffect, happening: Happening) -> CarriedCommand | None:
        if effect.action is None:
            return None
        arguments = _arguments(effect.arguments, self._fired_at(happening))
        return CarriedCommand(command_id=self._key(happening), action=effect.action, arguments=arguments)

    def _quiet_until(self, effect: RungEffect, happening: Happening) -> datetime | None:
        """Only people are left alone: commands and webhooks never wait."""
        if self.quiet is None or effect.bypasses_quiet_hours or not effect.audience:
            return None
        return to_instant(quiet_until(self.quiet, self.calendar.zone, to_seconds(self._fired_at(happening))))

    def _fired_at(self, happening: Happening) -> datetime:
        """Not before it was due: the order may be ahead of us by the little that sources' clocks may be."""
        return max(self.now, to_instant(happening.planned))

    def _rung(self, happening: Happening, **effects: Any) -> Rung:
        """The rung with its effects; a collapsed one has none, as it reaches nobody."""
        planned = to_instant(happening.planned)
        fired = self._fired_at(happening)
        written = self._written(happening)
        return Rung(
            key=self._key(happening),
            # Repeats stand beside what they repeat, and are as high.
            level=sum(rung.occurrence == 1 for rung in self.rule.rungs[: _place(happening) + 1]),
            name=written.key,
            fire_at=planned,
            fired_at=fired,
            late_ms=late_ms(fired, planned),
            occurrence=written.occurrence,
            **effects,
        )


@lru_cache(maxsize=4096)
def _is_risk(percent: str) -> bool:
    return AT_RISK <= Decimal(percent) < USED_UP


def _place(happening: Happening) -> int:
    return happening.rung or 0  # only a breach has none, and nobody asks for its place


def _arguments(arguments: Mapping[str, Argument], fired_at: datetime) -> Mapping[str, Argument]:
    due_in = arguments.get(DUE_IN)
    if not isinstance(due_in, int):
        return arguments
    rest = {name: value for name, value in arguments.items() if name != DUE_IN}
    return {**rest, "due_at": (fired_at + timedelta(seconds=due_in)).isoformat()}
