"""Teams and people as the notifier sees them, and who an audience is (通知对象)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.notifier.domain.commands import COMPANY, DEPARTMENT, HANDLER, LEADER, OrderFacts

PERSON, TEAM = "person:", "team:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    id: str
    name: str = ""
    email: str | None = None
    language: str = "zh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    id: str
    parent: str | None = None
    leader: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """The newest entries. An entry counts at once, also before it takes effect for routing: a changed address or
    leader is better than the old one, and each notice keeps the recipients that it chose."""

    teams: Mapping[str, Team] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)

    def chain(self, team_id: str | None) -> tuple[Team, ...]:
        """The team and those above it; an order without a team belongs to the topmost ones. Ends at a loop."""
        if team_id is None or team_id not in self.teams:
            return tuple(team for _, team in sorted(self.teams.items()) if team.parent is None)
        chain = [self.teams[team_id]]
        while (above := self.teams.get(chain[-1].parent or "")) is not None and above not in chain:
            chain.append(above)
        return tuple(chain)

    def resolve(self, audience: str, order: OrderFacts) -> Person | None:
        """Who `audience` is for this order; an empty audience falls to the next higher one, None: nobody is left.

        A level (handler, leader, department, company), `person:<id>`, `team:<id>` (its leader), or a bare id of
        either. Who is not in the directory falls to those above the order.
        """
        name = audience.removeprefix(PERSON).removeprefix(TEAM)
        if name in self.people and not audience.startswith(TEAM):
            return self.people[name]
        if name in self.teams and not audience.startswith(PERSON):
            return self._first(team.leader for team in self.chain(name)) or self._level(COMPANY, order)
        return self._level(audience, order)

    def _level(self, audience: str, order: OrderFacts) -> Person | None:
        chain = self.chain(order.team)
        levels = {
            HANDLER: order.assignee,
            LEADER: chain[0].leader if chain else None,
            DEPARTMENT: chain[1].leader if len(chain) > 1 else None,
            COMPANY: chain[-1].leader if chain else None,
        }
        names = list(levels)
        start = names.index(audience) if audience in levels else names.index(LEADER)
        # Where the topmost team has no leader, whoever stands highest: somebody has to hear of it.
        highest = (team.leader for team in reversed(chain))
        return self._first((*(levels[name] for name in names[start:]), *highest))

    def _first(self, candidates: Iterable[str | None]) -> Person | None:
        return next((self.people[each] for each in candidates if each is not None and each in self.people), None)
