"""What becomes of a clock in reports, and the arithmetic of their figures."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.workflow.attainment import BESIDE, CAUSES, Question, figures
from services.workflow.clock_facts import facts_of_breach, facts_of_change, outcome_of, pauses_of
from services.workflow.report_schemas import LONGEST_RANGE, AttainmentQuery
from services.workflow.report_texts import KINDS, LABELS, METHOD, PARAMETERS, TITLE, labels
from services.workflow.reports import READERS
from shared.events.parts import ClockChange, ClockView, RunningInterval, Turn, VersionedRef
from shared.events.sla import ClockBreached, ClocksChanged
from shared.runtime.http.problems import ProblemError
from tests.unit.workflow.builders import NOW, ORDER_ID, person

HOUR = timedelta(hours=1)
POLICY = VersionedRef("default", 1)
SUSPENDED = Turn("workorder.suspended", "wo:7", "agent:hanna", "awaiting_parts")
RESUMED = Turn("workorder.resumed", "wo:8", "agent:hanna")


def view(**changed: Any) -> dict[str, Any]:
    return {
        "id": f"{ORDER_ID}/3",
        "kind": "resolve",
        "state": "running",
        "budget_seconds": 7200,
        "unit": "natural",
        "started_at": NOW,
        "due_at": NOW + 2 * HOUR,
        "elapsed_seconds": 0,
        "policy": POLICY,
        "calendar": POLICY,
        **changed,
    }


def a_clock(change: str = "started", **changed: Any) -> ClockChange:
    return ClockChange(**{"change": change, "number": 3, "cycle": 1, **view(**changed)})


def ran(*hours: float, ended: Sequence[Turn | None] = ()) -> tuple[RunningInterval, ...]:
    """Stretches from and to hours after NOW; the last may be open."""
    edges = [NOW + hour * HOUR for hour in hours]
    pairs = [(edges[n], edges[n + 1] if n + 1 < len(edges) else None) for n in range(0, len(edges), 2)]
    turns = [*ended, *[None] * len(pairs)]
    return tuple(RunningInterval(since, until, None, turns[n]) for n, (since, until) in enumerate(pairs))


def ended_by(event: str) -> Turn:
    return Turn(f"workorder.{event}", "wo:9", "agent:agnes")


LATE = NOW + 2 * HOUR


@pytest.mark.parametrize(
    ("clock", "outcome"),
    [
        (a_clock(), "open"),
        (a_clock(state="paused", due_at=None), "open"),
        (a_clock("stopped", state="stopped"), "met"),
        (a_clock("stopped", state="stopped", breached_at=LATE), "missed"),
        (a_clock("stopped", state="stopped", due_at=None), "met"),  # while it was paused
        (a_clock("stopped", state="stopped", provisional=True), "met"),
        (a_clock(breached_at=LATE), "missed"),
        (a_clock("retargeted", due_at=NOW + 9 * HOUR, breached_at=LATE), "missed"),
        (a_clock("corrected", state="stopped", breached_at=LATE), "met"),
        (a_clock(due_at=None, not_covered=True), "not_covered"),
        (a_clock("stopped", state="stopped", due_at=None, not_covered=True), "not_covered"),
        (a_clock(due_at=None, not_covered=True, breached_at=LATE), "missed"),
        (a_clock("cancelled", state="cancelled"), "cancelled"),
        (a_clock("cancelled", state="cancelled", turn=ended_by("cancelled"), breached_at=LATE), "cancelled"),
        (a_clock("cancelled", state="cancelled", turn=ended_by("merged")), "merged"),
        (a_clock("cancelled", state="cancelled", turn=ended_by("voided")), "voided"),
        (a_clock("cancelled", state="cancelled", turn=ended_by("suborder_answered")), "cancelled"),
    ],
)
def test_every_clock_has_one_outcome(clock: ClockChange, outcome: str) -> None:
    assert outcome_of(clock) == outcome


def test_pauses_are_what_lies_between_the_stretches_in_which_it_ran() -> None:
    called = Turn("workorder.suspended", "wo:5", "agent:hanna", "unreachable")
    ledger = ran(0, 1, 3, 4, 4.5, 6, 7, ended=(SUSPENDED, called, SUSPENDED))
    assert pauses_of(a_clock("resumed", ledger=ledger), NOW) == {"awaiting_parts": 10_800, "unreachable": 1_800}


def test_a_review_that_rejects_is_told_apart_from_a_suspension() -> None:
    ledger = ran(0, 1, 2, ended=(Turn("workorder.resolution_submitted", "wo:5", "agent:hanna"),))
    assert pauses_of(a_clock("resumed", ledger=ledger), NOW) == {"resolution_submitted": 3_600}


def test_a_clock_that_counts_through_the_review_has_no_pause() -> None:
    ledger = ran(0, 1, 1, ended=(Turn("workorder.resolution_submitted", "wo:5", "agent:hanna"),))
    assert pauses_of(a_clock("resumed", ledger=ledger), NOW) == {}


def test_what_is_paused_now_goes_on_until_somebody_looks() -> None:
    clock = a_clock("paused", state="paused", due_at=None, ledger=ran(0, 1, ended=(SUSPENDED,)))
    facts = facts_of_change(event_of(clock), clock, NOW)
    assert facts["paused"] == {"reason": "awaiting_parts", "since": NOW + HOUR}
    assert facts["pauses"] == []
    assert (facts["ended_at"], facts["counted_at"]) == (None, NOW)


def test_what_is_stopped_while_paused_was_paused_to_its_end() -> None:
    ledger = ran(0, 1, ended=(SUSPENDED,))
    clock = a_clock("stopped", state="stopped", due_at=None, ledger=ledger, turn=ended_by("closed"))
    facts = facts_of_change(event_of(clock), clock, NOW + 3 * HOUR)
    assert facts["pauses"] == [{"reason": "awaiting_parts", "seconds": 7_200}]
    assert facts["counted_at"] == facts["ended_at"] == NOW + HOUR
    same = a_clock("stopped", state="stopped", ledger=ran(0, 1, ended=(SUSPENDED,)), turn=SUSPENDED)
    assert pauses_of(same, NOW + 3 * HOUR) == {}


def event_of(clock: ClockChange, team: str | None = "billing") -> ClocksChanged:
    return ClocksChanged(work_order_id=ORDER_ID, cycle=1, clocks=(clock,), region="jiangsu", team=team)


def test_an_order_not_accepted_in_time_counts_for_the_team_that_had_it() -> None:
    started = a_clock(kind="accept")
    recalled = a_clock("stopped", kind="accept", state="stopped", breached_at=LATE)
    assert facts_of_change(event_of(started), started, NOW)["team"] == "billing"
    assert "team" not in facts_of_change(event_of(recalled, team=None), recalled, NOW)
    resolved = a_clock("stopped", state="stopped")
    assert facts_of_change(event_of(resolved, team="core"), resolved, NOW)["team"] == "core"


def test_a_breach_leaves_alone_what_it_does_not_tell() -> None:
    told = facts_of_breach(ClockBreached(work_order_id=ORDER_ID, cycle=1, clock=ClockView(**view(breached_at=LATE))))
    assert (told["outcome"], told["counted_at"], told["breached_at"]) == ("missed", LATE, LATE)
    assert not {"team", "region", "pauses", "cycle", "number", "ended_at"} & told.keys()


def test_what_a_record_does_not_say_of_the_order_stays_as_it_was() -> None:
    clock = a_clock("stopped", state="stopped")
    assert facts_of_change(replace(event_of(clock), tier="gold"), clock, NOW)["tier"] == "gold"
    assert not {"category", "priority", "tier"} & facts_of_change(event_of(clock), clock, NOW).keys()


def test_the_parts_of_the_figures_add_up() -> None:
    tallies = Counter({("outcome", "met"): 6, ("outcome", "missed"): 2, ("outcome", "open"): 3})
    tallies += Counter({("outcome", "voided"): 1, ("cause", "routing"): 1, ("cause", "unattributed"): 1})
    tallies += Counter({("pause", "parts"): 300, ("pause", "customer"): 100, ("corrected", ""): 2})
    shown = figures(tallies)
    assert shown["attainment"] == {"numerator": 6, "denominator": 8, "ratio": 0.75}
    assert shown["missed"] == {"numerator": 2, "denominator": 8, "ratio": 0.25}
    assert sum(one["numerator"] for one in shown["causes"].values()) == shown["missed"]["numerator"]
    assert shown["pauses"]["parts"] == {"numerator": 300, "denominator": 400, "ratio": 0.75}
    assert shown["corrected"] == {"numerator": 2, "denominator": 6, "ratio": 0.333333}
    assert shown["clocks"] == 8 + sum(one["numerator"] for one in shown["beside"].values())


def test_nothing_divided_by_nothing_is_no_number() -> None:
    assert figures(Counter())["attainment"] == {"numerator": 0, "denominator": 0, "ratio": None}


def asked(**query: str) -> Question:
    return AttainmentQuery.model_validate(query).question(person("lena", "leader"), NOW)


def test_dates_are_those_of_the_zone() -> None:
    found = asked(**{"from": "2026-02-01", "to": "2026-03-01"})
    assert found.since == datetime(2026, 1, 31, 16, tzinfo=UTC)
    assert found.until == datetime(2026, 2, 28, 16, tzinfo=UTC)
    exact = asked(**{"from": "2026-02-01T00:00:00Z", "to": "2026-02-01T06:00:00+02:00"})
    assert exact.until - exact.since == 4 * HOUR


def test_the_usual_report_covers_thirty_days_up_to_tonight() -> None:
    found = asked()
    assert found.until == datetime(2026, 3, 2, 16, tzinfo=UTC)
    assert found.until - found.since == timedelta(days=30)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"from": "2026-03-01", "to": "2026-03-01"}, "/from"),
        ({"from": "2024-01-01", "to": "2026-03-01"}, "/from"),
        ({"from": "0001-01-01", "to": "2026-03-01"}, "/from"),
        ({"to": "9999-12-31"}, "/to"),
        ({"group_by": "shoe_size"}, "/group_by"),
        ({"group_by": ""}, "/group_by"),
        ({"group_by": "kind,team,region,tier"}, "/group_by"),
        ({"kind": "resolve,alarm.archive"}, "/kind"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(query: dict[str, str], pointer: str) -> None:
    with pytest.raises(ProblemError) as refused:
        asked(**query)
    assert refused.value.errors[0]["pointer"] == pointer
    assert timedelta(days=400) == LONGEST_RANGE


def test_every_word_of_a_report_is_there_in_both_languages() -> None:
    texts = [TITLE, METHOD, *PARAMETERS.values(), *LABELS.values(), *KINDS.values()]
    assert all(zh and en and not any("一" <= letter <= "鿿" for letter in en) for zh, en in texts)
    assert {*CAUSES, *BESIDE} <= LABELS.keys()
    assert labels("zh")["kinds"]["resolve"] == "处理"
    assert "handler" not in READERS
