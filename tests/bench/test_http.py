"""Every action of the measurement by HTTP is done, and its waiting is counted from when it was due."""

import pytest

from deploy.local.stack import LocalStack
from tests.bench.http import HttpReport, measure
from tests.bench.http_report import lines

ACTIONS, LOAD = 60, 0.5


@pytest.fixture(scope="module")
def report(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> HttpReport:
    return measure(stack, tmp_path_factory.mktemp("http"), ACTIONS, LOAD)


def test_every_action_is_done(report: HttpReport) -> None:
    assert report.statuses == {"200": ACTIONS}


def test_the_rate_is_the_wished_part_of_what_can_be_borne(report: HttpReport) -> None:
    assert report.rate == pytest.approx(LOAD * report.saturated)


def test_the_report_tells_the_waiting(report: HttpReport) -> None:
    assert any("p99" in line for line in lines(report))
