"""The loop that we compare with does the same work as ours; how fast either does it is no test's business."""

import pytest

from deploy.local.stack import LocalStack
from tests.bench.floor import FLOOR, NAIVE, OURS, Contest, FloorReport, measure
from tests.bench.floor_report import differences, lines

COMPLAINTS = 60
DECISIONS_IN_A_DOCUMENT = 4  # at most, on the average


@pytest.fixture(scope="module")
def report(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> FloorReport:
    contest = Contest(complaints=COMPLAINTS, in_flight=COMPLAINTS, warm_up=20, pairs=1, naive=5)
    return measure(stack, tmp_path_factory.mktemp("floor"), contest)


@pytest.mark.parametrize("program", [FLOOR, NAIVE])
def test_the_servers_hold_the_same_facts_afterwards(report: FloorReport, program: str) -> None:
    assert differences(report.of(OURS)[0], report.of(program)[0]) == {}


def test_a_record_at_a_time_is_a_log_document_for_each_decision(report: FloorReport) -> None:
    held = report.of(NAIVE)[0].held
    assert held.log_documents == held.entries


def test_the_floor_batches_as_ours_does(report: FloorReport) -> None:
    ours, floor = (sum(report.of(program)[0].held.log_documents.values()) for program in (OURS, FLOOR))
    assert 1 / DECISIONS_IN_A_DOCUMENT < floor / ours < DECISIONS_IN_A_DOCUMENT


def test_the_report_puts_them_side_by_side(report: FloorReport) -> None:
    assert "| median | ours | floor | naive |" in lines(report)
