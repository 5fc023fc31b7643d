"""Policies and calendars as files: what is shipped is right, what is wrong is named with line and field."""

from pathlib import Path

import pytest

from services.escalation.domain.policies import PauseRule, QuietHours, Repeat, RungEffect
from services.escalation.policy_files import InvalidPolicies, read_document, read_folder
from services.escalation.schemas import CalendarDocument, PolicyDocument
from services.escalation.settings import EscalationSettings
from shared.events.parts import VersionedRef
from shared.kernel.working_time import format_instant, parse_instant
from tests.unit.escalation.story import POLICIES, shipped_rules

POLICY = """\
kind: policy
id: p
version: 1
effective_from: "2025-01-01T00:00:00+08:00"
calendar: default
ladders:
  standard:
    - { key: "50%", at_percent: 50 }
    - { key: "75%", at_percent: 75 }
clocks:
  resolve:
    budget: 48h
    unit: natural
    ladder: standard
"""
CALENDAR = """\
kind: calendar
id: c
version: 1
effective_from: "2025-01-01T00:00:00+08:00"
zone: Asia/Shanghai
complete_until: "2026-12-31"
weekly:
  mon: [["09:00", "12:00"], [13:00, 18:00]]
"""


def faults_of(text: str) -> str:
    with pytest.raises(InvalidPolicies) as raised:
        read_document(text)
    return str(raised.value)


def test_what_is_shipped_can_be_read() -> None:
    assert [written.id for written in read_folder(POLICIES)] == [
        "calendar/default/1",
        "policy/default/1",
        "policy/statutory/1",
    ]


@pytest.mark.parametrize(
    ("start", "seconds", "due"),
    [
        ("2025-03-01T22:00:00+08:00", 4 * 3600, "2025-03-03T06:00:00Z"),
        ("2025-01-24T17:00:00+08:00", 8 * 3600, "2025-01-26T09:00:00Z"),
        ("2025-03-03T09:00:00+08:00", 8 * 3600, "2025-03-03T10:00:00Z"),
        # 2026: over the Spring Festival, with both of its make-up Saturdays
        ("2026-02-13T17:00:00+08:00", 9 * 3600, "2026-02-14T10:00:00Z"),
        ("2026-02-14T17:00:00+08:00", 2 * 3600, "2026-02-24T02:00:00Z"),
        ("2026-02-27T17:00:00+08:00", 2 * 3600, "2026-02-28T02:00:00Z"),
        ("2026-09-30T17:00:00+08:00", 2 * 3600, "2026-10-08T02:00:00Z"),
    ],
)
def test_the_shipped_calendar_knows_holidays_and_make_up_days(start: str, seconds: int, due: str) -> None:
    calendar = shipped_rules().calendar(VersionedRef("default", 1))
    assert format_instant(calendar.add(parse_instant(start), seconds)) == due


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("version: 1\n", "", "line 1: version: Field required"),
        ("version: 1", "version: one", "line 3: version: "),
        ("+08:00", "", "line 4: effective_from: "),
        ("budget: 48h", "budget: '48'", "line 12: clocks.resolve.budget: must be like"),
        ("budget: 48h", "budget: 2d", "line 12: clocks.resolve.budget: must be like"),
        ("budget: 48h", "budget: 0h", "line 12: clocks.resolve.budget: must be like"),
        ("unit: natural", "unit: lunar", "line 13: clocks.resolve.unit: "),
        ("ladder: standard", "ladder: steep", "line 14: clocks.resolve.ladder: there is no such ladder"),
        ("resolve:", "solve:", "line 11: clocks.solve: there is no such clock"),
        ('"75%", at_percent: 75', '"50%", at_percent: 75', "line 7: ladders.standard: two rungs"),
        ("at_percent: 75", "at_percent: -1", "line 9: ladders.standard.1.at_percent: "),
        (", at_percent: 75", "", "line 9: ladders.standard.1: "),
        ("at_percent: 75", "at_percent: 75, offset_seconds: 1", "line 9: ladders.standard.1: "),
        ("calendar: default", "calender: default", "line 5: calender: Extra inputs"),
        (
            "    ladder: standard\n",
            "    ladder: standard\n  review: {budget: 8h, unit: business, cycle_mode: new}\n",
            "line 15: clocks.review.cycle_mode: only the clock resolve",
        ),
        (
            "    ladder: standard\n",
            "    ladder: standard\n  statutory: {budget: 15d, unit: natural_days, retarget: min}\n",
            "line 15: clocks.statutory.retarget: a statutory clock never moves",
        ),
        ("    ladder: standard\n", "", "line 7: ladders.standard: no clock of this policy climbs"),
        ("resolve:", "alarm.archive: {budget: 1h, unit: natural}\n  resolve:", "clocks.alarm.archive: an alarm does"),
        ("at_percent: 50", "at_percent: 50, audience: [boss]", "line 8: ladders.standard.0.audience.0: "),
        ("at_percent: 50", "at_percent: 50, audience: ['team:']", "line 8: ladders.standard.0.audience.0: "),
        ("at_percent: 50", "at_percent: 50, when: {colour: red}", "line 8: ladders.standard.0.when.colour: "),
        ("at_percent: 50", "at_percent: 50, repeat: {every: 0h, times: 3}", "ladders.standard.0.repeat.every: "),
        ("at_percent: 50", "at_percent: 50, repeat: {every: 1h, times: 0}", "ladders.standard.0.repeat.times: "),
        ("at_percent: 50", "at_percent: 50, command: {action: close}", "0.command.action: a rung cannot command"),
        (
            "at_percent: 50",
            "at_percent: 50, command: {action: escalate}",
            "0.command.arguments: escalate needs level",
        ),
        (
            "at_percent: 50",
            "at_percent: 50, command: {action: resume, arguments: {to: x}}",
            "0.command.arguments.to: resume does not take it",
        ),
        ("at_percent: 50", "at_percent: 50, quiet_hours: none", "line 8: ladders.standard.0.quiet_hours: "),
        ("id: p", "quiet_hours: {from: '22:00', to: '22:00'}\nid: p", "line 2: quiet_hours.to: quiet hours must end"),
        ("id: p", "quiet_hours: {from: '24:00', to: '8:00'}\nid: p", "line 2: quiet_hours.from: "),
        ("id: p", "pauses: {storm: {clocks: []}}\nid: p", "line 2: pauses.storm.clocks: "),
        ("id: p", "pauses: {storm: {}}\nid: p", "line 2: pauses.storm.clocks: Field required"),
        ("id: p", "pauses: {storm: {clocks: [resolve], max: 0h}}\nid: p", "line 2: pauses.storm.max: "),
        ("id: p", "pauses: {storm: {clocks: [resolve], times: 0}}\nid: p", "line 2: pauses.storm.times: "),
        (
            "id: p",
            "pauses: {storm: {clocks: [statutory]}}\nid: p",
            "pauses.storm.clocks.0: a statutory clock is never",
        ),
        (
            "id: p",
            "pauses: {storm: {clocks: [resolve, review]}}\nid: p",
            "pauses.storm.clocks.1: a suspension for this",
        ),
        (
            "id: p",
            "pauses: {storm: {clocks: [first_response]}}\nid: p",
            "pauses.storm.clocks.0: a suspension for this",
        ),
        ("id: p", "id: p\nid: q", "line 3: document: the key id stands twice"),
        ("kind: policy", "kind: police", "line 1: "),
        ("kind: policy", "kind: [policy", "line "),
        (POLICY, "", "line 1: document: "),
    ],
)
def test_a_wrong_policy_is_told_with_line_and_field(right: str, wrong: str, told: str) -> None:
    read_document(POLICY)
    assert told in faults_of(POLICY.replace(right, wrong, 1))


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("Asia/Shanghai", "Asia/Shanghigh", "line 5: zone: unknown zone"),
        ("mon:", "moon:", "line 7: weekly: unknown weekday"),
        ("09:00", "9", "line 8: weekly.mon: not a time of day"),
        ("18:00", "13:00", "line 8: weekly.mon: the window 13:00-13:00 starts where it ends"),
        ("2026-12-31", "2026-02-30", "line 6: complete_until: not a date"),
        ("weekly", "holidays: ['2026-13-01']\nweekly", "line 7: holidays: not a date"),
    ],
)
def test_a_wrong_calendar_is_told_with_line_and_field(right: str, wrong: str, told: str) -> None:
    read_document(CALENDAR)
    assert told in faults_of(CALENDAR.replace(right, wrong, 1))


def test_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(POLICY.replace("id: p", "id: P!"))
    (tmp_path / "b.yaml").write_text(CALENDAR.replace("mon", "moon"))
    with pytest.raises(InvalidPolicies) as raised:
        read_folder(tmp_path)
    assert [fault.partition(" ")[0] for fault in str(raised.value).splitlines()] == ["a.yaml:", "b.yaml:"]


def test_files_must_fit_together(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(POLICY)
    (tmp_path / "b.yaml").write_text(POLICY)
    with pytest.raises(InvalidPolicies) as raised:
        read_folder(tmp_path)
    assert str(raised.value).splitlines()[:2] == [
        "policy/p/1: this version is written 2 times",
        "policy/p/1: calendar: there is no calendar default",
    ]


def test_together_they_leave_no_order_without_its_vital_clocks(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(POLICY)
    (tmp_path / "b.yaml").write_text(CALENDAR.replace("id: c", "id: default"))
    with pytest.raises(InvalidPolicies) as raised:
        read_folder(tmp_path)
    lacking = [str(fault).partition(":")[0] for fault in raised.value.faults]
    assert lacking == ["clocks.acknowledge", "clocks.dispatch", "clocks.accept", "clocks.statutory"]


def test_two_statutory_policies_must_not_be_equal(tmp_path: Path) -> None:
    for file in POLICIES.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text())
    twin = (POLICIES / "policy-statutory.yaml").read_text().replace("id: statutory", "id: twin")
    (tmp_path / "twin.yaml").write_text(twin)
    with pytest.raises(InvalidPolicies, match=r"policy/twin/1: rank: policy/statutory/1 has this clock too"):
        read_folder(tmp_path)
    (tmp_path / "twin.yaml").write_text(twin.replace("match: {}", "match: {regulator_case: true}"))
    assert len(read_folder(tmp_path)) == 4


def test_a_version_cannot_take_effect_before_its_forerunner(tmp_path: Path) -> None:
    for file in POLICIES.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text())
    earlier = (POLICIES / "policy-default.yaml").read_text().replace("version: 1", "version: 2")
    (tmp_path / "next.yaml").write_text(earlier.replace("2025-01-01", "2024-01-01"))
    with pytest.raises(InvalidPolicies, match=r"policy/default/2: effective_from: takes effect before"):
        read_folder(tmp_path)


def test_a_folder_without_policies_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there are no policies"):
        EscalationSettings(policies=tmp_path)


def test_the_default_folder_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(EscalationSettings().written()) == 3


EVERYTHING = """\
kind: policy
id: p
version: 1
effective_from: "2025-01-01T00:00:00+08:00"
rank: 5
match: { tier: [gold, platinum], repeat: true }
calendar: default
legal_reasons: [regulator_consent]
quiet_hours: { from: "22:00", to: "08:00" }
pauses:
  complainant_unreachable: { clocks: [first_response, resolve], max: 72h, times: 2 }
ladders:
  resolve:
    - key: late
      offset_seconds: -3600
      offset_unit: business
      when: { status: [assigned, in_progress], escalation_level: 0 }
      audience: [leader, "person:li", "team:core"]
      webhook: true
      quiet_hours: bypass
      repeat: { every: 4h, unit: business, times: 3 }
      command: { action: supervise, arguments: { demand: "尽快", due_in_seconds: 3600 } }
clocks:
  resolve: { budget: 8h, unit: business, ladder: resolve, retarget: min, cycle_mode: continue, reopen_mode: continue }
"""


def test_everything_that_a_policy_can_say_can_be_written() -> None:
    content = read_document(EVERYTHING).content
    assert isinstance(content, PolicyDocument)
    policy = content.policy()
    rule = policy.clocks["resolve"]
    assert (rule.retarget, rule.cycle_mode, rule.reopen_mode) == ("min", "continue", "continue")
    assert policy.pauses == {
        "complainant_unreachable": PauseRule(frozenset({"first_response", "resolve"}), 72 * 3600, 2)
    }
    assert (policy.legal_reasons, policy.quiet_hours) == ({"regulator_consent"}, QuietHours(22 * 60, 8 * 60))
    assert (len(rule.rungs), len(rule.effects)) == (3, 3)
    assert rule.effects[0] == RungEffect(
        audience=("leader", "person:li", "team:core"),
        action="supervise",
        arguments={"demand": "尽快", "due_in_seconds": 3600},
        conditions={"status": ("assigned", "in_progress"), "escalation_level": ("0",)},
        webhook=True,
        bypasses_quiet_hours=True,
        repeat=Repeat(4 * 3600, "business", 3),
    )


def test_a_calendar_may_belong_to_teams() -> None:
    content = read_document(CALENDAR + "teams: [core, edge]\n").content
    assert isinstance(content, CalendarDocument)
    assert content.calendar().teams == {"core", "edge"}


def test_a_team_has_one_calendar(tmp_path: Path) -> None:
    for file in POLICIES.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text())
    for name in ("c", "d"):
        (tmp_path / f"{name}.yaml").write_text(CALENDAR.replace("id: c", f"id: {name}") + "teams: [core]\n")
    with pytest.raises(InvalidPolicies, match=r"calendar/d/1: teams: the calendar c is that of core already"):
        read_folder(tmp_path)
