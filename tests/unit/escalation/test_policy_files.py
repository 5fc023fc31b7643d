"""Policies and calendars as files: what is shipped is right, what is wrong is named with line and field."""

from pathlib import Path

import pytest

from services.escalation.policy_files import InvalidPolicies, read_document, read_folder
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
        ("id: p", "id: p\nid: q", "line 3: the key id stands twice"),
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
    assert str(raised.value).splitlines() == [
        "policy/p/1: this version is written 2 times",
        "policy/p/1: calendar: there is no calendar default",
        "policy/p/1: calendar: there is no calendar default",
    ]


def test_a_folder_without_policies_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there are no policies"):
        EscalationSettings(policies=tmp_path)


def test_the_default_folder_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(EscalationSettings().written()) == 3
