"""How much of a calendar is laid out, and how often."""

from __future__ import annotations

import json
import tracemalloc

from shared.cli.sla_lines import Request, answer_line
from shared.kernel.working_time import Calendar, parse_instant, read_calendar
from tests.unit.sla.asking import office

HOUR = 3600


def test_the_same_calendar_is_laid_out_once_however_it_is_written() -> None:
    met: list[Calendar] = []

    def remember(request: Request) -> dict[str, object]:
        met.append(request.calendar())
        return {}

    same = office()
    turned = dict(reversed(same.items()))
    for text in (json.dumps(same), json.dumps(same, indent=1).replace("\n", ""), json.dumps(turned)):
        answer_line(b'{"id":1,"calendar":' + text.encode() + b"}", remember)
    assert met[0] is met[1] is met[2]


def test_a_calendar_year_costs_at_most_200_kilobytes() -> None:
    calendar = read_calendar(office(complete_until="2040-12-31"))
    at = parse_instant("2020-01-06T09:00:00+08:00")
    calendar.add(at, HOUR)
    tracemalloc.start()
    calendar.add(at, 10 * 250 * 8 * HOUR)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown / 10 < 200_000


def test_asking_far_ahead_then_far_back_gives_the_same_answers_as_asking_afresh() -> None:
    questions = [
        ("2025-03-03T09:00:00+08:00", 5),
        ("2039-03-03T09:00:00+08:00", 700 * HOUR),
        ("1975-03-03T09:00:00+08:00", 90 * HOUR),
        ("2000-03-03T09:00:00+08:00", 50_000 * HOUR),
    ]
    used = read_calendar(office(complete_until="2090-12-31"))
    for at, seconds in questions:
        fresh = read_calendar(office(complete_until="2090-12-31"))
        instant = parse_instant(at)
        assert used.add(instant, seconds) == fresh.add(instant, seconds)
        assert used.sub(instant, seconds // 10) == fresh.sub(instant, seconds // 10)
