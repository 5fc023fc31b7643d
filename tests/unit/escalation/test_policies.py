"""Which policy gives an order its clocks."""

import pytest

from services.escalation.domain.matching import asked_of, traits_of
from services.escalation.domain.policies import Rulebook
from shared.events.parts import RegulatorCase, VersionedRef, WorkOrderView
from tests.unit.escalation.story import MONDAY, Story, an_order, instant, rules_of

CALENDAR = (
    "{kind: calendar, id: c, version: 1, effective_from: '2025-01-01T00:00:00Z', zone: Asia/Shanghai, "
    "complete_until: '2026-12-31'}"
)
ALWAYS = "2025-01-01T00:00:00Z"


def a_policy(
    name: str, match: str = "{}", *, version: int = 1, rank: int = 0, since: str = ALWAYS, budget: str = "24h"
) -> str:
    return (
        f"{{kind: policy, id: {name}, version: {version}, effective_from: '{since}', rank: {rank}, match: {match}, "
        f"calendar: c, clocks: {{resolve: {{budget: {budget}, unit: natural}}}}}}"
    )


def chosen(rules: Rulebook, order: WorkOrderView, at: str = MONDAY) -> str | None:
    match = rules.match("resolve", asked_of(traits_of(order), order.region), instant(at))
    return None if match is None else f"{match.policy.id} v{match.policy.version}"


@pytest.mark.parametrize(
    ("condition", "fits", "fits_not"),
    [
        ("tier: gold", {"tier": "gold"}, {"tier": "silver"}),
        ("tier: [gold, platinum]", {"tier": "platinum"}, {"tier": "standard"}),
        ("category: network", {"category": "network/slow"}, {"category": "networks/slow"}),
        ("category: network/slow", {"category": "network/slow"}, {"category": "network"}),
        ("flags: [safety, media]", {"severity_flags": ("group", "media")}, {"severity_flags": ("group",)}),
        ("priority: P1", {"priority": "P1"}, {"priority": "P2"}),
        ("channel: regulator", {"channel": "regulator"}, {"channel": "web"}),
        ("region: jiangsu", {"region": "jiangsu"}, {"region": "anhui"}),
        ("repeat: true", {"repeat_of": "wo_1"}, {"repeat_of": None}),
        ("repeat: false", {"repeat_of": None}, {"repeat_of": "wo_1"}),
        (
            "regulator_case: true",
            {"regulator_case": RegulatorCase("R", "MIIT", instant(MONDAY))},
            {"regulator_case": None},
        ),
    ],
)
def test_a_condition_holds_or_not(condition: str, fits: dict[str, object], fits_not: dict[str, object]) -> None:
    rules = rules_of(CALENDAR, a_policy("p", f"{{{condition}}}"))
    assert chosen(rules, an_order(**fits)) == "p v1"
    assert chosen(rules, an_order(**fits_not)) is None


def test_all_conditions_must_hold() -> None:
    rules = rules_of(CALENDAR, a_policy("p", "{tier: gold, channel: web}"))
    assert chosen(rules, an_order(tier="gold", channel="web")) == "p v1"
    assert chosen(rules, an_order(tier="gold")) is None


def test_the_highest_rank_wins_then_the_most_specific_then_the_deepest_category() -> None:
    gold = an_order(tier="gold", channel="web", category="a/b/c")
    two, one = a_policy("two", "{tier: gold, channel: web}"), a_policy("one", "{tier: gold}")
    assert chosen(rules_of(CALENDAR, one, two), gold) == "two v1"
    assert chosen(rules_of(CALENDAR, a_policy("one", "{tier: gold}", rank=1), two), gold) == "one v1"
    shallow, deep = a_policy("shallow", "{category: a}"), a_policy("deep", "{category: a/b}")
    assert chosen(rules_of(CALENDAR, shallow, deep), gold) == "deep v1"


def test_a_version_counts_from_its_date_on() -> None:
    rules = rules_of(CALENDAR, a_policy("p"), a_policy("p", version=2, since="2026-03-02T02:00:00Z"))
    assert chosen(rules, an_order(), "2026-03-02T09:59:59+08:00") == "p v1"
    assert chosen(rules, an_order(), "2026-03-02T10:00:00+08:00") == "p v2"


def test_a_clock_keeps_the_version_with_which_it_started_and_why_it_matched() -> None:
    newer = a_policy("p", "{tier: standard}", version=2, since="2026-03-02T02:00:00Z", budget="1h")
    rules = rules_of(CALENDAR, a_policy("p", "{category: network, channel: phone}"), newer)
    story = Story(rules=rules).created().submitted("2026-03-02T11:00:00+08:00").rejected("2026-03-02T12:00:00+08:00")
    resolve = story.clock("resolve")
    assert resolve.policy == VersionedRef("p", 1)
    assert resolve.matched == {"category": "network", "channel": "phone"}
    assert resolve.due_at == instant("2026-03-03T10:00:00+08:00")


def test_a_kind_that_no_policy_speaks_of_has_no_clock() -> None:
    story = Story(rules=rules_of(CALENDAR, a_policy("p"))).created()
    assert [clock.kind for clock in story.state.clocks] == ["resolve"]


def test_an_order_without_any_clock_is_known_all_the_same() -> None:
    story = Story(rules=rules_of(CALENDAR)).created()
    assert story.state.clocks == ()
    assert story.state.next_fire is None


def test_work_days_and_natural_days_become_natural_seconds_at_the_start() -> None:
    office = CALENDAR.replace("complete_until", "weekly: {mon: [['09:00', '18:00']]}, complete_until")
    rule = "{kind: policy, id: p, version: 1, effective_from: '2025-01-01T00:00:00Z', calendar: c, clocks: {%s}}"
    rules = rules_of(
        office,
        rule % "resolve: {budget: 2d, unit: work_days}, "
        "statutory: {budget: 3d, unit: natural_days, roll_to_working_day: true}",
    )
    story = Story(rules=rules).created()
    resolve, statutory = story.clock("resolve"), story.clock("statutory")
    assert resolve.due_at == instant("2026-03-17T00:00:00+08:00")
    assert (resolve.unit, resolve.budget_seconds) == ("natural", (14 * 24 + 15) * 3600)
    assert statutory.due_at == instant("2026-03-10T00:00:00+08:00")
