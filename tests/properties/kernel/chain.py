"""Two toy services in a ring: ballots are followed by a newspaper, whose counts thank the ballots."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.kernel.aggregate import AggregateType, Command, Decision, Event, Facts, Outcome, Stamp
from shared.kernel.refusal import UNCHANGED, Refusal
from shared.messaging import contract
from shared.messaging.bindings import Binding, Follow, On, Target, Trigger
from shared.messaging.reading import Reader
from shared.messaging.records import Delivery
from tests.ballot import Seal, Sealed, Vote, Voted

INBOX, OUT, NEWS = "workorders.inbox", "workorders", "sla"
ASKED = "closedloop.test.asked.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Thanked(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted(Event):
    votes: int


Reopened.TYPE, Thanked.TYPE, Counted.TYPE = "ballot.reopened", "ballot.thanked", "front.counted"
KNOWN: tuple[type[Event], ...] = (Voted, Sealed, Reopened, Thanked, Counted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Thank(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Command):
    votes: int


@dataclass(frozen=True, slots=True)
class Box:
    votes: int = 0
    thanks: int = 0
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class Front:
    votes: int = 0


def decide_ballot(box: Box | None, command: Vote | Seal | Reopen | Thank, facts: Facts) -> Outcome:
    """Refused is what another command can make acceptable later; `facts.reference`: the bug is mended."""
    match command:
        case Vote(broken=True) if not facts.reference:
            raise ZeroDivisionError
        case Vote() if box is None and not command.opens:
            return Refusal("not_found")
        case Vote() if box is not None and box.sealed:
            return Refusal("sealed")
        case Vote(votes=0):
            return [Voted(votes=1)] if facts.reference else Refusal("no_votes")  # not every process knows alike
        case Vote():
            return [Voted(votes=1) for _ in range(command.votes)]
        case Seal():
            return UNCHANGED if box is not None and box.sealed else [Sealed()]
        case _ if box is None:
            return Refusal("not_found")
        case Reopen():
            return [Reopened()] if box.sealed else UNCHANGED
        case Thank():
            return Refusal("sealed") if box.sealed else [Thanked()]


def evolve_ballot(box: Box | None, event: Event, stamp: Stamp) -> Box:
    box = box or Box()
    match event:
        case Voted():
            return replace(box, votes=box.votes + event.votes)
        case Thanked():
            return replace(box, thanks=box.thanks + 1)
        case _:
            return replace(box, sealed=isinstance(event, Sealed))


def decide_front(front: Front | None, command: Report, facts: Facts) -> Outcome:
    if front is not None and front.votes == 2 and not facts.reference:
        raise ZeroDivisionError
    if front is not None and command.votes == 0:
        return Refusal("no_news")
    return [Counted(votes=command.votes)]


def evolve_front(front: Front | None, event: Counted, stamp: Stamp) -> Front:
    return Front(votes=(front.votes if front else 0) + event.votes)


def view(state: Box | Front, decision: Decision) -> Mapping[str, Any]:
    return {"votes": state.votes, "version": decision.version}


BALLOT = AggregateType(
    name="ballot",
    prefix="bal_",
    topic=OUT,
    state=Box,
    events=(Voted, Sealed, Reopened, Thanked),
    decide=decide_ballot,
    evolve=evolve_ballot,
    view_name="ballot",
    view=view,
)
FRONT = AggregateType(
    name="front",
    prefix="frt_",
    topic=NEWS,
    state=Front,
    events=(Counted,),
    decide=decide_front,
    evolve=evolve_front,
    view_name="front",
    view=view,
)
ASKING: Mapping[str, type[Command]] = {"vote": Vote, "seal": Seal, "reopen": Reopen}


def _asked(delivery: Delivery) -> Target:
    said = dict(delivery.change)
    return said.pop("ballot"), ASKING[said.pop("asks")](**said)


def _voted(delivery: Delivery) -> Target:
    return front_of(str(delivery.envelope.subject)), Report(votes=delivery.change.votes)


def _sealed(delivery: Delivery) -> Target:
    return front_of(str(delivery.envelope.subject)), Report(votes=0)


def _counted(delivery: Delivery) -> Target:
    return "bal_" + str(delivery.envelope.subject).removeprefix("frt_"), Thank()


def front_of(ballot: str) -> str:
    return "frt_" + ballot.removeprefix("bal_")


INBOX_BINDING = Trigger(INBOX, BALLOT, {ASKED: On(lambda data: data, _asked)}, foreign=True)
THANKS_BINDING = Trigger(NEWS, BALLOT, {"closedloop.front.counted.v1": On(contract.change(Counted), _counted)})
FRONT_BINDING = Follow(
    OUT,
    FRONT,
    front_of,
    {
        "closedloop.ballot.voted.v1": On(contract.change(Voted), _voted),
        "closedloop.ballot.sealed.v1": On(contract.change(Sealed), _sealed),
    },
)


@dataclass(frozen=True, slots=True)
class Service:
    """A service that owns one kind of aggregate."""

    name: str
    kind: AggregateType[Any]
    bindings: tuple[Binding, ...]
    reader: Reader


def _service(name: str, kind: AggregateType[Any], *bindings: Binding) -> Service:
    return Service(name, kind, bindings, Reader(bindings))


STATION = _service("workflow", BALLOT, INBOX_BINDING, THANKS_BINDING)
NEWSPAPER = _service("escalation", FRONT, FRONT_BINDING)
