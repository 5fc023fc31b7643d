"""What a simulation has counted so far: plain numbers that add up, and a sample of the orders that flip."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.escalation.domain.instants import to_instant
from services.escalation.simulation_clock import Notice, Replayed
from services.escalation.simulation_story import MET, MISSED, Story

NO_CLOCK: Final = "no_clock"
"""On one side there was no clock where on the other there was one."""
LISTED = 200
"""Flips that a result names, in each direction; all are counted."""
FLIPS: Final[Mapping[tuple[str, str], str]] = {
    (MET, MISSED): "met_to_missed",
    (MISSED, MET): "missed_to_met",
}
Figures = Counter[tuple[Any, ...]]
FIGURES = ("orders", "outcomes", "before", "after")


@dataclass(slots=True)
class Tally:
    """`orders` by what became of them; `outcomes` by (kind, before, after); `flips`: a sample by direction.

    `before` and `after`: how often which notice was given, by (kind, rung, audience).
    """

    orders: Figures = field(default_factory=Counter)
    outcomes: Figures = field(default_factory=Counter)
    before: Figures = field(default_factory=Counter)
    after: Figures = field(default_factory=Counter)
    flips: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in FLIPS.values()})

    def leave_out(self, why: str) -> None:
        self.orders[(why,)] += 1

    def take(self, story: Story, replayed: Iterable[Replayed], now: int) -> None:
        beside = dict(story.clocks)
        outcomes: list[tuple[str, str, str]] = []
        fired: list[Notice] = []
        directions = set()
        for clock in replayed:
            recorded = beside.pop(clock.number, None)
            before = NO_CLOCK if recorded is None else recorded.outcome(now)
            after = clock.outcome
            outcomes.append((clock.kind, before, after))
            fired += clock.fired
            if before != after and recorded is not None and (direction := FLIPS.get((before, after))) is not None:
                directions.add(direction)
                self._list(direction, story, clock, recorded.due)
        outcomes += [(recorded.kind, recorded.outcome(now), NO_CLOCK) for recorded in beside.values()]
        # Many at once, which counts much faster than one by one.
        self.outcomes.update(outcomes)
        self.before.update(story.notices)
        self.after.update(fired)
        self.orders.update([("replayed",), *((direction,) for direction in directions)])

    def add(self, other: "Tally") -> None:
        for name in FIGURES:
            getattr(self, name).update(getattr(other, name))
        for direction, flips in other.flips.items():
            known = self.flips[direction]
            known += flips[: LISTED - len(known)]

    def _list(self, direction: str, story: Story, clock: Replayed, due: int | None) -> None:
        if len(self.flips[direction]) < LISTED:
            order_id = "wo_" + story.id.partition("_")[2]
            dues = {"due_before": to_instant(due), "due_after": to_instant(clock.due)}
            self.flips[direction].append({"work_order_id": order_id, "kind": clock.kind, **dues})

    # -- as a job keeps it, and as it answers

    def stored(self) -> dict[str, Any]:
        """Plain data; keys stand in lists, since MongoDB gives some characters in names a meaning."""
        figures = {name: [[*key, number] for key, number in getattr(self, name).items()] for name in FIGURES}
        return {**figures, "flips": self.flips}

    @classmethod
    def restored(cls, raw: Mapping[str, Any]) -> "Tally":
        figures = {name: Counter({_key(key): number for *key, number in raw[name]}) for name in FIGURES}
        return cls(**figures, flips={name: list(flips) for name, flips in raw["flips"].items()})

    def result(self) -> dict[str, Any]:
        """What people asked for: attainment with its numerator and denominator, flips, notices, what was left out."""
        kinds = sorted({key[0] for key in self.outcomes})
        replayed = self.orders[("replayed",)]
        left_out = {key[0]: n for key, n in self.orders.items() if key[0] not in ("replayed", *FLIPS.values())}
        return {
            "orders": {"replayed": replayed, "left_out": left_out},
            "clocks": [self._kind(kind) for kind in kinds],
            "flips": {name: self._flips(name, pair) for pair, name in FLIPS.items()},
            "notices": self._sides(("kind", "rung"), lambda kind, rung, _: [(kind, rung)]),
            "audiences": self._sides(("audience",), lambda _, __, audience: [(one,) for one in audience]),
        }

    def _kind(self, kind: str) -> dict[str, Any]:
        pairs = {key[1:]: n for key, n in self.outcomes.items() if key[0] == kind}
        return {
            "kind": kind,
            "before": _attainment(Counter({b: _sum(pairs, 0, b) for b, _ in pairs})),
            "after": _attainment(Counter({a: _sum(pairs, 1, a) for _, a in pairs})),
            **{name: pairs.get(pair, 0) for pair, name in FLIPS.items()},
        }

    def _flips(self, name: str, pair: tuple[str, str]) -> dict[str, Any]:
        clocks = sum(n for key, n in self.outcomes.items() if key[1:] == pair)
        listed = self.flips[name]
        return {
            "orders": self.orders[(name,)],
            "clocks": clocks,
            "listed": listed,
            "not_listed": clocks - len(listed),
        }

    def _sides(
        self, names: tuple[str, ...], places: Callable[..., Iterable[tuple[str, ...]]]
    ) -> list[dict[str, Any]]:
        """Notices before and after, added up by what `places` makes of each."""
        sides: dict[str, Figures] = {"before": Counter(), "after": Counter()}
        for side, figures in sides.items():
            for notice, number in getattr(self, side).items():
                for place in places(*notice):
                    figures[place] += number
        return [
            dict(zip(names, place, strict=True)) | {side: figures[place] for side, figures in sides.items()}
            for place in sorted(sides["before"].keys() | sides["after"].keys())
        ]


def _key(raw: Iterable[Any]) -> tuple[Any, ...]:
    return tuple([tuple(part) if isinstance(part, list) else part for part in raw])


def _sum(pairs: Mapping[tuple[str, ...], int], side: int, outcome: str) -> int:
    return sum(number for pair, number in pairs.items() if pair[side] == outcome)


def _attainment(outcomes: Counter[str]) -> dict[str, Any]:
    """`attainment` as a share of 1, None where nothing counts."""
    met, missed = outcomes[MET], outcomes[MISSED]
    beside = {name: n for name, n in sorted(outcomes.items()) if name not in (MET, MISSED, NO_CLOCK)}
    counted = met + missed
    return {
        "met": met,
        "missed": missed,
        "counted": counted,
        "attainment": round(met / counted, 6) if counted else None,
        "left_out": beside,
    }
