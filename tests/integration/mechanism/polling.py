"""Two toy services on real servers: a polling station that owns ballots, and a newspaper that follows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import APIRouter

from shared.kernel.aggregate import AggregateType, Command, Decision, Event, Facts, Outcome, Stamp
from shared.messaging import contract
from shared.messaging.bindings import Binding, Follow, InvalidData, On, Replica, Target, Trigger
from shared.messaging.records import Delivery
from shared.runtime.context import Context, ServiceDefinition
from shared.runtime.settings import Settings
from tests.ballot import BALLOT, Seal, Sealed, Vote, Voted

VOTE, SEAL, POLL = "closedloop.test.vote.v1", "closedloop.test.seal.v1", "closedloop.test.poll.v1"
INBOX, OUT, PEOPLE, NEWS = "workorders.inbox", "workorders", "customers.inbox", "sla"


def decode_vote(data: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(data.get("ballot"), str):
        raise InvalidData("/ballot", "is required")
    if not isinstance(data.get("votes", 1), int):
        raise InvalidData("/votes", "must be a number")
    return data


def to_ballot(delivery: Delivery) -> Target:
    said = dict(delivery.change)
    ballot = said.pop("ballot")
    return ballot, Seal() if delivery.envelope.type == SEAL else Vote(**said)


INBOX_BINDING = Trigger(
    topic=INBOX,
    aggregate=BALLOT,
    on={VOTE: On(decode_vote, to_ballot), SEAL: On(decode_vote, to_ballot)},
    foreign=True,
)
PEOPLE_BINDING = Replica(
    topic=PEOPLE,
    collection="people",
    on={"closedloop.test.person.v1": None},
    copy=lambda delivery: (str(delivery.data["id"]), dict(delivery.data)),
    forget=lambda key: key.decode(),
)


def no_routes(_: Context) -> APIRouter:
    return APIRouter()


STATION = ServiceDefinition(
    name="workflow",  # the owner of the topics that a ballot uses
    settings=Settings,
    aggregates=(BALLOT,),
    bindings=(INBOX_BINDING, PEOPLE_BINDING),
    routes=no_routes,
)


def station(ballot: AggregateType[Any] = BALLOT, **changed: Any) -> ServiceDefinition:
    """The station with another kind of ballot, and with parts of its inbox binding changed."""
    inbox = replace(INBOX_BINDING, aggregate=ballot, **changed)
    return replace(STATION, aggregates=(ballot,), bindings=(inbox, PEOPLE_BINDING))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted(Event):
    votes: int


Counted.TYPE = "news.counted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Command):
    votes: int = 0


@dataclass(frozen=True, slots=True)
class Front:
    """What the newspaper counted of one ballot."""

    votes: int = 0


@dataclass(slots=True)
class Misprint:
    """A bug of the newspaper that can be mended while it runs: it fails at these numbers of votes."""

    at: set[int] = field(default_factory=set)


def count_with(misprint: Misprint) -> AggregateType[Front]:
    def decide(state: Front | None, command: Report, facts: Facts) -> Outcome:
        counted = (state.votes if state else 0) + command.votes
        if counted in misprint.at:
            raise ZeroDivisionError
        return [Counted(votes=command.votes)]

    def evolve(state: Front | None, event: Counted, stamp: Stamp) -> Front:
        return Front(votes=(state.votes if state else 0) + event.votes)

    return AggregateType(
        name="front",
        prefix="frt_",
        topic=NEWS,
        state=Front,
        events=(Counted,),
        decide=decide,
        evolve=evolve,
        view_name="front",
        view=_front_view,
    )


def _front_view(state: Front, decision: Decision) -> Mapping[str, Any]:
    return {"votes": state.votes}


def front_of(ballot: str) -> str:
    return "frt_" + ballot.partition("_")[2]


def on_voted(delivery: Delivery) -> Target:
    voted: Voted = delivery.change
    return front_of(str(delivery.envelope.subject)), Report(votes=voted.votes)


def on_sealed(delivery: Delivery) -> Target:
    return front_of(str(delivery.envelope.subject)), Report(votes=0)


SEALS: Mapping[str, On] = {"closedloop.ballot.sealed.v1": On(contract.change(Sealed), on_sealed)}


def newspaper(misprint: Misprint | None = None, more: Mapping[str, On] | None = None) -> ServiceDefinition:
    """Follows ballots; of their events it binds only votes, unless told `more`."""
    front = count_with(misprint or Misprint())
    on = {"closedloop.ballot.voted.v1": On(contract.change(Voted), on_voted), **(more or {})}
    follow: Binding = Follow(topic=OUT, aggregate=front, target=front_of, on=on)
    return ServiceDefinition(
        name="escalation", settings=Settings, aggregates=(front,), bindings=(follow,), routes=no_routes
    )


KNOWN: Sequence[type[Event]] = (Voted, Sealed, Counted)
