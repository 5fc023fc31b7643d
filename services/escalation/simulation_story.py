"""What happened to the clocks of one work order, in the compact form in which another policy is tried on it.

Taken from the log as it is stored, without making events of it first: a simulation reads a million orders.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any, Final

import msgspec

from services.escalation.domain.matching import same_terms
from services.escalation.domain.migrating import EVENT as MIGRATION
from services.escalation.domain.rematching import DEMANDED
from services.escalation.domain.state import LIVE
from services.escalation.domain.table import is_alarm
from shared.events.catalogue import wire_type
from shared.events.parts import ClockView, Rung
from shared.events.sla import ClockBreached, ClocksChanged, RungFired, Traits
from shared.persistence.codec import restored

CHANGED, BREACHED, FIRED = (wire_type(kind) for kind in (ClocksChanged, ClockBreached, RungFired))
SUSPENDED, RESUMED = "workorder.suspended", "workorder.resumed"
RENEWALS: Final[Mapping[str, str]] = {
    "workorder.redispatched": "cycle_mode",
    "workorder.reopened": "reopen_mode",
}
EXTENDED = "workorder.extension_decided"
MET, MISSED, OPEN, NOT_COVERED, CANCELLED = "met", "missed", "open", "not_covered", "cancelled"
MOST_TRAITS = 10_000
_TRAITS: dict[tuple[Any, ...], Traits] = {}
_EPOCH, _SECOND = datetime(1970, 1, 1), timedelta(seconds=1)  # as BSON is decoded here: UTC without saying so


class What(IntEnum):
    """What happened, in the order in which one record's parts count."""

    ORDER = 0  # is another from here on, be it only by its team
    STOPPED = 1
    CANCELLED = 2
    HELD = 3
    WENT_ON = 4  # after a review that rejected, or with the next cycle
    SUSPENDED = 5  # the order was; which clocks that pauses is the policy's matter
    RESUMED = 6
    STARTED = 7
    EXTENDED = 8
    TERMS = 9  # the order's traits changed: running clocks follow
    MIGRATED = 10


class Fact(msgspec.Struct, array_like=True, gc=False):
    """`at`: when it happened; `heard`: when it was decided (epoch seconds both). `number`: the clock's, 0 of none."""

    what: What
    at: int
    heard: int
    number: int = 0
    extra: Any = None


class Order(msgspec.Struct, array_like=True):
    """What policies ask of an order, at some time."""

    traits: Traits
    region: str
    team: str | None


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

    def move_on(self, record: Mapping[str, Any]) -> None:
        """To what a later record shows of it, on the same terms."""
        self.due, self.state, self.change = _seconds(record["due_at"]), record["state"], record["change"]
        self.provisional, self.not_covered = record["provisional"], record["not_covered"]
        self.breached = record["breached_at"] is not None

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


NEEDLESS: Final = (
    *("state", "d.c", "d.by", "d.m", "d.tp"),
    *(f"d.e.clocks.{name}" for name in ("id", "ledger", "rungs", "matched", "pauses", "first_due_at", "subject")),
    *(f"d.e.clocks.{name}" for name in ("turn.id", "turn.actor", "cycle", "target", "cause", "warned")),
    *(f"d.e.clock.{one.name}" for one in fields(ClockView) if one.name not in ("id", "kind")),
    *(f"d.e.rung.{one.name}" for one in fields(Rung) if one.name not in ("name", "audience")),
)
"""What of the log's documents no story needs; left out by the server, they are a third of the size."""


class Story(msgspec.Struct, array_like=True):
    """`orders` are what the order was like, the first one when it was created; facts of kind ORDER move to the next.

    `notices`: (kind of clock, rung, audience) of every rung that fired. `whole`: nothing is missing in the log.
    """

    id: str
    orders: list[Order] = []
    clocks: dict[int, Recorded] = {}
    facts: list[Fact] = []
    notices: list[tuple[str, str, tuple[str, ...]]] = []
    whole: bool = True
    version: int = 0  # of the clock set


def seconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _SECOND


def _seconds(instant: datetime | None) -> int | None:
    return None if instant is None else seconds(instant)


def story_of(documents: Iterable[Mapping[str, Any]]) -> Story:
    """The story in an aggregate's log documents, oldest first."""
    story, expected = Story(""), 1
    for document in documents:
        story.id = story.id or document["_id"].rpartition(":")[0]
        for decision in document["d"]:
            story.whole = story.whole and decision["v"] == expected
            story.version, expected = decision["v"], decision["v"] + 1
            for name, data in decision.get("e", ()):
                if name == CHANGED:
                    _take_changes(story, data, decision)
                elif name == FIRED:
                    _take_notice(story, data)
                elif name == BREACHED:
                    story.clocks[_number(data)].breached = True
    story.whole = story.whole and bool(story.orders)
    return story


def _number(data: Mapping[str, Any]) -> int:
    return int(data["clock"]["id"].rpartition("/")[2])


def _take_notice(story: Story, data: Mapping[str, Any]) -> None:
    kind, rung = data["clock"]["kind"], data["rung"]
    if not is_alarm(kind) and rung["audience"]:
        story.notices.append((kind, rung["name"], tuple(rung["audience"])))


def _take_changes(story: Story, data: Mapping[str, Any], decision: Mapping[str, Any]) -> None:
    heard = seconds(decision["at"])
    at = seconds(decision["on"]) if "on" in decision else heard
    facts: list[Fact] = []
    known = story.orders[-1] if story.orders else None
    if _is_other(story, known, data) and known is not None:
        facts.append(Fact(What.ORDER, at, heard))
        if _has_other_terms(known, story.orders[-1]):
            touched = [one["number"] for one in data["clocks"] if one["change"] != "retargeted"]
            facts.append(Fact(What.TERMS, at, heard, extra=touched))
    for record in data["clocks"]:
        if not is_alarm(record["kind"]):
            facts += _facts_of(story, record, at, heard)
    story.facts += _once(facts) if len(facts) > 1 else facts


def _is_other(story: Story, known: Order | None, data: Mapping[str, Any]) -> bool:
    """Notes the order as this record shows it, unless it is as before."""
    raw, region, team = data.get("traits"), data["region"], data.get("team")
    if raw is None and known is not None and (known.region, known.team) == (region, team):
        return False
    if raw is not None:
        traits = _traits(raw)
    elif known is not None:
        traits = known.traits
    else:
        story.whole = False
        return False
    story.orders.append(Order(traits, region, team))
    return True


def _traits(raw: Mapping[str, Any]) -> Traits:
    """Made once for all orders alike that were received in the same second; a record of most steps brings them."""
    key = tuple([tuple(value) if type(value) is list else value for value in raw.values()])
    found = _TRAITS.get(key)
    if found is None:
        if len(_TRAITS) >= MOST_TRAITS:
            _TRAITS.clear()
        found = _TRAITS[key] = restored({**raw, **_in_utc(raw)}, Traits)
    return found


def _in_utc(raw: Mapping[str, Any]) -> dict[str, datetime]:
    return {name: value.replace(tzinfo=UTC) for name, value in raw.items() if isinstance(value, datetime)}


def _has_other_terms(one: Order, other: Order) -> bool:
    return one.region != other.region or not same_terms(one.traits, other.traits)


def _facts_of(story: Story, record: Mapping[str, Any], at: int, heard: int) -> list[Fact]:
    number, state, change = record["number"], record["state"], record["change"]
    turn = record.get("turn") or {}
    event, reason = turn.get("event"), turn.get("reason")
    facts = []
    clock = story.clocks.get(number)
    was_live, was_held = clock is None or clock.state in LIVE, clock is not None and clock.provisional
    if clock is None:
        clock = story.clocks[number] = _recorded(record)
        was = msgspec.structs.replace(clock) if clock.kind in DEMANDED else None
        facts.append(Fact(What.STARTED, clock.started, heard, number, (event, reason, was)))
    elif change == "retargeted":
        clock = story.clocks[number] = _recorded(record)  # what it started with is still asked for
    else:
        clock.move_on(record)
    if was_held and state in LIVE:
        facts.append(Fact(What.WENT_ON, at, heard, number, RENEWALS.get(event or "")))
    if was_live and state not in LIVE:
        what = What.HELD if clock.provisional else What.CANCELLED if state == "cancelled" else What.STOPPED
        facts.append(Fact(what, at, heard, number))
    if event == SUSPENDED:
        facts.append(Fact(What.SUSPENDED, at, heard, extra=reason))
    elif event == RESUMED:
        facts.append(Fact(What.RESUMED, at, heard))
    elif change == "retargeted" and event == EXTENDED:
        facts.append(Fact(What.EXTENDED, at, heard, number, (*_until(record), reason)))
    elif change == "retargeted" and event == MIGRATION:
        facts.append(Fact(What.MIGRATED, at, heard, number))
    return facts


def _until(record: Mapping[str, Any]) -> tuple[int | None, int]:
    """When the extension ends, and what was left of the budget, which alone is known of a clock that was paused."""
    due, elapsed = record["due_at"], record["elapsed_seconds"]
    return _seconds(due), record["budget_seconds"] - (elapsed or 0)


def _recorded(record: Mapping[str, Any]) -> Recorded:
    policy, calendar = record["policy"], record["calendar"]
    return Recorded(
        record["kind"],
        seconds(record["started_at"]),
        record["budget_seconds"],
        record["unit"],
        (policy["id"], policy["version"]),
        (calendar["id"], calendar["version"]),
        _seconds(record["due_at"]),
        record["state"],
        record["provisional"],
        record["change"],
        record["breached_at"] is not None,
        record["not_covered"],
    )


def _once(facts: Sequence[Fact]) -> list[Fact]:
    """One record's facts in the order in which they count; what concerns the whole order only once."""
    of_order = {fact.what: fact for fact in reversed(facts) if not fact.number}
    return sorted([*of_order.values(), *(fact for fact in facts if fact.number)], key=lambda fact: fact.what)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Story).decode


def packed(story: Story) -> bytes:
    """As it is kept between simulations."""
    return _encode(story)


def unpacked(raw: bytes) -> Story:
    return _decode(raw)
