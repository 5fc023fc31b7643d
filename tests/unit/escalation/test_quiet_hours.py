"""When quiet hours end, in any zone and where the clocks change."""

from bisect import bisect_left
from datetime import date, datetime, timedelta

import pytest

from services.escalation.domain.policies import QuietHours
from services.escalation.domain.quiet import quiet_until
from shared.kernel.working_time import Zone
from tests.properties.sla.random_calendars import ODD_DAYS
from tests.properties.sla.walked_time import WalkedTime

NIGHT = QuietHours(22 * 60, 8 * 60)
NOON_REST = QuietHours(12 * 60, 13 * 60)
DAY = 86_400


def _skips_a_date(zone: str) -> bool:
    named = Zone.named(zone)
    return named is not None and bool(named.skipped_dates)


def ends(hours: QuietHours, zone: str, at: str) -> str | None:
    """`at` with its offset; the answer in the same zone."""
    named = Zone.named(zone)
    assert named is not None
    found = quiet_until(hours, named, int(datetime.fromisoformat(at).timestamp()))
    if found is None:
        return None
    offset = timedelta(seconds=named.offset_at(found))
    return (datetime(1970, 1, 1) + timedelta(seconds=found) + offset).isoformat(sep=" ", timespec="minutes")


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-03-02T21:59:59+08:00", None),
        ("2026-03-02T22:00:00+08:00", "2026-03-03 08:00"),
        ("2026-03-03T00:00:00+08:00", "2026-03-03 08:00"),
        ("2026-03-03T07:59:59+08:00", "2026-03-03 08:00"),
        ("2026-03-03T08:00:00+08:00", None),
    ],
)
def test_a_night_goes_over_midnight(at: str, until: str | None) -> None:
    assert ends(NIGHT, "Asia/Shanghai", at) == until


def test_quiet_hours_may_lie_within_a_day() -> None:
    assert ends(NOON_REST, "Asia/Shanghai", "2026-03-02T12:30:00+08:00") == "2026-03-02 13:00"
    assert ends(NOON_REST, "Asia/Shanghai", "2026-03-02T13:00:00+08:00") is None
    assert ends(QuietHours(22 * 60, 24 * 60), "Asia/Shanghai", "2026-03-02T23:59:59+08:00") == "2026-03-03 00:00"


def test_the_zone_is_the_calendars() -> None:
    assert ends(NIGHT, "Europe/Berlin", "2026-03-03T05:00:00+08:00") == "2026-03-03 08:00"
    assert ends(NIGHT, "Europe/Berlin", "2026-03-03T16:00:00+08:00") is None


def test_a_night_in_which_the_clocks_go_forward_ends_at_the_same_local_time() -> None:
    assert ends(NIGHT, "Europe/Berlin", "2026-03-28T23:00:00+01:00") == "2026-03-29 08:00"


def test_an_end_that_the_clocks_skip_is_when_they_skip_it() -> None:
    assert ends(QuietHours(22 * 60, 150), "Europe/Berlin", "2026-03-29T01:59:59+01:00") == "2026-03-29 03:00"
    assert ends(QuietHours(22 * 60, 150), "Europe/Berlin", "2026-03-29T03:00:00+02:00") is None


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    until_half_past_two = QuietHours(22 * 60, 150)
    for at in ("2026-10-25T02:15:00+02:00", "2026-10-25T02:45:00+02:00", "2026-10-25T02:15:00+01:00"):
        assert ends(until_half_past_two, "Europe/Berlin", at) == "2026-10-25 02:30"
    assert ends(until_half_past_two, "Europe/Berlin", "2026-10-25T02:30:00+01:00") is None


def test_the_night_of_a_date_that_a_zone_skipped_was_a_night() -> None:
    """Samoa went from 24:00 of the 29th to 00:00 of the 31st."""
    assert ends(NIGHT, "Pacific/Apia", "2011-12-29T23:00:00-10:00") == "2011-12-31 08:00"
    assert ends(NIGHT, "Pacific/Apia", "2011-12-31T02:00:00+14:00") == "2011-12-31 08:00"


@pytest.mark.parametrize(("zone", "odd_day"), [odd for odd in ODD_DAYS if not _skips_a_date(odd[0])])
@pytest.mark.parametrize(
    ("start", "end"), [("22:00", "08:00"), ("23:30", "02:30"), ("01:15", "02:45"), ("03:00", "02:00")]
)
def test_every_minute_around_an_odd_day_is_as_it_was_walked(zone: str, odd_day: str, start: str, end: str) -> None:
    middle = (date.fromisoformat(odd_day) - date(1970, 1, 1)).days * DAY
    weekly = {day: [[start, end]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    document = {"zone": zone, "weekly": weekly, "complete_until": "2090-12-31"}
    walked = WalkedTime(document, middle - 5 * DAY, middle + 5 * DAY, 30 if zone == "Africa/Monrovia" else 60)
    named = Zone.named(zone)
    assert named is not None
    hours = QuietHours(_minutes(start), _minutes(end))
    for at in range(middle - DAY, middle + 2 * DAY, 17 * 60 + 30):
        quiet = walked.works_at(at)
        expected = walked.edges[bisect_left(walked.edges, at + 1)] if quiet else None
        assert quiet_until(hours, named, at) == expected, (zone, at)


def _minutes(time: str) -> int:
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)
