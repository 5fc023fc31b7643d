"""Rules for stories that need every kind of clock: round budgets, and what a test wants different."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.escalation.domain.policies import (
    CalendarVersion,
    ClockRule,
    PauseRule,
    Policy,
    Rulebook,
    RungEffect,
)
from services.escalation.domain.table import KINDS, is_alarm
from shared.events.parts import VersionedRef
from shared.kernel.sla_clock import ShareRung
from shared.kernel.working_time import read_calendar
from tests.unit.escalation.story import instant

ALWAYS = "2025-01-01T00:00:00+00:00"
HOUR = 3600
WORKDAY = [["09:00", "12:00"], ["13:00", "18:00"]]
BUDGETS = {"resolve": 48, "review": 8, "cooperation": 10, "suspension": 100, "accept": 2, "dispatch": 1}
COMMANDS = {"alarm.wake_up": "resume", "alarm.archive": "archive", "alarm.survey_close": "close_survey"}
PAUSES = {
    "waiting_complainant": PauseRule(frozenset({"resolve", "cooperation"}), max_seconds=72 * HOUR, times=2),
    "complainant_unreachable": PauseRule(frozenset({"first_response", "resolve"})),
    "everything": PauseRule(frozenset(KINDS)),
}


def a_rule(
    hours: int = 24, unit: str = "natural", rungs: tuple[str, ...] = ("50", "75", "100"), **more: Any
) -> ClockRule:
    """`hours`: the budget, or days where the unit counts days."""
    days = unit.endswith("_days")
    return ClockRule(
        budget=hours if days else hours * HOUR,
        unit=unit,
        rungs=tuple(ShareRung(f"{share}%", share) for share in rungs),
        effects=tuple(RungEffect(audience=("handler",)) for _ in rungs),
        **more,
    )


def an_alarm(kind: str) -> ClockRule:
    effect = RungEffect(action=COMMANDS.get(kind, "escalate"))
    return ClockRule(24 * HOUR, "natural", rungs=(ShareRung("due", "100"),), effects=(effect,))


def every_clock(**different: ClockRule) -> Mapping[str, ClockRule]:
    """Of every kind one, in natural time; statutory in 15 days."""
    clocks = {kind: an_alarm(kind) if is_alarm(kind) else a_rule(BUDGETS.get(kind, 24)) for kind in KINDS}
    return {**clocks, "statutory": a_rule(15, "natural_days"), **different}


def a_policy(name: str = "base", version: int = 1, since: str = ALWAYS, **different: Any) -> Policy:
    policy = Policy(
        ref=VersionedRef(name, version),
        effective_from=instant(since),
        rank=0,
        conditions={},
        calendar="work",
        clocks=every_clock(),
        pauses=PAUSES,
        legal_reasons=frozenset({"force_majeure"}),
    )
    return replace(policy, **different)


def for_priority(priority: str, name: str = "urgent", **clocks: ClockRule) -> Policy:
    """Of higher rank, and only with the clocks given."""
    return a_policy(name, rank=10, conditions={"priority": (priority,)}, clocks=clocks)


def a_calendar(
    name: str = "work", version: int = 1, since: str = ALWAYS, teams: frozenset[str] = frozenset(), **different: Any
) -> CalendarVersion:
    raw = {
        "zone": "Asia/Shanghai",
        "weekly": {day: WORKDAY for day in ("mon", "tue", "wed", "thu", "fri")},
        "complete_until": "2026-12-31",
        **different,
    }
    return CalendarVersion(VersionedRef(name, version), instant(since), read_calendar(raw), teams)


def whole_rules(*policies: Policy, calendars: tuple[CalendarVersion, ...] = ()) -> Rulebook:
    """The base policy and its calendar, unless others of their names and versions are given."""
    return Rulebook(
        policies={policy.ref: policy for policy in (a_policy(), *policies)},
        calendars={calendar.ref: calendar for calendar in (a_calendar(), *calendars)},
    )
