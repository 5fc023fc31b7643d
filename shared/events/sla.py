"""What escalation says on the topic sla (时限与升级). Records are keyed by work order and hold no personal data."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from shared.events.catalogue import event
from shared.events.parts import ClockChange, ClockView, Rung
from shared.kernel.aggregate import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What policies and rungs ask of an order (订单特征); kept so that both can be asked again later."""

    status: str
    category: str
    priority: str
    tier: str
    channel: str
    flags: tuple[str, ...] = ()
    regulator_case: bool = False
    repeat: bool = False
    escalation_level: int = 0
    received_at: datetime
    transferred_at: datetime | None = None  # when the regulator received its case


@event("clocks.changed")
@dataclass(frozen=True, slots=True, kw_only=True)
class ClocksChanged(Event):
    """One record per decision: every clock that it touched, who has the order now, and what reports group it by."""

    LOG_ONLY: ClassVar[frozenset[str]] = frozenset({"traits"})

    work_order_id: str
    cycle: int
    clocks: tuple[ClockChange, ...]
    region: str
    team: str | None = None
    category: str | None = None  # this and the next two: None where the order was not looked at
    priority: str | None = None
    tier: str | None = None
    traits: Traits | None = None  # of the order now; None where they did not change


@event("clock.at_risk")
@dataclass(frozen=True, slots=True, kw_only=True)
class ClockAtRisk(Event):
    """将超时: once per clock instance, at its first rung from 75 % up and below 100 %."""

    work_order_id: str
    cycle: int
    clock: ClockView
    rung: Rung


@event("clock.breached")
@dataclass(frozen=True, slots=True, kw_only=True)
class ClockBreached(Event):
    """超时: decided one second after due."""

    work_order_id: str
    cycle: int
    clock: ClockView


@event("rung.fired")
@dataclass(frozen=True, slots=True, kw_only=True)
class RungFired(Event):
    """升级档触发, alarms included; carries a command for the work order if it has one."""

    work_order_id: str
    cycle: int
    clock: ClockView
    rung: Rung


@event("rung.collapsed")
@dataclass(frozen=True, slots=True, kw_only=True)
class RungCollapsed(Event):
    """升级档合并: passed during an outage or a retarget; a higher one fired instead."""

    work_order_id: str
    cycle: int
    clock: ClockView
    rung: Rung
