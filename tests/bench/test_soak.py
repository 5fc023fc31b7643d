"""What a soak says of its looks; the run itself is for hours in which nobody waits (`closedloop bench soak`)."""

import pytest

from tests.bench.soak import Look, SoakReport, SoakWish
from tests.bench.soak_report import MIB, lines


def report(looks: list[Look], reconciled: str = "clean") -> SoakReport:
    return SoakReport(SoakWish(minutes=1, rate=10), {"intake": 2}, looks, 600, 0, (), reconciled)


LEAKING = [Look(at, {"intake": 100 * MIB + at * MIB}, {"intake": 20}, 5) for at in range(0, 60, 2)]


def test_what_grows_steadily_is_told_by_the_hour() -> None:
    assert report(LEAKING).slope("intake", "rss") == pytest.approx(3600 * MIB)
    assert report(LEAKING).slope("intake", "descriptors") == 0
    assert report(LEAKING).slope("", "behind") == 0


def test_a_process_that_was_away_counts_while_it_was_there() -> None:
    away = [one if one.at < 30 else Look(one.at, {}, {}, 5) for one in LEAKING]
    assert report(away).slope("intake", "rss") == pytest.approx(3600 * MIB)


def test_a_run_that_lost_something_says_so() -> None:
    told = "\n".join(lines(report(LEAKING, "I2 wo_1: nothing on the topic")))
    assert "NOT CLEAN" in told
    assert "I2 wo_1" in told
