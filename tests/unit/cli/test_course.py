"""Where time is for a system whose time is moved."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.cli.clock import CLOCK_FILE, Course, expected_now, keep
from shared.cli.endpoints import Endpoints
from shared.kernel.clock import Clock
from shared.runtime.service import restore_clock

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def a_system(state_dir: Path, *, test_mode: bool = True) -> Endpoints:
    return Endpoints("", "", {}, state_dir, True, test_mode, "closedloop.", "closedloop_")


def test_time_goes_on_at_its_rate() -> None:
    assert Course(NOON, 60.0, 1000.0).at(1002.5) == NOON + timedelta(seconds=150)
    assert Course(NOON, 0.0, 1000.0).at(9999.0) == NOON


def test_an_advance_starts_from_where_it_is() -> None:
    moved = Course(NOON, 0.0, 1000.0).moved({"advance_seconds": 90})
    assert (moved.now, moved.rate) == (NOON + timedelta(seconds=90), 0.0)


def test_a_set_keeps_the_rate_and_a_rate_keeps_the_time() -> None:
    course = Course(NOON, 0.0, 1000.0)
    assert course.moved({"set": "2026-03-03T09:00:00.123456+08:00"}).now == datetime(
        2026, 3, 3, 1, 0, 0, 123_000, tzinfo=UTC
    )
    faster = course.moved({"rate": 5})
    assert (faster.now, faster.rate) == (NOON, 5.0)
    with pytest.raises(ValueError, match="give one of"):
        course.moved({})


def test_what_is_kept_is_what_a_service_starts_with(tmp_path: Path) -> None:
    keep(tmp_path, NOON.isoformat(), 0.0)
    clock = Clock.real()
    restore_clock(clock, json.loads((tmp_path / CLOCK_FILE).read_text()))
    assert clock.now() == NOON == expected_now(a_system(tmp_path))


def test_outside_test_mode_it_is_the_machines_time(tmp_path: Path) -> None:
    keep(tmp_path, NOON.isoformat(), 0.0)
    before = datetime.now(UTC) - timedelta(seconds=1)
    assert before < expected_now(a_system(tmp_path, test_mode=False)) < before + timedelta(minutes=1)
