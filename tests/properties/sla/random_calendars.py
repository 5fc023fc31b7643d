"""Random calendars around the instants at which local time does something odd."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from tests.properties.sla.walked_time import Json, WalkedTime

DAY = 86_400
MARGIN = 3 * DAY  # what a walk needs on either side to know its windows whole
_EPOCH = date(1970, 1, 1)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# Zone and a date near which its local time jumps, repeats, skips a date, or does none of these.
ODD_DAYS = (
    ("Asia/Shanghai", "2025-01-27"),
    ("Asia/Shanghai", "1991-09-15"),
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/Havana", "2025-03-09"),
    ("America/Havana", "2025-11-02"),
    ("Pacific/Apia", "2011-12-30"),
    ("Pacific/Apia", "2010-09-26"),
    ("Asia/Kathmandu", "1986-01-01"),
    ("America/St_Johns", "2006-04-02"),
    ("America/St_Johns", "2006-10-29"),
    ("America/St_Johns", "1988-04-03"),
    ("America/St_Johns", "1993-10-31"),
    ("Australia/Lord_Howe", "2025-04-06"),
    ("Australia/Lord_Howe", "2025-10-05"),
    ("Africa/Casablanca", "2025-02-23"),
    ("Africa/Casablanca", "2025-04-06"),
    ("America/Sao_Paulo", "2018-02-18"),
    ("America/Sao_Paulo", "2018-11-04"),
    ("Pacific/Kwajalein", "1993-08-21"),
    ("Pacific/Kiritimati", "1994-12-31"),
    ("Antarctica/Casey", "2010-03-05"),
    ("Antarctica/Troll", "2025-10-26"),
    ("Africa/Cairo", "2014-06-27"),
    ("Asia/Pyongyang", "2018-05-04"),
    ("America/New_York", "2024-02-29"),
    ("UTC", "2000-02-29"),
    ("Asia/Shanghai", "1970-01-02"),
    ("America/New_York", "1970-01-02"),
    ("Africa/Monrovia", "1972-01-07"),
)


class Scenario(NamedTuple):
    document: Json
    walked: WalkedTime
    since: int
    until: int


def a_scenario(random: Random, *, busy_minutes: bool = False) -> Scenario:
    """A calendar, the oracle's walk over it and the span `[since, until)` that may be asked about.

    With `busy_minutes` work begins and ends every few minutes for an hour a day.
    """
    zone, odd_day = random.choice(ODD_DAYS)
    middle = date.fromisoformat(odd_day)
    if random.random() < 0.2:
        middle = date(1971, 1, 1) + timedelta(days=random.randrange(29_000))
    before, after = random.randint(1, 4), random.randint(1, 7)
    since = ((middle - _EPOCH).days - before) * DAY
    until = since + (before + after) * DAY
    document = a_calendar(random, zone, middle)
    if busy_minutes:
        document["weekly"] = {day: _busy_minutes(random) for day in _WEEKDAYS}
    # Monrovia was 44 minutes and 30 seconds behind
    step = 30 if zone == "Africa/Monrovia" else 60
    return Scenario(document, WalkedTime(document, since - MARGIN, until + MARGIN, step), since, until)


def a_calendar(random: Random, zone: str, middle: date) -> Json:
    nearby = [(middle + timedelta(days=offset)).isoformat() for offset in range(-6, 10)]
    density = random.choice((0.3, 0.7, 1.0))
    document: Json = {
        "zone": zone,
        "weekly": {day: _windows(random) for day in _WEEKDAYS if random.random() < density},
        "complete_until": "2090-12-31",
    }
    if random.random() < 0.3:
        document["complete_until"] = (middle + timedelta(days=random.randint(-1, 6))).isoformat()
    if random.random() < 0.5:
        document["overrides"] = {day: _windows(random) for day in random.sample(nearby, random.randint(0, 3))}
        document["makeup_workdays"] = {
            day: random.choice(_WEEKDAYS) for day in random.sample(nearby, random.randint(0, 3))
        }
        document["holidays"] = random.sample(nearby, random.randint(0, 3))
        document["closures"] = random.sample(nearby, random.randint(0, 3))
    return document


def _windows(random: Random) -> list[list[str]]:
    windows = []
    for _ in range(random.choice((0, 1, 1, 2, 2, 3))):
        opens, closes = _time_of_day(random), _time_of_day(random, end=True)
        if opens != closes:
            windows.append([opens, closes])
    return windows


def _busy_minutes(random: Random) -> list[list[str]]:
    minute = 60 * random.choice((0, 1, 2, 9, 23)) + random.choice((0, 30, random.randrange(60)))
    windows: list[list[str]] = []
    while len(windows) < 12 and minute < 24 * 60 - 5:
        end = minute + random.randint(1, 4)
        windows.append([_written_time(minute), _written_time(end)])
        minute = end + random.randint(0, 3)
    return windows


def _time_of_day(random: Random, *, end: bool = False) -> str:
    kind = random.random()
    if kind < 0.15:
        return random.choice(("00:00", "24:00")) if end else "00:00"
    if kind < 0.5:  # the small hours, in which clocks are changed
        minute = random.choice((0, 1, 15, 30, 45, 59)) + 60 * random.choice((0, 1, 2, 3, 23))
    elif kind < 0.8:
        minute = 30 * random.randrange(48)
    else:
        minute = random.randrange(24 * 60)
    return _written_time(minute)


def _written_time(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def an_instant(random: Random, scenario: Scenario) -> int:
    """Often at or next to the edge of a window, where one second decides."""
    edges = scenario.walked.edges
    if edges and random.random() < 0.4:
        instant = random.choice(edges) + random.choice((-1, 0, 0, 1))
        return min(max(instant, scenario.since), scenario.until)
    return random.randrange(scenario.since, scenario.until)


def written(random: Random, instant: int) -> str:
    """The instant as RFC 3339 with a random offset, and now and then a fraction that does not count."""
    offset = random.choice((0, 0, 8 * 60, -210, 345, -720, 14 * 60))
    local = datetime(1970, 1, 1) + timedelta(seconds=instant + offset * 60)
    fraction = random.choice(("", "", ".5", ".999999999"))
    sign = "-" if offset < 0 else "+"
    name = "Z" if offset == 0 else f"{sign}{abs(offset) // 60:02}:{abs(offset) % 60:02}"
    return local.isoformat() + fraction + name


def shown(instant: int | None) -> Any:
    return None if instant is None else (datetime(1970, 1, 1) + timedelta(seconds=instant)).isoformat() + "Z"
