"""An order begins with its complaint, and goes where the routes say."""

from datetime import timedelta

import pytest

from services.workflow.domain import commands as c
from services.workflow.domain.reference import Reference
from services.workflow.domain.routing import Routable, routed
from shared.events.complaints import Customer
from shared.kernel.ids import COMPLAINT, sibling
from shared.kernel.refusal import UNCHANGED
from tests.unit.workflow.builders import NOW, ORDER_ID, a_complaint, an_undispatched_order, entry, facts, received

TEAMS = tuple(entry("team", name, regions=("*",)) for name in ("default", "network", "vip"))


def chosen(
    *routes: object, category: str = "network/outage", region: str = "jiangsu/nanjing", tier: str = "gold"
) -> str:
    directory = Reference((*TEAMS, *routes)).at(NOW)  # type: ignore[arg-type]  # tests pass entries only
    dispatched = routed(Routable(category, region, tier), directory)
    assert dispatched is None or dispatched.route is not None
    return dispatched.route.rule if dispatched and dispatched.route else "none"


def test_one_decision_creates_acknowledges_and_dispatches() -> None:
    order = a_complaint(acknowledged=True)
    assert order.snapshot.version == 1
    assert (order.state.status, order.state.team, order.state.flags) == ("assigned", "default", ("acknowledged",))
    assert order.state.events == order.snapshot.sequence == 3


def test_what_was_not_told_yet_is_not_acknowledged() -> None:
    assert a_complaint().state.flags == ()


def test_without_a_route_the_order_waits_for_a_dispatcher() -> None:
    assert an_undispatched_order().state.status == "dispatching"


def test_an_order_is_created_once() -> None:
    again = c.Create(complaint_id=sibling(ORDER_ID, COMPLAINT), received=received(subject="something else"))
    assert a_complaint().asked(again) is UNCHANGED


def test_why_the_route_was_chosen_is_kept() -> None:
    route = entry("route", "outages", version=4, team="default", category="network", region="jiangsu", tier="gold")
    known = facts(NOW, TEAMS[0], route)
    taken = a_complaint(known, customer=Customer(id="c", tier="gold", region="jiangsu/nanjing")).state.route
    assert taken is not None
    assert (taken.rule, taken.version) == ("outages", 4)
    assert taken.matched == {"category": "network/outage", "region": "jiangsu/nanjing", "tier": "gold"}


def test_the_highest_rank_wins_whatever_is_more_specific() -> None:
    loud = entry("route", "loud", team="default", rank=5)
    exact = entry("route", "exact", team="network", category="network/outage", region="jiangsu", tier="gold")
    assert chosen(loud, exact) == "loud"


def test_within_a_rank_more_conditions_win_then_deeper_ones() -> None:
    by_category = entry("route", "a", team="network", category="network")
    by_both = entry("route", "b", team="network", category="network", tier="gold")
    deeper = entry("route", "c", team="network", category="network/outage", tier="gold")
    assert chosen(by_category, by_both) == "b"
    assert chosen(by_category, by_both, deeper) == "c"


@pytest.mark.parametrize(
    "route",
    [
        {"category": "network/out"},  # no subtree: a path is compared part by part
        {"category": "billing"},
        {"region": "jiangsu/nanjing/gulou"},
        {"tier": "silver"},
        {"team": "nobody"},
        {"effective_at": NOW + timedelta(seconds=1)},
        {"removed": True},
    ],
)
def test_a_route_does_not_match(route: dict[str, object]) -> None:
    assert chosen(entry("route", "r", **{"team": "default", **route})) == "none"  # type: ignore[arg-type]  # as given


def test_a_team_elsewhere_gets_nothing() -> None:
    south = entry("team", "south", regions=("guangdong",))
    assert chosen(south, entry("route", "r", team="south")) == "none"


def test_a_new_version_counts_from_its_time_on() -> None:
    old = entry("route", "r", team="default")
    new = entry("route", "r", version=2, team="network", effective_at=NOW + timedelta(seconds=60))
    reference = Reference((*TEAMS, old, new))
    order = Routable("a", "b", "gold")
    for passed, team in ((59, "default"), (60, "network")):
        dispatched = routed(order, reference.at(NOW + timedelta(seconds=passed)))
        assert dispatched is not None
        assert dispatched.team == team
