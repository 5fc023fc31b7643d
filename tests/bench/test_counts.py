"""What one complete complaint costs in durable facts. Seconds are reported by `closedloop bench`, never gated."""

from pathlib import Path

import pytest

from deploy.local.stack import LocalStack
from tests.bench.loop import LoopReport, Wish, measure

COMPLAINTS = 200


@pytest.fixture(scope="module")
def report(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> LoopReport:
    wish = Wish(complaints=COMPLAINTS, in_flight=COMPLAINTS, warm_up=0)
    return measure(stack, tmp_path_factory.mktemp("bench"), wish)


def test_a_complaint_takes_no_more_appends_records_and_consumptions_than_budgeted(report: LoopReport) -> None:
    seen = {"appends": report.appends, "records": report.records, "consumptions": report.consumptions}
    assert (report.appends, report.records, report.consumptions) <= (24, 30, 65), seen
    assert report.appends <= 24, seen
    assert report.records <= 30, seen
    assert report.consumptions <= 65, seen


def test_nothing_is_refused_parked_or_dead_lettered_on_the_way(report: LoopReport) -> None:
    outcomes = {sort: count for sort, count in report.cost.sorts("closedloop_records_consumed").items()}
    assert not report.cost.total("closedloop_dead_letters"), outcomes
