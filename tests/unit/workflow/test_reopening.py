"""After the closing: reopened, rated, surveyed, archived; and before it: made by mistake."""

from datetime import timedelta

import pytest

from services.workflow.domain import aftercare_commands as a
from services.workflow.domain import commands as c
from shared.events.parts import Reason
from shared.events.workorders import Reopened
from shared.kernel.aggregate import SYSTEM, Actor
from shared.kernel.refusal import UNCHANGED
from tests.unit.workflow.builders import (
    AGENT,
    DISPATCHER,
    HANDLER,
    LEADER,
    NOW,
    an_order,
    an_undispatched_order,
    entry,
    facts,
    person,
)

WHY = Reason("not_mended", "It broke again.")
REGULATOR = Actor("regulator", "MIIT", None, frozenset({"agent"}), frozenset({"*"}), frozenset({"*"}))


def reopen(by: Actor = AGENT, named: str | None = None) -> a.Reopen:
    return a.Reopen(actor=by, reason=WHY, by=named)


def test_a_closed_order_begins_its_next_cycle_and_is_routed_in_the_same_decision() -> None:
    order = an_order().closed()
    order.does(a.Rate(actor=AGENT, satisfied=False))
    order.does(a.CloseSurvey())
    assert order.does(reopen()) == ["Reopened", "Dispatched"]
    state = order.state
    assert (state.status, state.cycle, state.team, state.counts["reopenings"]) == ("assigned", 2, "default", 1)
    assert (state.resolution, state.satisfaction, state.rating, state.handlers) == (None, None, None, ())
    assert (state.closed_as, state.closed_at) == (None, None)
    assert not {"survey_closed", "decision_communicated"} & set(state.flags)
    assert order.closed().state.closed_as == "satisfied"


def test_without_a_route_the_reopened_order_waits_for_a_dispatcher() -> None:
    order = an_order().closed()
    order.facts = facts(NOW, entry("team", "default", regions=("*",)))
    assert order.does(reopen()) == ["Reopened"]
    assert order.does(c.Dispatch(actor=DISPATCHER, team="default")) == ["Dispatched"]


@pytest.mark.parametrize(
    ("command", "by"),
    [
        (reopen(), "complainant"),
        (reopen(named="regulator"), "regulator"),
        (reopen(REGULATOR), "regulator"),
        (reopen(LEADER), "leader"),
        (reopen(LEADER, "complainant"), "complainant"),
        (reopen(person("both", "agent", "leader")), "complainant"),
        (reopen(SYSTEM), "complainant"),
    ],
)
def test_it_is_said_for_whom_the_order_is_reopened(command: a.Reopen, by: str) -> None:
    outcome = an_order().closed().asked(command)
    assert isinstance(outcome, tuple)
    assert outcome[0] == Reopened(cycle=2, by=by, reason=WHY)


def test_thirty_days_after_the_closing_it_is_another_complaint() -> None:
    order = an_order().closed()
    assert isinstance(order.later(days=30).asked(reopen()), tuple)
    assert order.later(milliseconds=1).refuses(reopen()) == "reopen_window_over"


def test_so_it_is_after_the_third_reopening() -> None:
    order = an_order().closed()
    for _ in range(3):
        order.reopened().closed()
    assert order.refuses(reopen(LEADER)) == "reopen_limit"
    assert order.state.cycle == 4


def test_one_rating_for_each_cycle() -> None:
    order = an_order().to_call_back()
    assert order.does(a.Rate(actor=AGENT, satisfied=True, scores={"speed": 4}, comment="Thanks.")) == ["Rated"]
    order.called("satisfied")
    assert order.refuses(a.Rate(actor=AGENT, satisfied=False)) == "already_rated"
    assert order.state.rating is not None
    assert order.state.rating.scores == {"speed": 4}
    order.reopened().closed()
    assert order.does(a.Rate(actor=SYSTEM, satisfied=False)) == ["Rated"]


def test_a_rating_is_no_callback_and_closes_nothing() -> None:
    order = an_order().to_call_back()
    order.does(a.Rate(actor=AGENT, satisfied=True))
    assert (order.state.status, order.state.satisfaction) == ("pending_callback", None)
    assert order.refuses(c.Close()) == "not_satisfied"


def test_once_the_survey_is_closed_nobody_rates_that_cycle() -> None:
    order = an_order().closed()
    assert order.does(a.CloseSurvey()) == ["SurveyClosed"]
    assert order.asked(a.CloseSurvey()) is UNCHANGED
    assert order.refuses(a.Rate(actor=AGENT, satisfied=True)) == "survey_closed"


def test_alarms_of_an_earlier_closing_do_nothing_to_a_later_one() -> None:
    order = an_order().closed()
    first = order.now
    order.later(days=1).reopened().closed()
    for stale in (a.Archive(clock_started_at=first), a.CloseSurvey(clock_started_at=first)):
        assert order.refuses(stale) == "closing_changed"
    assert order.does(a.CloseSurvey(clock_started_at=order.now)) == ["SurveyClosed"]
    assert order.does(a.Archive(clock_started_at=order.now)) == ["Archived"]


def test_an_archived_order_is_left_alone_for_ever() -> None:
    order = an_order().closed()
    order.does(a.Archive(reason=Reason("other", "by hand")))
    refusal = order.refuses(reopen())
    assert (order.state.status, refusal) == ("archived", "terminal_status")


def test_what_was_made_by_mistake_is_voided_by_two_people() -> None:
    order = an_undispatched_order()
    assert order.refuses(void(approved_by="lena")) == "own_approval"
    assert order.refuses(void(HANDLER)) == "forbidden"
    assert order.does(void()) == ["Voided"]
    assert order.state.status == "voided"
    assert an_order().refuses(void()) == "wrong_status"


def void(by: Actor = LEADER, approved_by: str = "lars") -> a.Void:
    return a.Void(actor=by, reason=Reason("other", "a test"), approved_by=approved_by)


def test_the_window_counts_from_the_last_closing() -> None:
    order = an_order().closed()
    order.later(days=20).reopened().closed()
    assert isinstance(order.later(days=20).asked(reopen()), tuple)
    assert order.now - NOW > timedelta(days=30)
