"""Spans against the oracle: their seconds add up, and each one is what the walk and the document say."""

from __future__ import annotations

import os
from datetime import date, timedelta
from itertools import pairwise
from random import Random

from shared.kernel.working_time import SlaError, read_calendar
from shared.kernel.working_time.spans import Span, spans
from tests.properties.sla.random_calendars import Scenario, a_scenario, an_instant
from tests.properties.sla.walked_time import Json

CASES = int(os.environ.get("CLOSEDLOOP_SPAN_CASES", "3000"))
PER_SCENARIO = 40
EPOCH = date(1970, 1, 1)
LAYERS = {"overrides": "override", "makeup_workdays": "makeup_workday", "holidays": "holiday", "closures": "closure"}


def test_every_span_is_what_the_walk_finds() -> None:
    seed, asked = int(os.environ.get("CLOSEDLOOP_ORACLE_SEED", "2025")), 0
    while asked < CASES:
        random = Random(seed)
        scenario = a_scenario(random, busy_minutes=seed % 5 == 0)
        for _ in range(PER_SCENARIO):
            since, until = sorted(an_instant(random, scenario) for _ in range(2))
            asked += _ask(scenario, since, until, random.choice((1, 2, 5, 500)), seed)
        seed += 1


def _ask(scenario: Scenario, since: int, until: int, at_most: int, seed: int) -> bool:
    calendar = read_calendar(scenario.document)
    try:
        worked = calendar.between(since, until)
    except SlaError:
        return False
    found = spans(calendar, "business", since, until, at_most=at_most)
    told = (seed, since, until, found)
    assert len(found) <= at_most, told
    assert sum(span.seconds for span in found) == worked == scenario.walked.between(since, until), told
    edges = [since, *(span.until for span in found)]
    assert [span.since for span in found] == edges[:-1], told
    assert edges[-1] == until, told
    assert all((a.kind, a.layer) != (b.kind, b.layer) for a, b in pairwise(found)), told
    for span in found:
        assert span.seconds == scenario.walked.between(span.since, span.until), told
        assert span.kind == "rest" or _is_right(span, scenario), told
    return True


def _is_right(span: Span, scenario: Scenario) -> bool:
    """All of a span works or none of it, and its layer is the one that the document names for its dates."""
    works = {scenario.walked.works_at(at) for at in (span.since, span.until - 1)}
    whole = span.seconds in (0, span.until - span.since)
    existing = [day for day in range(span.first_date, span.last_date + 1) if _exists(scenario, day)]
    layers = {_layer(scenario.document, day) for day in existing}
    return whole and works == {span.kind == "working"} and layers == {span.layer}


def _exists(scenario: Scenario, day: int) -> bool:
    return EPOCH + timedelta(days=day) in scenario.walked.dates


def _layer(document: Json, day: int) -> str:
    name = (EPOCH + timedelta(days=day)).isoformat()
    return next((layer for field, layer in LAYERS.items() if name in document.get(field, ())), "weekly")
