"""Texts: every template in both languages, spans of time, and what a template may not do."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.notifier.rendering import (
    CLOCK_NAMES,
    FOLDER,
    LANGUAGES,
    LONGEST_BODY,
    PARTS,
    FileTemplates,
    InvalidTemplate,
    file_templates,
    fingerprint,
    span,
)
from tests.unit.notifier.notices import NOON

KINDS = (
    "acknowledge", "dispatch", "accept", "first_response", "next_update", "resolve", "review", "callback",
    "suspension", "supervision", "cooperation", "statutory", "alarm.wake_up", "alarm.callback_attempt",
    "alarm.survey_close", "alarm.archive", "alarm.appeal_window", "alarm.extension_expiry",
)  # fmt: skip
TEMPLATES = file_templates("Asia/Shanghai")
EVERYTHING: dict[str, Any] = {
    "name": "张三",
    "number": "C1",
    "work_order_id": "wo_1",
    "category": "billing/fee",
    "priority": "P2",
    "now": NOON,
    "subject": "多收费",
    "received_at": NOON,
    "promised_reply_at": NOON + timedelta(days=2),
    "reply_text": "已退费",
    "clock": "resolve",
    "due_at": NOON + timedelta(hours=3, minutes=20),
    "rung": "75%",
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", TEMPLATES.names)
def test_every_text_renders_with_and_without_what_may_be_missing(name: str, language: str) -> None:
    sparse = {**EVERYTHING, "name": "", "promised_reply_at": None, "due_at": None}
    for values in (EVERYTHING, sparse):
        text = TEMPLATES.render(name, language, values)
        assert text.subject
        assert "\n" not in text.subject
        assert "None" not in text.subject + text.body


def test_the_shipped_templates_are_those_that_notices_use() -> None:
    assert set(TEMPLATES.names) == {
        "acknowledgement", "assignment", "at_risk", "breach", "answer", "closing_notice",
    }  # fmt: skip


def test_an_acknowledgement_tells_number_and_promised_time_of_the_place() -> None:
    body = TEMPLATES.render("acknowledgement", "zh", EVERYTHING).body
    assert "C1" in body
    assert "2026-11-25 12:00" in body


def test_a_warning_counts_down_in_two_units() -> None:
    assert "剩余：3 小时 20 分钟" in TEMPLATES.render("at_risk", "zh", EVERYTHING).body
    assert "Left: 3 hours 20 minutes" in TEMPLATES.render("at_risk", "en", EVERYTHING).body


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_clock_has_a_name_in_words(kind: str, language: str) -> None:
    for template in ("at_risk", "breach"):
        text = TEMPLATES.render(template, language, {**EVERYTHING, "clock": kind})
        name = CLOCK_NAMES[language][kind]
        assert name in text.subject
        assert name in text.body
        assert "_" not in name


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (-5, "0 秒", "0 seconds"),
        (59, "59 秒", "59 seconds"),
        (61, "1 分钟 1 秒", "1 minute 1 second"),
        (3600, "1 小时", "1 hour"),
        (3659, "1 小时", "1 hour"),
        (12000, "3 小时 20 分钟", "3 hours 20 minutes"),
        (90000, "1 天 1 小时", "1 day 1 hour"),
        (86400 + 120, "1 天", "1 day"),
    ],
)
def test_a_span_has_two_units_cut_down(seconds: int, zh: str, en: str) -> None:
    later = NOON + timedelta(seconds=seconds)
    assert (span(later, NOON, "zh"), span(later, NOON, "en")) == (zh, en)


def test_a_customers_words_are_words_only() -> None:
    words = "{{ 7 * 7 }} {% raw %} $100 <b>"
    assert words in TEMPLATES.render("answer", "zh", {**EVERYTHING, "reply_text": words}).body


def test_a_subject_stays_one_short_line() -> None:
    wild = TEMPLATES.render("acknowledgement", "zh", {**EVERYTHING, "number": "1\r\nBcc: x@y" + "长" * 500})
    assert "\n" not in wild.subject
    assert len(wild.subject) <= 200


def test_a_body_is_capped() -> None:
    long = TEMPLATES.render("answer", "zh", {**EVERYTHING, "reply_text": "长" * 200_000})
    assert len(long.body) == LONGEST_BODY


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 10**9 }}",
        "{{ name ** 9 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ name + name }}",
        "{% for x in name %}{% endfor %}",
        "{{ name.__class__ }}",
        "{{ name['x'] }}",
        "{{ range(10) }}",
        "{% set name = 1 %}",
        "{% include 'other' %}",
        "{{ name | center(1000000000) }}",
        "{{ unclosed",
    ],
)
def test_a_template_may_not_compute(source: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidTemplate):
        FileTemplates("Asia/Shanghai", a_folder(tmp_path, source))


def test_a_changed_text_needs_a_new_version(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, "{{ name }}")
    (folder / "greeting" / "zh.body.txt").write_text("changed")
    with pytest.raises(InvalidTemplate, match="give it a new one"):
        FileTemplates("Asia/Shanghai", folder)


def test_every_folder_of_texts_is_listed_with_its_version() -> None:
    listed = json.loads((FOLDER / "versions.json").read_text())
    assert {path.name for path in FOLDER.iterdir() if path.is_dir()} == set(listed)


def a_folder(folder: Path, source: str) -> Path:
    (folder / "greeting").mkdir()
    for language in LANGUAGES:
        for part in PARTS:
            (folder / "greeting" / f"{language}.{part}.txt").write_text(source)
    versions = {"greeting": {"version": 1, "sha256": fingerprint(folder / "greeting")}}
    (folder / "versions.json").write_text(json.dumps(versions))
    return folder
