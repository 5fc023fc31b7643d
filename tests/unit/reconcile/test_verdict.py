"""What a verdict says, in an order that does not change."""

from shared.reconcile.verdict import Fate, Verdict, Violation


def test_violations_are_listed_by_number_and_everything_else_is_only_reported() -> None:
    verdict = Verdict()
    verdict.fates["intake", "complaints.inbox", Fate.DEAD_LETTERED] += 1
    verdict.dead_letters["intake", "not_json"] += 1
    verdict.parked["workflow", "sla>work_order", "unknown_subject"] += 1
    assert verdict.clean
    verdict.violations |= {Violation("I10", "wo_1", "a"), Violation("I2", "wo_2:0000000001", "b")}
    assert not verdict.clean
    shown = verdict.as_json()
    assert [one["invariant"] for one in shown["violations"]] == ["I2", "I10"]
    assert shown["records"] == [
        {"service": "intake", "topic": "complaints.inbox", "fate": "dead_lettered", "count": 1}
    ]
    assert shown["parked"][0]["reason"] == "unknown_subject"
