"""SLA policies 时限策略 as values: which order gets which clocks, and which ladder climbs on each."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Literal

from services.escalation.domain.matching import TRAITS, Asked, Conditions, matched, specificity, terms_asked
from shared.events.parts import Argument, VersionedRef
from shared.kernel.sla_clock import RetargetMode, Rung
from shared.kernel.working_time import Calendar, Unit


@dataclass(frozen=True, slots=True)
class Repeat:
    """A rung that fires again: `times` in all, each `every` seconds of `unit` after the one before."""

    every: int
    unit: Unit
    times: int


@dataclass(frozen=True, slots=True)
class QuietHours:
    """免打扰: from `start` to `end`, minutes of the day in the calendar's zone; over midnight if `end` is less."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class RungEffect:
    """What a fired rung does: whom it tells, and the command it carries to the work order.

    `conditions` are compared with the order as it is when the rung fires; if they do not hold it is decided all the
    same, and does nothing. `webhook`: subscribers are told too. `bypasses_quiet_hours`: nobody waits for the morning.
    """

    audience: tuple[str, ...] = ()
    action: str | None = None
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    conditions: Conditions = field(default_factory=dict)
    webhook: bool = False
    bypasses_quiet_hours: bool = False
    repeat: Repeat | None = None


Mode = Literal["new", "continue"]


@dataclass(frozen=True, slots=True)
class ClockRule:
    """One clock of a policy: `budget` in seconds, or in days where the unit counts days.

    `retarget`: what becomes of a running clock that this rule takes over. `cycle_mode`, `reopen_mode`: whether the
    next cycle starts a new clock or lets the last one count on.
    """

    budget: int
    unit: str  # natural, business, natural_days, work_days
    rungs: tuple[Rung, ...] = ()
    effects: tuple[RungEffect, ...] = ()  # one per rung
    roll_to_working_day: bool = False
    counts_review: bool = False  # resolve: the time of a review that rejects counts as handling
    retarget: RetargetMode = "keep_elapsed"
    cycle_mode: Mode = "new"
    reopen_mode: Mode = "new"


@dataclass(frozen=True, slots=True)
class PauseRule:
    """What a suspension 挂起 for one reason pauses: which clocks, for how long at once and how often.

    `max_seconds` are natural; None: as long as the suspension lasts. `times` None: always.
    """

    clocks: frozenset[str]
    max_seconds: int | None = None
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """A version of a policy. `calendar` is the id of the calendar that its clocks use.

    `pauses`: by reason code. `legal_reasons`: those for which an approved extension moves the statutory clock too.
    """

    ref: VersionedRef
    effective_from: datetime
    rank: int
    conditions: Conditions
    calendar: str
    clocks: Mapping[str, ClockRule]
    pauses: Mapping[str, PauseRule] = field(default_factory=dict)
    legal_reasons: frozenset[str] = frozenset()
    quiet_hours: QuietHours | None = None


@dataclass(frozen=True, slots=True)
class CalendarVersion:
    """`teams`: whose cooperation clocks use this calendar instead of the policy's."""

    ref: VersionedRef
    effective_from: datetime
    calendar: Calendar
    teams: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Match:
    """The policy that gives an order one of its clocks, and the conditions that matched."""

    policy: VersionedRef
    calendar: VersionedRef
    rule: ClockRule
    conditions: Mapping[str, str]


Terms = tuple[tuple[str, ...], ...]
"""The values that an order has for each of TRAITS."""
ALWAYS = datetime(1, 1, 1, tzinfo=UTC)
MATCHES_KEPT = 4096


@dataclass(frozen=True)
class Rulebook:
    """Every version of every policy and calendar; running clocks keep the ones they started with."""

    policies: Mapping[VersionedRef, Policy]
    calendars: Mapping[VersionedRef, CalendarVersion]

    def match(self, kind: str, asked: Asked, at: datetime, team: str | None = None) -> Match | None:
        """The rule for a clock that starts now, `at`: highest rank, then most specific, then by id.

        `team`: whose own calendar counts, if it has one.
        """
        return self._kept(kind, bisect_right(self._changes, at), terms_asked(asked), team)

    @cached_property
    def _kept(self) -> Callable[[str, int, Terms, str | None], Match | None]:
        """Orders are alike: what was found for one is kept for the next."""
        return lru_cache(maxsize=MATCHES_KEPT)(self._find)

    def _find(self, kind: str, changes: int, terms: Terms, team: str | None) -> Match | None:
        """`changes`: how many of the changes of the rulebook had taken effect."""
        at = self._changes[changes - 1] if changes else ALWAYS
        asked = dict(zip(TRAITS, terms, strict=True))
        candidates = [
            (policy, met)
            for policy in self.policies_at(at)
            if kind in policy.clocks and (met := matched(policy.conditions, asked)) is not None
        ]
        if not candidates:
            return None
        policy, met = max(candidates, key=lambda found: (found[0].rank, specificity(found[1]), found[0].ref.id))
        calendar = self._calendar_of_team(team, at) or self.calendar_at(policy.calendar, at)
        return Match(policy.ref, calendar.ref, policy.clocks[kind], met)

    def policies_at(self, at: datetime) -> list[Policy]:
        """Of each policy the version in force."""
        in_force = {policy.ref.id: policy for policy in self._policies if policy.effective_from <= at}
        return list(in_force.values())

    def calendar_at(self, calendar_id: str, at: datetime) -> CalendarVersion:
        """The version in force; before the first one takes effect, the first."""
        versions = self._calendars[calendar_id]
        return next((version for version in reversed(versions) if version.effective_from <= at), versions[0])

    def calendar(self, ref: VersionedRef) -> Calendar:
        return self.calendars[ref].calendar

    def policy(self, ref: VersionedRef) -> Policy:
        return self.policies[ref]

    def rule(self, policy: VersionedRef, kind: str) -> ClockRule:
        return self.policies[policy].clocks[kind]

    def _calendar_of_team(self, team: str | None, at: datetime) -> CalendarVersion | None:
        in_force = (self.calendar_at(name, at) for name in self._calendars) if team is not None else ()
        return next((version for version in in_force if team in version.teams), None)

    @cached_property
    def _changes(self) -> Sequence[datetime]:
        """When a version takes effect; between two of them the same versions are in force."""
        policies = {policy.effective_from for policy in self.policies.values()}
        return sorted(policies | {version.effective_from for version in self.calendars.values()})

    @cached_property
    def _policies(self) -> list[Policy]:
        """Older versions first."""
        return sorted(self.policies.values(), key=lambda policy: policy.ref.version)

    @cached_property
    def _calendars(self) -> Mapping[str, list[CalendarVersion]]:
        """Of each calendar the versions, older ones first; the calendars by id."""
        ids = sorted({ref.id for ref in self.calendars})
        by_version = sorted(self.calendars.values(), key=lambda version: version.ref.version)
        return {name: [version for version in by_version if version.ref.id == name] for name in ids}
