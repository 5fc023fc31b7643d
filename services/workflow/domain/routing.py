"""Which team an order goes to (派单规则): the matching route of the highest rank, then the most specific one."""

from dataclasses import dataclass

from services.workflow.domain.reference import Directory
from services.workflow.domain.scope import serves, within
from shared.events.directory import DirectoryChanged
from shared.events.workorders import Dispatched, RouteTaken


@dataclass(frozen=True, slots=True)
class Routable:
    """What routes look at."""

    category: str
    region: str
    tier: str


def routed(order: Routable, directory: Directory) -> Dispatched | None:
    """None where no route matches: the order waits for a dispatcher."""
    candidates = [
        (route, team) for route in directory.routes if (team := destination(route, order, directory)) is not None
    ]
    if not candidates:
        return None
    route, team = max(candidates, key=lambda candidate: _precedence(candidate[0]))
    taken = RouteTaken(rule=route.id, version=route.version, matched=_matched(route, order))
    return Dispatched(team=team, route=taken)


def destination(route: DirectoryChanged, order: Routable, directory: Directory) -> str | None:
    """The route's team, if all given conditions hold and the team exists and serves the region."""
    team = directory.team(route.team) if route.team else None
    if team is None or not serves(team.regions, order.region):
        return None
    holds = (
        (route.category is None or within(order.category, route.category))
        and (route.region is None or within(order.region, route.region))
        and (route.tier is None or route.tier == order.tier)
    )
    return team.id if holds else None


def _precedence(route: DirectoryChanged) -> tuple[int, int, int, str]:
    """Rank, number of conditions, how deep their paths go; the id settles the rest, so that all processes agree."""
    paths = [path for path in (route.category, route.region) if path is not None]
    conditions = len(paths) + (route.tier is not None)
    return route.rank, conditions, sum(path.count("/") + 1 for path in paths), route.id


def _matched(route: DirectoryChanged, order: Routable) -> dict[str, str]:
    conditions = {"category": route.category, "region": route.region, "tier": route.tier}
    return {name: getattr(order, name) for name, wanted in conditions.items() if wanted is not None}
