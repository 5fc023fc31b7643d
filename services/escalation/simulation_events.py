"""Events of the log as a simulation reads them: only what an order's story needs is decoded."""

from datetime import datetime

import msgspec

from shared.events.sla import Traits

NO_TRAITS = b"null"


class Ref(msgspec.Struct, gc=False):
    id: str
    version: int


class Turn(msgspec.Struct, gc=False):
    event: str
    reason: str | None = None


class Record(msgspec.Struct, gc=False):
    """A clock that changed."""

    kind: str
    number: int
    state: str
    change: str
    budget_seconds: int
    unit: str
    started_at: datetime
    due_at: datetime | None
    elapsed_seconds: int | None
    policy: Ref
    calendar: Ref
    breached_at: datetime | None = None
    not_covered: bool = False
    provisional: bool = False
    turn: Turn | None = None


class Changes(msgspec.Struct, gc=False):
    """`traits` are left as they are written, which is the same in many orders."""

    clocks: list[Record]
    region: str
    team: str | None = None
    traits: msgspec.Raw = msgspec.Raw(NO_TRAITS)


class Clock(msgspec.Struct, gc=False):
    id: str
    kind: str


class Breach(msgspec.Struct, gc=False):
    clock: Clock


class Rung(msgspec.Struct, gc=False):
    name: str
    audience: tuple[str, ...] = ()


class Firing(msgspec.Struct, gc=False):
    clock: Clock
    rung: Rung


read_changes = msgspec.json.Decoder(Changes).decode
read_breach = msgspec.json.Decoder(Breach).decode
read_firing = msgspec.json.Decoder(Firing).decode
read_traits = msgspec.json.Decoder(Traits).decode
