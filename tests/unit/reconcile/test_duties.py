"""Nobody has two duties within one cycle of an order."""

import pytest

from shared.events.parts import Reason
from shared.events.workorders import (
    Accepted,
    CallbackAttempted,
    CallbackCompleted,
    Redispatched,
    Reopened,
    ReviewApproved,
    ReviewRejected,
)
from shared.kernel.aggregate import SYSTEM, Actor, Event
from shared.reconcile.duties import mixed_duties

HANNA, ROLF = Actor("agent", "hanna"), Actor("agent", "rolf")
HANDLED = (Accepted(assignee="hanna"), HANNA)
REVIEWED = (ReviewApproved(reviewer="rolf", reply_text="-"), ROLF)
CALLED = CallbackCompleted(outcome="satisfied", attempt=1, satisfied=True)
AGAIN = Reopened(cycle=2, by="complainant", reason=Reason("other"))
Told = tuple[Event, Actor]


@pytest.mark.parametrize(
    "told",
    [
        [HANDLED, REVIEWED, (CALLED, Actor("agent", "carla"))],
        [HANDLED, HANDLED, REVIEWED, (CALLED, SYSTEM)],
        [HANDLED, REVIEWED, (Redispatched(cycle=2), SYSTEM), (Accepted(assignee="rolf"), ROLF)],
        [HANDLED, REVIEWED, (AGAIN, SYSTEM), (Accepted(assignee="rolf"), ROLF)],
    ],
)
def test_each_has_one_duty_in_a_cycle(told: list[Told]) -> None:
    assert list(mixed_duties(told)) == []


@pytest.mark.parametrize(
    ("told", "duties"),
    [
        ([HANDLED, (ReviewRejected(reviewer="hanna", reason=Reason("x")), HANNA)], "handlers and the reviewers"),
        ([HANDLED, REVIEWED, (CALLED, HANNA)], "handlers and the callback agents"),
        ([REVIEWED, (CallbackAttempted(outcome="no_answer", attempt=1), ROLF)], "reviewers and the callback agents"),
        ([(AGAIN, SYSTEM), REVIEWED, (Accepted(assignee="rolf"), ROLF)], "reviewers and the handlers"),
    ],
)
def test_who_has_two_is_found(told: list[Told], duties: str) -> None:
    assert list(mixed_duties(told)) == [f"one person is among the {duties} of a cycle"]
