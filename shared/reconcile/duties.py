"""I16: within one cycle nobody handles, reviews and calls back the same order (不相容职责分离)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from shared.events.workorders import (
    Accepted,
    CallbackAttempted,
    CallbackCompleted,
    Redispatched,
    Reopened,
    ResolutionSubmitted,
    ReviewApproved,
    ReviewRejected,
)
from shared.kernel.aggregate import Actor, Event

PERSON = "agent"  # the kind of actor whose duties count; a survey calls back any order


def mixed_duties(events: Iterable[tuple[Event, Actor]]) -> Iterator[str]:
    """Who had two duties in one cycle of one order, once for each; `events` with who decided them."""
    people: defaultdict[str, set[str]] = defaultdict(set)
    for event, actor in events:
        if isinstance(event, Redispatched | Reopened):
            people.clear()
            continue
        done = _duty(event, actor)
        if done is None or done[1] in people[done[0]]:
            continue
        duty, person = done
        for other in sorted(each for each in people if person in people[each]):
            yield f"one person is among the {other} and the {duty} of a cycle"
        people[duty].add(person)


def _duty(event: Event, actor: Actor) -> tuple[str, str] | None:
    match event:
        case Accepted():
            return "handlers", event.assignee
        case ResolutionSubmitted():
            return "handlers", event.handler
        case ReviewApproved() | ReviewRejected():
            return "reviewers", event.reviewer
        case CallbackAttempted() | CallbackCompleted() if actor.kind == PERSON:
            return "callback agents", actor.id
    return None
