"""A small aggregate for tests of the mechanism: a ballot box that counts votes until it is sealed."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from shared.kernel.aggregate import AggregateType, Cause, Command, Decision, Event, Facts, Outcome, Stamp
from shared.kernel.ports import Item
from shared.kernel.refusal import UNCHANGED, Refusal

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Voted(Event):
    votes: int
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed(Event):
    pass


Voted.TYPE, Sealed.TYPE = "ballot.voted", "ballot.sealed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote(Command):
    votes: int = 1
    text: str = ""
    broken: bool = False
    opens: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal(Command):
    pass


@dataclass(frozen=True, slots=True)
class Ballot:
    votes: int = 0
    text: str = ""
    sealed: bool = False


def decide(state: Ballot | None, command: Vote | Seal, facts: Facts) -> Outcome:
    if isinstance(command, Seal):
        return UNCHANGED if state and state.sealed else [Sealed()]
    if command.broken:
        raise ZeroDivisionError
    if state is None and not command.opens:
        return Refusal("not_found")
    if state is not None and state.sealed:
        return Refusal("sealed", final=True)
    if command.votes == 0:
        return Refusal("no_votes")
    return [Voted(votes=1, text=command.text) for _ in range(command.votes)]


def evolve(state: Ballot | None, event: Voted | Sealed, stamp: Stamp) -> Ballot:
    state = state or Ballot()
    if isinstance(event, Sealed):
        return replace(state, sealed=True)
    return replace(state, votes=state.votes + event.votes, text=event.text or state.text)


def view(state: Ballot, decision: Decision) -> dict[str, Any]:
    return {"votes": state.votes, "text": state.text, "version": decision.version}


BALLOT = AggregateType(
    name="ballot",
    prefix="bal_",
    topic="workorders",
    state=Ballot,
    events=(Voted, Sealed),
    decide=decide,
    evolve=evolve,
    view_name="ballot",
    view=view,
    index=lambda snapshot: {"votes": snapshot.state.votes if snapshot.state else 0},
)
FACTS = Facts(now=NOON)


def a_vote(cause: str, ballot: str = "bal_1", votes: int = 1, **more: Any) -> Item:
    """A vote that arrived as the record `cause` of a topic."""
    command = Vote(votes=votes, broken=more.pop("broken", False), opens=more.pop("opens", True))
    return Item(ballot, command, Cause("/test", cause, "t", 0, more.pop("offset", None)), **more)
