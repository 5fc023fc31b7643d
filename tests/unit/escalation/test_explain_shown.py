"""How explanations look: words in both languages, local times, and the picture."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from string import Formatter
from typing import get_args
from xml.etree import ElementTree

import pytest

from services.escalation.domain.migrating import EVENT as MIGRATION
from services.escalation.domain.table import KINDS, TOUCHES
from services.escalation.explain_names import NAMES
from services.escalation.explain_parts import Explanation, Reason
from services.escalation.explain_svg import GAP, MARGIN, WIDTH, bar
from services.escalation.explain_text import lines
from services.escalation.explain_words import SENTENCES, Words
from shared.kernel.working_time.calendar import Layer
from tests.unit.escalation.spring_festival import PAGE, PICTURE, the_explanation, the_page, the_picture
from tests.unit.escalation.story import shipped_rules

SVG = "{http://www.w3.org/2000/svg}"
HAN = re.compile(r"[一-鿿]")


def test_the_page_and_its_picture_are_as_the_tool_makes_them() -> None:
    """`python -m tests.unit.escalation.spring_festival` writes them anew."""
    assert PAGE.read_text() == the_page(PAGE.read_text())
    assert PICTURE.read_text() == the_picture()


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_has_the_same_holes_in_both_languages(sentence: str) -> None:
    zh, en = ({name for _, name, _, _ in Formatter().parse(text) if name} for text in SENTENCES[sentence])
    assert zh == en
    assert not HAN.search(SENTENCES[sentence][1])


def test_every_code_of_ours_has_a_name_in_both_languages() -> None:
    words = [pair for group in NAMES.values() for pair in group.values()]
    assert [zh for zh, _ in words if not HAN.search(zh)] == []
    assert [en for _, en in words if HAN.search(en) or not en] == []
    assert set(NAMES["kind"]) == set(KINDS)
    assert set(NAMES["layer"]) == set(get_args(Layer))
    assert {f"why_{reason}" for reason in get_args(Reason)} - {"why_matched"} <= set(SENTENCES)
    assert set(NAMES["event"]) == {kind.TYPE.partition(".")[2] for kind in TOUCHES} | {MIGRATION}
    pauses = {reason for policy in shipped_rules().policies.values() for reason in policy.pauses}
    assert pauses <= set(NAMES["reason"])


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (12_000, "3 小时 20 分钟（12000 秒）", "3 h 20 min (12000 s)"),
        (144_000, "40 小时（144000 秒）", "40 h (144000 s)"),
        (3661, "1 小时 1 分钟（3661 秒）", "1 h 1 min (3661 s)"),
        (3601, "1 小时（3601 秒）", "1 h (3601 s)"),
        (59, "59 秒", "59 s"),
        (0, "0 秒", "0 s"),
        (None, "不详", "not known"),
    ],
)
def test_a_duration_has_two_units_and_its_exact_seconds(seconds: int | None, zh: str, en: str) -> None:
    assert (Words("zh", "UTC").duration(seconds), Words("en", "UTC").duration(seconds)) == (zh, en)


def test_only_real_time_is_told_in_days() -> None:
    assert Words("en", "UTC").duration(1_350_000, whole_days=True) == "15 d 15 h (1350000 s)"
    assert Words("en", "UTC").duration(1_350_000) == "375 h (1350000 s)"


def test_a_time_that_is_shown_twice_says_which_one_it_is() -> None:
    words = Words("en", "Europe/Berlin")
    shown = [words.at(datetime(2026, 10, 25, hour, 30, tzinfo=UTC)) for hour in (0, 1, 2)]
    assert shown == ["2026-10-25 02:30:00+02:00", "2026-10-25 02:30:00+01:00", "2026-10-25 03:30:00"]


def test_the_text_tells_all_of_it_in_both_languages() -> None:
    zh, en = ("\n".join(lines(the_explanation(), language)) for language in ("zh", "en"))
    for text in (zh, en):
        assert "2025-02-10 11:00:00" in text
        assert "118800" in text
    assert "调休上班日" in zh
    assert "原因 等待投诉人" in zh
    assert "make-up workday" in en
    assert not HAN.search(en)


def shapes(picture: str, name: str) -> list[ElementTree.Element]:
    return ElementTree.fromstring(picture).findall(f"{SVG}{name}")


def test_the_picture_covers_the_bar_without_holes() -> None:
    painted = [one for one in shapes(bar(the_explanation(), "zh"), "rect") if one.get("height") == "44"]
    edges = [(float(one.get("x", 0)), float(one.get("width", 0))) for one in painted]
    assert edges[0][0] == MARGIN
    assert sum(edges[-1]) == pytest.approx(WIDTH - MARGIN)
    assert all(x + width == pytest.approx(following) for (x, width), (following, _) in pairwise(edges))
    assert {one.get("class") for one in painted} == {"working", "closed", "paused"}


def test_what_runs_beyond_the_due_is_late() -> None:
    it = the_explanation()
    assert it.due_at is not None
    overdue = replace(it, due_at=it.intervals[-1].spans[0].until, derivation=None)
    assert "late" in {one.get("class") for one in shapes(bar(overdue, "en"), "rect") if one.get("height") == "44"}


def crowded(it: Explanation) -> Explanation:
    """All rungs at almost the same time."""
    rung = it.rungs[0]
    return replace(it, rungs=tuple(replace(rung, name=f"第{place}档") for place in range(9)))


def test_no_text_lies_on_another() -> None:
    for it in (the_explanation(), crowded(the_explanation())):
        texts = [one for one in shapes(bar(it, "zh"), "text") if one.get("class") == "ink"]
        rows: dict[str, list[tuple[float, float]]] = {}
        for one in texts:
            width = sum(13 if ord(letter) > 0x2E7F else 7.5 for letter in one.text or "")
            x = float(one.get("x", 0))
            left = x - width if one.get("text-anchor") == "end" else x
            rows.setdefault(one.get("y", ""), []).append((left, left + width))
        assert sum(len(row) for row in rows.values()) >= 5
        for row in rows.values():
            assert all(end + GAP <= left + 1 for (_, end), (left, _) in pairwise(sorted(row)))
            assert min(left for left, _ in row) >= 0


def test_nothing_in_the_picture_is_taken_for_markup() -> None:
    it = the_explanation()
    nasty = replace(it, rungs=(replace(it.rungs[0], name='</text><script>"&'),))
    picture = bar(nasty, "en")
    assert "<script" not in picture
    assert any("<script>" in (one.text or "") for one in shapes(picture, "text"))
    root = ElementTree.fromstring(picture)
    assert root.get("role") == "img"
    assert [root.findtext(f"{SVG}{name}") for name in ("title", "desc")] == [
        "resolve (clock 1, cycle 1) explained",
        "running, 33 h of 40 h used, due 2025-02-10 11:00:00",
    ]
