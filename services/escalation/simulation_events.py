"""Events of the log as a simulation reads them: only what an order's story needs is decoded."""

from datetime import datetime

import msgspec


class Ref(msgspec.Struct, gc=False):
    id: str
    version: int


class Turn(msgspec.Struct, gc=False):
    event: str
    reason: str | None = None


class Record(msgspec.Struct, gc=False, kw_only=True):
    """A clock that changed. In the order of the log, in which fields are found fastest; so are the other parts."""

    kind: str
    state: str
    budget_seconds: int
    unit: str
    started_at: datetime
    due_at: datetime | None
    elapsed_seconds: int | None
    policy: Ref
    calendar: Ref
    breached_at: datetime | None = None
    not_covered: bool = False
    change: str
    number: int
    provisional: bool = False
    turn: Turn | None = None


class Traits(msgspec.Struct, gc=False, kw_only=True):
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
    transferred_at: datetime | None = None


class Changes(msgspec.Struct, gc=False):
    clocks: list[Record]
    region: str
    team: str | None = None
    traits: Traits | None = None


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
