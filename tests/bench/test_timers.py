"""Timers fire once and never early; how late they are is the bench's business."""

import pytest

from deploy.local.stack import LocalStack
from tests.bench.timers import TimersReport, TimersWish, Timing, measure
from tests.bench.timers_report import lines

WISH = TimersWish(waiting=50, steady=40, rate=40, burst=80, loop=10, loop_rate=10.0)


@pytest.fixture(scope="module")
def report(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> TimersReport:
    return measure(stack, tmp_path_factory.mktemp("timers") / "run", WISH)


@pytest.mark.parametrize(("name", "number"), [("steady", WISH.steady), ("burst", WISH.burst), ("loop", WISH.loop)])
def test_every_timer_fires_once_and_none_early(report: TimersReport, name: str, number: int) -> None:
    timing: Timing = getattr(report, name)
    assert timing.fired >= number  # the sample's own timers may fall into it
    assert timing.early == timing.twice == 0


def test_the_report_says_so(report: TimersReport) -> None:
    assert "* **none early, none twice: yes**" in lines(report)
