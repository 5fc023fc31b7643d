"""What the zones' arithmetic takes for granted about the zone database, read from the database itself."""

from __future__ import annotations

import struct
from importlib import resources
from itertools import pairwise

import pytest

from shared.kernel.working_time import Zone, format_date

DAY = 86_400
_FILES = resources.files("tzdata") / "zoneinfo"
_NAMES = (resources.files("tzdata") / "zones").read_text().split()


def _offset_changes(name: str) -> list[tuple[int, int, int]]:
    """(instant, offset before, offset after) of every change listed in a TZif file (RFC 8536)."""
    data = (_FILES / name).read_bytes()
    # the file says everything twice: first in 32 bits, for old readers, then in 64
    is_ut, is_std, leaps, times, types, letters = _counts(data, 0)
    second = 44 + times * 5 + types * 6 + letters + leaps * 8 + is_std + is_ut
    *_, times, types, _ = _counts(data, second)
    start = second + 44
    instants = struct.unpack_from(f">{times}q", data, start)
    kinds = data[start + 8 * times : start + 9 * times]
    offsets = [struct.unpack_from(">l", data, start + 9 * times + 6 * kind)[0] for kind in range(types)]
    shown = [offsets[0], *(offsets[kind] for kind in kinds)]
    return [
        (at, before, after) for at, (before, after) in zip(instants, pairwise(shown), strict=True) if before != after
    ]


def _counts(data: bytes, at: int) -> tuple[int, ...]:
    assert data[at : at + 4] == b"TZif"
    counts: tuple[int, ...] = struct.unpack_from(">6l", data, at + 20)
    return counts


def test_no_zone_changes_its_clocks_twice_within_six_days() -> None:
    for name in _NAMES:
        changes = _offset_changes(name)
        assert all(later[0] - earlier[0] > 6 * DAY for earlier, later in pairwise(changes)), name


def test_no_date_line_is_crossed_back_within_a_year_or_outside_the_years_looked_at() -> None:
    for name in _NAMES:
        crossed = [at for at, before, after in _offset_changes(name) if abs(after - before) > DAY // 2]
        assert all(-47_000 * DAY < at < 25_000 * DAY for at in crossed), name
        assert all(later - earlier > 365 * DAY for earlier, later in pairwise(crossed)), name


@pytest.mark.parametrize(
    ("name", "skipped"),
    [
        ("Pacific/Apia", ["2011-12-30"]),
        ("Pacific/Fakaofo", ["2011-12-30"]),
        ("Pacific/Kwajalein", ["1993-08-21"]),
        ("Pacific/Kiritimati", ["1994-12-31"]),
        ("Pacific/Kanton", ["1994-12-31"]),
        ("Asia/Manila", ["1844-12-31"]),
        ("Asia/Shanghai", []),
    ],
)
def test_the_dates_that_were_skipped_are_known(name: str, skipped: list[str]) -> None:
    zone = Zone.named(name)
    assert zone is not None
    assert [format_date(day) for day in zone.skipped_dates] == skipped
