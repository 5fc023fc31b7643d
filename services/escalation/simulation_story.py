"""What happened to the clocks of one work order, in the compact form in which another policy is tried on it.

Taken from the log as it is stored, of whose events only what a story needs is decoded: a simulation reads a million
orders.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, Final

import msgspec

from services.escalation.domain.migrating import EVENT as MIGRATION
from services.escalation.domain.rematching import DEMANDED
from services.escalation.domain.state import LIVE
from services.escalation.domain.table import is_alarm
from services.escalation.simulation_events import (
    Changes,
    Firing,
    Record,
    Traits,
    Turn,
    read_breach,
    read_changes,
    read_firing,
)
from services.escalation.simulation_facts import ORDER, STARTED, STOPPED, Fact, What
from shared.events.catalogue import wire_type
from shared.events.sla import ClockBreached, ClocksChanged, RungFired

CHANGED, BREACHED, FIRED = (wire_type(kind) for kind in (ClocksChanged, ClockBreached, RungFired))
SUSPENDED, RESUMED = "workorder.suspended", "workorder.resumed"
RENEWALS: Final[Mapping[str, str]] = {
    "workorder.redispatched": "cycle_mode",
    "workorder.reopened": "reopen_mode",
}
EXTENDED = "workorder.extension_decided"
TELLING: Final = frozenset({SUSPENDED, RESUMED, EXTENDED, MIGRATION})
MET, MISSED, OPEN, NOT_COVERED, CANCELLED = "met", "missed", "open", "not_covered", "cancelled"
_EPOCH, _SECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(seconds=1)
_BSON_EPOCH = datetime(1970, 1, 1)  # BSON is decoded to UTC that does not say so


class Terms(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What clocks are matched by beside the region; seldom another in the life of an order."""

    category: str
    priority: str
    tier: str
    channel: str
    flags: tuple[str, ...]
    regulator_case: bool
    repeat: bool
    transferred_at: datetime | None


class Order(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What policies and rungs ask of an order, at some time. `terms`: the place in the story's."""

    terms: int
    status: str
    escalation_level: int
    region: str
    team: str | None
    received: int  # epoch seconds


class Recorded(msgspec.Struct, array_like=True):
    """A clock as it went; `started` and `due` in epoch seconds."""

    kind: str
    started: int
    budget: int
    unit: str
    policy: tuple[str, int]
    calendar: tuple[str, int]
    due: int | None
    state: str
    provisional: bool
    change: str
    breached: bool
    not_covered: bool

    def move_on(self, record: Record) -> None:
        """To what a later record shows of it, on the same terms."""
        self.due, self.state, self.change = _seconds(record.due_at), record.state, record.change
        self.provisional, self.not_covered = record.provisional, record.not_covered
        self.breached = record.breached_at is not None

    def outcome(self, now: int) -> str:
        """What a report would count it as at `now`."""
        if self.state == "cancelled":
            return CANCELLED
        if self.change == "corrected":
            return MET
        if self.breached or (self.state == "running" and self.due is not None and self.due < now):
            return MISSED
        if self.not_covered:
            return NOT_COVERED
        return MET if self.state == "stopped" else OPEN


NEEDED: Final = ("d.v", "d.at", "d.on", "d.e")
"""What stories take of the log's documents; the server leaves out the rest."""


class Story(msgspec.Struct, array_like=True):
    """`orders` are what the order was like, the first one when it was created; facts of kind ORDER move to the next.

    `notices`: (kind of clock, rung, audience) of every rung that fired. `whole`: nothing is missing in the log.
    """

    id: str
    terms: list[Terms] = []
    orders: list[Order] = []
    clocks: dict[int, Recorded] = {}
    facts: list[Fact] = []
    notices: list[tuple[str, str, tuple[str, ...]]] = []
    whole: bool = True
    version: int = 0  # of the clock set


def seconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _SECOND


def _seconds(instant: datetime | None) -> int | None:
    return None if instant is None else (instant - _EPOCH) // _SECOND


def story_of(documents: Iterable[Mapping[str, Any]]) -> Story:
    """The story in an aggregate's log documents, oldest first."""
    story, version, whole, name = Story(""), 0, True, ""
    for document in documents:
        name = document["_id"]
        for decision in document["d"]:
            whole = whole and decision["v"] == version + 1
            version = decision["v"]
            for kind, text in decision.get("e", ()):
                if kind == CHANGED:
                    _take_changes(story, read_changes(text), decision)
                elif kind == FIRED:
                    _take_notice(story, read_firing(text))
                elif kind == BREACHED:
                    story.clocks[int(read_breach(text).clock.id.rpartition("/")[2])].breached = True
    story.id, story.version = name.rpartition(":")[0], version
    story.whole = whole and story.whole and bool(story.orders)
    return story


def _take_notice(story: Story, fired: Firing) -> None:
    if not is_alarm(fired.clock.kind) and fired.rung.audience:
        story.notices.append((fired.clock.kind, fired.rung.name, fired.rung.audience))


def _take_changes(story: Story, changes: Changes, decision: Mapping[str, Any]) -> None:
    heard = (decision["at"] - _BSON_EPOCH) // _SECOND
    at = (decision["on"] - _BSON_EPOCH) // _SECOND if "on" in decision else heard
    facts: list[Fact] = []
    known = story.orders[-1] if story.orders else None
    order = _order(story, known, changes)
    if order != known and order is not None:
        story.orders.append(order)
        if known is not None:
            facts.append(Fact(ORDER, at, heard))
            if (known.terms, known.region, known.received) != (order.terms, order.region, order.received):
                touched = [one.number for one in changes.clocks if one.change != "retargeted"]
                facts.append(Fact(What.TERMS, at, heard, extra=touched))
    for record in changes.clocks:
        if not is_alarm(record.kind):
            _take_record(story, record, (at, heard), facts)
    story.facts += _once(facts) if len(facts) > 1 else facts


def _order(story: Story, known: Order | None, changes: Changes) -> Order | None:
    """The order as a record shows it, which tells the traits only where they changed; None if nothing told them."""
    region, team, t = changes.region, changes.team, changes.traits
    if t is not None:
        return Order(_place(story.terms, t), t.status, t.escalation_level, region, team, seconds(t.received_at))
    if known is None:
        story.whole = False
        return None
    if known.region == region and known.team == team:
        return known
    return msgspec.structs.replace(known, region=region, team=team)


def _place(known: list[Terms], t: Traits) -> int:
    terms = Terms(t.category, t.priority, t.tier, t.channel, t.flags, t.regulator_case, t.repeat, t.transferred_at)
    if not known or known[-1] != terms:
        known.append(terms)
    return len(known) - 1


def _take_record(story: Story, record: Record, times: tuple[int, int], facts: list[Fact]) -> None:
    """Adds to `facts` what the record of one clock says."""
    at, heard = times
    number, state = record.number, record.state
    clock = story.clocks.get(number)
    if clock is None:
        clock = story.clocks[number] = _recorded(record)
        turn = record.turn
        event, reason = (None, None) if turn is None else (turn.event, turn.reason)
        was = msgspec.structs.replace(clock) if clock.kind in DEMANDED else None
        facts.append(Fact(STARTED, clock.started, heard, number, (event, reason, was)))
        was_live, was_held = True, False
    else:
        was_live, was_held = clock.state in LIVE, clock.provisional
        if record.change == "retargeted":
            clock = story.clocks[number] = _recorded(record)  # what it started with is still asked for
        else:
            clock.move_on(record)
        if was_held and state in LIVE:
            event = None if record.turn is None else record.turn.event
            facts.append(Fact(What.WENT_ON, at, heard, number, RENEWALS.get(event or "")))
    if was_live and state not in LIVE:
        what = What.HELD if clock.provisional else What.CANCELLED if state == "cancelled" else STOPPED
        facts.append(Fact(what, at, heard, number))
    if record.turn is not None and record.turn.event in TELLING:
        facts += _told(record, record.turn, at, heard)


def _told(record: Record, turn: Turn, at: int, heard: int) -> Iterator[Fact]:
    """What the event behind a record says beside what became of the clock."""
    if turn.event == SUSPENDED:
        yield Fact(What.SUSPENDED, at, heard, extra=turn.reason)
    elif turn.event == RESUMED:
        yield Fact(What.RESUMED, at, heard)
    elif record.change == "retargeted" and turn.event == EXTENDED:
        yield Fact(What.EXTENDED, at, heard, record.number, (*_until(record), turn.reason))
    elif record.change == "retargeted" and turn.event == MIGRATION:
        yield Fact(What.MIGRATED, at, heard, record.number)


def _until(record: Record) -> tuple[int | None, int]:
    """When the extension ends, and what was left of the budget, which alone is known of a clock that was paused."""
    return _seconds(record.due_at), record.budget_seconds - (record.elapsed_seconds or 0)


def _recorded(record: Record) -> Recorded:
    return Recorded(
        record.kind,
        seconds(record.started_at),
        record.budget_seconds,
        record.unit,
        (record.policy.id, record.policy.version),
        (record.calendar.id, record.calendar.version),
        _seconds(record.due_at),
        record.state,
        record.provisional,
        record.change,
        record.breached_at is not None,
        record.not_covered,
    )


def _once(facts: Sequence[Fact]) -> list[Fact]:
    """One record's facts in the order in which they count; what concerns the whole order only once."""
    kept, known = [], 0
    for fact in facts:
        if fact.number or not known >> fact.what & 1:
            kept.append(fact)
            known |= 0 if fact.number else 1 << fact.what
    kept.sort(key=_what)
    return kept


_what = attrgetter("what")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Story).decode


def packed(story: Story) -> bytes:
    """As it is kept between simulations."""
    return _encode(story)


def unpacked(raw: bytes) -> Story:
    return _decode(raw)
