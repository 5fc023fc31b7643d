"""An order closes only with its loop closed."""

import pytest

from shared.events.parts import Reason
from shared.events.workorders import (
    CallbackAttempted,
    CallbackCompleted,
    Closed,
    DecisionCommunicated,
    Redispatched,
    Reopened,
)
from shared.kernel.aggregate import SYSTEM, Actor, Event
from shared.reconcile.closing import open_loops

LEADER = Actor("agent", "lena")
ANSWERED = DecisionCommunicated(by="system")
SATISFIED = CallbackCompleted(outcome="satisfied", attempt=1, satisfied=True)
DISSATISFIED = CallbackCompleted(outcome="dissatisfied", attempt=1, satisfied=False)
UNREACHED = tuple(CallbackAttempted(outcome="no_answer", attempt=number) for number in (1, 2, 3))
CLOSED = Closed(outcome="satisfied")
NOTIFIED = Closed(outcome="unreachable", notice=True)
REOPENED = Reopened(cycle=2, by="complainant", reason=Reason("not_mended"))
FORCED = Closed(outcome="forced", reason=Reason("goodwill"))


def faults(*events: Event, actor: Actor = SYSTEM) -> list[str]:
    return list(open_loops((event, actor) for event in events))


@pytest.mark.parametrize(
    "events",
    [
        (ANSWERED, SATISFIED, CLOSED),
        (SATISFIED, ANSWERED, CLOSED),
        (ANSWERED, *UNREACHED, NOTIFIED),
        (ANSWERED, DISSATISFIED, Redispatched(cycle=2), ANSWERED, SATISFIED, CLOSED),
        (ANSWERED, SATISFIED, CLOSED, REOPENED, ANSWERED, SATISFIED, CLOSED),
    ],
)
def test_a_closed_loop_is_closed(events: tuple[Event, ...]) -> None:
    assert faults(*events) == []


@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ((SATISFIED, CLOSED), "closed before the decision was communicated"),
        ((ANSWERED, CLOSED), "closed as satisfied without what that takes"),
        ((ANSWERED, DISSATISFIED, CLOSED), "closed as satisfied without what that takes"),
        ((ANSWERED, *UNREACHED[:2], NOTIFIED), "closed as unreachable without what that takes"),
        ((ANSWERED, *UNREACHED, Closed(outcome="unreachable")), "closed as unreachable without what that takes"),
        ((ANSWERED, FORCED), "closed as forced without what that takes"),
        (
            (ANSWERED, SATISFIED, Redispatched(cycle=2), SATISFIED, CLOSED),
            "closed before the decision was communicated",
        ),
        ((ANSWERED, SATISFIED, CLOSED, REOPENED, ANSWERED, CLOSED), "closed as satisfied without what that takes"),
    ],
)
def test_an_open_loop_is_named(events: tuple[Event, ...], fault: str) -> None:
    assert faults(*events) == [fault]


def test_a_person_may_force_a_closing_and_says_why() -> None:
    assert faults(ANSWERED, DISSATISFIED, FORCED, actor=LEADER) == []
    assert faults(ANSWERED, Closed(outcome="forced"), actor=LEADER) == ["closed as forced without what that takes"]
