"""docs/clocks.md shows the table of touches as it is; a failure prints the table to put there."""

from collections.abc import Iterator
from pathlib import Path

from services.escalation.domain.table import (
    DISSATISFIED,
    KINDS,
    PAUSABLE,
    REOPENED_BY_REGULATOR,
    TERMS,
    TOUCHES,
    Touch,
)
from shared.events.workorders import ExtensionDecided

PAGE = Path(__file__).parents[3] / "docs" / "clocks.md"
BEGIN, END = "<!-- the table of touches -->", "<!-- end of the table -->"


def lines() -> Iterator[str]:
    yield "| record | stops | starts | besides |"
    yield "|---|---|---|---|"
    for change, touch in TOUCHES.items():
        yield line(f"`{change.TYPE}`", touch)
    yield line("`workorder.callback_completed`, dissatisfied", DISSATISFIED)
    yield line("`workorder.reopened` by the regulator", REOPENED_BY_REGULATOR)


def line(record: str, touch: Touch) -> str:
    receipt = [f"{kind} (from receipt)" for kind in touch.starts_at_receipt]
    return f"| {record} | {named(touch.stops)} | {named((*touch.starts, *receipt))} | {'; '.join(besides(touch))} |"


def besides(touch: Touch) -> Iterator[str]:
    if touch is TERMS:
        yield "clocks follow the order's new terms"
    if touch is TOUCHES[ExtensionDecided]:
        yield "moves resolve, and statutory for a legal reason"
    if touch.holds:
        yield f"stops {named(touch.holds)} for now"
    if touch.releases:
        yield f"lets {named(touch.releases)} count on"
    if touch.pauses:
        yield "pauses what the policy lists for the reason"
    if touch.resumes:
        yield "resumes what is paused"
    if touch.renews:
        yield f"resolve by `{touch.renews}`"
    if touch.ends:
        spared = f" but {named(touch.spares)}" if touch.spares else ""
        yield f"every other clock is {touch.ends}{spared}"


def named(kinds: tuple[str, ...]) -> str:
    return ", ".join(kinds)


def test_the_page_shows_the_table_as_it_is() -> None:
    table = "\n".join(lines())
    shown = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].strip()
    assert shown == table, f"docs/clocks.md should hold:\n{table}"


def test_the_page_speaks_of_every_kind() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [kind for kind in (*KINDS, *PAUSABLE) if kind not in text] == []
