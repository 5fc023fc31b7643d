"""SLA policies 时限策略 as values: which order gets which clocks, and which ladder climbs on each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.escalation.domain.matching import Conditions, matched, specificity
from shared.events.parts import VersionedRef, WorkOrderView
from shared.kernel.sla_clock import Rung
from shared.kernel.working_time import Calendar


@dataclass(frozen=True, slots=True)
class RungEffect:
    """What a fired rung does: whom it tells, and the command it carries to the work order."""

    audience: tuple[str, ...] = ()
    action: str | None = None
    arguments: Mapping[str, str | int | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClockRule:
    """One clock of a policy: `budget` in seconds, or in days where the unit counts days."""

    budget: int
    unit: str  # natural, business, natural_days, work_days
    rungs: tuple[Rung, ...] = ()
    effects: tuple[RungEffect, ...] = ()  # one per rung
    roll_to_working_day: bool = False
    counts_review: bool = False  # resolve: the time of a review that rejects counts as handling


@dataclass(frozen=True, slots=True)
class Policy:
    """A version of a policy. `calendar` is the id of the calendar that its clocks use."""

    ref: VersionedRef
    effective_from: datetime
    rank: int
    conditions: Conditions
    calendar: str
    clocks: Mapping[str, ClockRule]


@dataclass(frozen=True, slots=True)
class CalendarVersion:
    ref: VersionedRef
    effective_from: datetime
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class Match:
    """The policy that gives an order one of its clocks, and the conditions that matched."""

    policy: VersionedRef
    calendar: VersionedRef
    rule: ClockRule
    conditions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Every version of every policy and calendar; running clocks keep the ones they started with."""

    policies: Mapping[VersionedRef, Policy]
    calendars: Mapping[VersionedRef, CalendarVersion]

    def match(self, kind: str, order: WorkOrderView, at: datetime) -> Match | None:
        """The rule for a clock that starts now, `at`: highest rank, then most specific, then by id."""
        candidates = [
            (policy, met)
            for policy in self.policies_at(at)
            if kind in policy.clocks and (met := matched(policy.conditions, order)) is not None
        ]
        if not candidates:
            return None
        policy, met = max(candidates, key=lambda found: (found[0].rank, specificity(found[1]), found[0].ref.id))
        return Match(policy.ref, self.calendar_at(policy.calendar, at).ref, policy.clocks[kind], met)

    def policies_at(self, at: datetime) -> list[Policy]:
        """Of each policy the version in force."""
        in_force: dict[str, Policy] = {}
        for policy in sorted(self.policies.values(), key=lambda policy: policy.ref.version):
            if policy.effective_from <= at:
                in_force[policy.ref.id] = policy
        return list(in_force.values())

    def calendar_at(self, calendar_id: str, at: datetime) -> CalendarVersion:
        """The version in force; before the first one takes effect, the first."""
        versions = [version for version in self.calendars.values() if version.ref.id == calendar_id]
        versions.sort(key=lambda version: version.ref.version)
        return next((v for v in reversed(versions) if v.effective_from <= at), versions[0])

    def calendar(self, ref: VersionedRef) -> Calendar:
        return self.calendars[ref].calendar

    def rule(self, policy: VersionedRef, kind: str) -> ClockRule:
        return self.policies[policy].clocks[kind]
