"""One service alone works off what waits for it, and the parts of its time are those of the whole."""

import pytest

from deploy.local.stack import LocalStack
from tests.bench.stage import THREADS, StageReport, measure
from tests.bench.stage_report import lines

RECORDS = 300


@pytest.fixture(scope="module")
def report(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> StageReport:
    return measure(stack, tmp_path_factory.mktemp("stage"), "workflow", RECORDS)


def test_the_parts_make_up_the_whole(report: StageReport) -> None:
    assert sum(report.parts.values()) == pytest.approx(report.cpu_us)
    assert {name for name, value in report.parts.items() if value == 0} <= {THREADS}


def test_records_that_wait_are_worked_off_together(report: StageReport) -> None:
    assert 0 < sum(number for _, number in report.batches) < RECORDS / 10


def test_the_report_names_the_kind(report: StageReport) -> None:
    assert "`closedloop.complaint.received.v1`" in lines(report)[0]
