"""What escalation really tells of an order's clocks, kept as reports need it."""

from datetime import datetime
from typing import Any

from services.workflow.clock_facts import facts_of_breach, facts_of_change
from shared.events.sla import ClockBreached, ClocksChanged
from shared.kernel.aggregate import Event
from tests.unit.escalation.story import Story, instant

Kept = dict[str, list[dict[str, Any]]]


def kept(story: Story) -> Kept:
    """By kind, each clock as the copies of all records leave it."""
    documents: dict[str, dict[str, Any]] = {}
    for decision in story.decisions:
        for event in decision.events:
            for facts in _facts(event, decision.at):
                documents.setdefault(facts["clock"], {}).update(facts)
    by_kind: Kept = {}
    for document in documents.values():
        by_kind.setdefault(document["kind"], []).append(document)
    return by_kind


def _facts(event: Event, at: datetime) -> list[dict[str, Any]]:
    if isinstance(event, ClocksChanged):
        return [facts_of_change(event, clock, at) for clock in event.clocks]
    return [facts_of_breach(event)] if isinstance(event, ClockBreached) else []


def test_a_story_with_a_suspension_and_a_breach() -> None:
    story = Story().created().dispatched("2026-03-02T09:10:00+08:00").accepted("2026-03-02T09:20:00+08:00")
    story = story.suspended("2026-03-02T10:00:00+08:00").resumed("2026-03-02T14:00:00+08:00")
    story = story.timers_until("2026-03-04T13:00:01+08:00").submitted("2026-03-04T14:00:00+08:00")
    clocks = kept(story)
    [resolve] = clocks["resolve"]
    assert (resolve["outcome"], resolve["cause"] is not None) == ("missed", True)
    assert [pause["seconds"] for pause in resolve["pauses"]] == [4 * 3_600]
    assert resolve["counted_at"] == resolve["due_at"] == instant("2026-03-04T13:00:00+08:00")
    assert resolve["ended_at"] == instant("2026-03-04T14:00:00+08:00")
    [accept] = clocks["accept"]
    assert (accept["outcome"], accept["team"]) == ("met", "core")
    [statutory] = clocks["statutory"]
    assert (statutory["outcome"], statutory["pauses"]) == ("open", [])
    assert {clock["category"] for clock in clocks["resolve"]} == {"network/slow"}


def test_an_order_taken_back_in_vain_counts_for_the_team_that_had_it() -> None:
    story = Story().created().dispatched("2026-03-02T09:10:00+08:00").timers_until("2026-03-02T11:10:01+08:00")
    story = story.recalled("2026-03-02T11:10:02+08:00")
    [accept] = kept(story)["accept"]
    assert (accept["outcome"], accept["team"], accept["state"]) == ("missed", "core", "stopped")
    assert [clock["outcome"] for clock in kept(story)["dispatch"]] == ["met", "open"]


def test_a_stop_that_is_told_late_corrects() -> None:
    story = Story().created().dispatched("2026-03-02T09:10:00+08:00").timers_until("2026-03-02T12:00:00+08:00")
    assert kept(story)["accept"][0]["outcome"] == "missed"
    [accept] = kept(story.accepted("2026-03-02T11:00:00+08:00"))["accept"]
    assert (accept["outcome"], accept["corrected"], accept["cause"]) == ("met", True, None)
    assert accept["breached_at"] == instant("2026-03-02T11:10:00+08:00")


def test_withdrawn_and_voided_orders_are_told_apart() -> None:
    withdrawn = kept(Story().created().cancelled("2026-03-02T10:00:00+08:00"))
    assert {clock["outcome"] for clock in withdrawn["resolve"] + withdrawn["statutory"]} == {"cancelled"}
    voided = kept(Story().created().voided("2026-03-02T10:00:00+08:00"))
    assert {clock["outcome"] for clock in voided["resolve"] + voided["statutory"]} == {"voided"}
