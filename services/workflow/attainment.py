"""Attainment (达成率): met / (met + missed) by due date, why clocks were missed, and how long they were paused."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.workflow.clock_facts import LEFT_OUT, MET, MISSED, NOT_COVERED, OPEN, VOIDED
from services.workflow.domain import WORK_ORDERS
from services.workflow.domain.states import Status
from services.workflow.projection import CLOCKS
from services.workflow.queries import Where
from shared.persistence.projection import collection_name
from shared.runtime.context import Context

UNATTRIBUTED = "unattributed"
"""Missed, and escalation has not said why (yet)."""

CAUSES = ("handling", "routing", "suspension", "retarget", "late_intake", "outage", UNATTRIBUTED)

BESIDE = (OPEN, NOT_COVERED, *LEFT_OUT)
PERIODS: Mapping[str, str] = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
FIELDS = ("kind", "team", "region", "cycle", "category", "priority", "tier")
GROUPINGS = (*FIELDS, *PERIODS)
MOST_TALLIES = 50_000

Group = tuple[Any, ...]
Tallies = Counter[tuple[str, str]]
"""How many of what, by (figure, which): ("outcome", "met"), ("cause", "routing"), ("pause", reason code) …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`since` ≤ due < `until`; `where`: the conditions that a clock meets."""

    since: datetime
    until: datetime
    zone: str
    group_by: Sequence[str]
    where: Sequence[Where]


class TooManyGroups(Exception):
    """More than anybody can read, or a server should hold."""


async def tally(context: Context, question: Question, now: datetime) -> Mapping[Group, Tallies]:
    """By group, in one read of the clocks. Raises TooManyGroups."""
    orders = context.database.collection(collection_name(WORK_ORDERS))
    voided = await orders.find(
        {"status": Status.VOIDED, "created_at": {"$lt": question.until}}, projection={"_id": 1}
    )
    ids = [order["_id"] for order in voided]
    found = await context.database.collection(CLOCKS).aggregate(_pipeline(question, now, ids))
    if len(found) > MOST_TALLIES:
        raise TooManyGroups
    groups: dict[Group, Tallies] = defaultdict(Counter)
    for one in found:
        group = tuple(one["_id"]["group"].get(name) for name in question.group_by)
        groups[group][one["_id"]["of"], one["_id"]["which"]] += one["n"]
    return groups


def _pipeline(question: Question, now: datetime, voided: Sequence[str]) -> list[Where]:
    """A voided order leaves every denominator, so its clocks, met or missed before, come in by a way of their own."""
    counted = {"counted_at": {"$gte": question.since, "$lt": question.until}}
    wanted = [counted, *question.where]
    of_voided: list[Where] = [
        {"$match": {"$and": [*wanted, {"work_order": {"$in": voided}}]}},
        {"$set": {"outcome": VOIDED}},
    ]
    return [
        {"$match": {"$and": [*wanted, *([{"work_order": {"$nin": voided}}] if voided else [])]}},
        *([{"$unionWith": {"coll": CLOCKS, "pipeline": of_voided}}] if voided else []),
        {"$set": {"outcome": _outcome(now)}},
        {"$project": {"group": _group(question), "lines": _lines(now)}},
        {"$unwind": "$lines"},
        {
            "$group": {
                "_id": {"group": "$group", "of": "$lines.of", "which": "$lines.which"},
                "n": {"$sum": "$lines.n"},
            }
        },
        {"$limit": MOST_TALLIES + 1},
    ]


def _outcome(now: datetime) -> Where:
    """Running and overdue is missed; at due it is not overdue yet."""
    overdue = [{"$eq": ["$outcome", OPEN]}, {"$eq": ["$state", "running"]}, {"$ne": ["$due_at", None]}]
    return {"$cond": [{"$and": [*overdue, {"$lt": ["$due_at", now]}]}, MISSED, "$outcome"]}


def _group(question: Question) -> Where:
    def value(name: str) -> Any:
        if name in PERIODS:
            return {"$dateToString": {"date": "$counted_at", "format": PERIODS[name], "timezone": question.zone}}
        return {"$ifNull": [f"${name}", None]}

    return {name: value(name) for name in question.group_by}


def _lines(now: datetime) -> Where:
    """Everything that one clock adds to the figures, as a list."""
    missed, met = {"$eq": ["$outcome", MISSED]}, {"$eq": ["$outcome", MET]}
    left_out = {"$in": ["$outcome", list(LEFT_OUT)]}
    cause = {"$cond": [{"$in": ["$cause", list(CAUSES)]}, "$cause", UNATTRIBUTED]}
    late = {"$ne": [{"$ifNull": ["$breached_at", None]}, None]}
    pauses = {"$map": {"input": {"$ifNull": ["$pauses", []]}, "as": "p", "in": _pause("$$p.reason", "$$p.seconds")}}
    since = {"$toLong": {"$dateDiff": {"startDate": "$paused.since", "endDate": now, "unit": "second"}}}
    open_pause = [_pause("$paused.reason", {"$max": [since, 0]})]
    return {
        "$concatArrays": [
            [{"of": "outcome", "which": "$outcome", "n": 1}],
            _if(missed, [{"of": "cause", "which": cause, "n": 1}]),
            _if({"$and": [missed, {"$eq": ["$state", "running"]}]}, [{"of": "overdue", "which": "", "n": 1}]),
            _if({"$and": [met, "$corrected"]}, [{"of": "corrected", "which": "", "n": 1}]),
            _if({"$and": [left_out, late]}, [{"of": "breached_left_out", "which": "", "n": 1}]),
            _if({"$not": [left_out]}, pauses),
            _if({"$and": [{"$not": [left_out]}, {"$gt": ["$paused", None]}]}, open_pause),
        ]
    }


def _pause(reason: str, seconds: Any) -> Where:
    return {"of": "pause", "which": reason, "n": seconds}


def _if(condition: Where, lines: Any) -> Where:
    return {"$cond": [condition, lines, []]}


def figures(tallies: Tallies) -> dict[str, Any]:
    """Every figure with its numerator and denominator; the ratio is None where there is nothing to divide by."""
    outcomes = {which: n for (of, which), n in tallies.items() if of == "outcome"}
    pauses = {which: n for (of, which), n in sorted(tallies.items()) if of == "pause"}
    met, missed = outcomes.get(MET, 0), outcomes.get(MISSED, 0)
    clocks, left_out = sum(outcomes.values()), sum(outcomes.get(name, 0) for name in LEFT_OUT)
    return {
        "clocks": clocks,
        "attainment": figure(met, met + missed),
        "missed": figure(missed, met + missed),
        "overdue": figure(tallies["overdue", ""], missed),
        "corrected": figure(tallies["corrected", ""], met),
        "causes": {name: figure(tallies["cause", name], missed) for name in CAUSES},
        "pauses": {reason: figure(seconds, sum(pauses.values())) for reason, seconds in pauses.items()},
        "beside": {name: figure(outcomes.get(name, 0), clocks) for name in BESIDE},
        "breached_left_out": figure(tallies["breached_left_out", ""], left_out),
    }


def figure(numerator: int, denominator: int) -> dict[str, Any]:
    ratio = round(numerator / denominator, 6) if denominator else None
    return {"numerator": numerator, "denominator": denominator, "ratio": ratio}
