"""An explanation as one picture: a bar of working, closed and paused time up to the due, as SVG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from services.escalation.explain_parts import Explanation, SpanLine
from services.escalation.explain_words import Words

WIDTH, MARGIN = 960, 40
BAR_TOP, BAR_HEIGHT = 92, 44
ROW = 18
GAP = 6  # beside a text
MARKS_AT_MOST = 24
WIDE_FROM = 0x2E7F  # from here on characters are as wide as they are high
Paint = Literal["working", "closed", "paused", "late"]

STYLE = """
  .ink { fill: #1f2933; } .soft { fill: #52606d; } .back { fill: #ffffff; }
  .line { stroke: #1f2933; } .due { stroke: #b42318; } .now { stroke: #175cd3; }
  .working { fill: #2e7d6b; } .closed { fill: #d0d5dd; } .late { fill: #d92d20; }
  .paused { fill: url(#hatch); } .stripe { stroke: #b7791f; } .gap { fill: #fdf3d8; }
  text { font: 13px system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
  .title { font-size: 17px; font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    .ink { fill: #f2f4f7; } .soft { fill: #b0b8c4; } .back { fill: #14181f; }
    .line { stroke: #f2f4f7; } .due { stroke: #fda29b; } .now { stroke: #84adff; }
    .working { fill: #4fb79d; } .closed { fill: #3a4250; } .late { fill: #f97066; }
    .stripe { stroke: #f5c451; } .gap { fill: #3d3420; }
  }
"""
HATCH = (
    '<pattern id="hatch" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="gap" width="8" height="8"/><line class="stripe" x1="0" y1="0" x2="0" y2="8" stroke-width="3"/>'
    "</pattern>"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the bar; `ahead` of what has happened, it shows what would run."""

    paint: Paint
    since: datetime
    until: datetime
    ahead: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A line across the bar, with its text below."""

    at: datetime
    style: Literal["line", "due", "now"]
    text: str


@dataclass(frozen=True, slots=True)
class Label:
    """A mark where it stands: its line at `x`, its text from `left` on in a `row` below the bar."""

    mark: Mark
    x: float
    left: float
    row: int


def bar(explanation: Explanation, language: str) -> str:
    """From the clock's start to its due, or to now if that is later. No scripts; all text is escaped."""
    return _Picture(explanation, Words(language, explanation.zone)).svg()


class _Picture:
    def __init__(self, explanation: Explanation, words: Words) -> None:
        self.it, self.words = explanation, words
        # What a restart discarded is not shown.
        self.since = explanation.intervals[0].since if explanation.intervals else explanation.started_at
        last = explanation.intervals[-1].until if explanation.intervals else None
        self.now = explanation.as_of if last is None else last
        ends = (self.now, explanation.due_at or self.now, self.since + timedelta(seconds=1))
        self.until = max(ends)

    def svg(self) -> str:
        title = self.words.say("title", kind=self.words.name("kind", self.it.kind), **self._numbers())
        labels = _laid_out([(mark, self._x(mark.at)) for mark in self._marks()])
        rows = 1 + max((label.row for label in labels), default=0)
        height = BAR_TOP + BAR_HEIGHT + ROW * rows + 56
        told = self._told()
        pieces = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="t d" lang={quoteattr(self.words.language)}>',
            f'<title id="t">{escape(title)}</title><desc id="d">{escape(told)}</desc>',
            f"<style>{STYLE}</style><defs>{HATCH}</defs>",
            f'<rect class="back" width="{WIDTH}" height="{height}"/>',
            _text(MARGIN, 32, title, "ink title"),
            _text(MARGIN, 56, told, "soft"),
            _text(MARGIN, BAR_TOP - 8, self.words.at(self.since), "soft"),
            _text(WIDTH - MARGIN, BAR_TOP - 8, self.words.at(self.until), "soft", "end"),
            *map(self._painted, self._parts()),
            *map(_line, labels),
            *(piece for label in labels for piece in _named(label)),
            *self._legend(height - 22),
            "</svg>",
        ]
        return "\n".join(pieces) + "\n"

    def _numbers(self) -> dict[str, int]:
        return {"number": self.it.number, "cycle": self.it.cycle}

    def _told(self) -> str:
        it, words = self.it, self.words
        used = words.say("unknown") if it.elapsed_seconds is None else words.rough(it.elapsed_seconds)
        state, due = words.name("state", it.state), words.at(it.due_at)
        return words.say("picture", state=state, used=used, budget=words.rough(it.budget_seconds), due=due)

    def _parts(self) -> Iterator[Part]:
        """Neighbours of one paint are one part, so that the picture stays small."""
        joined: Part | None = None
        for part in self._pieces():
            if joined is not None and (joined.paint, joined.ahead, joined.until) == (
                part.paint,
                part.ahead,
                part.since,
            ):
                joined = replace(joined, until=part.until)
                continue
            if joined is not None:
                yield joined
            joined = part
        if joined is not None:
            yield joined

    def _pieces(self) -> Iterator[Part]:
        reached = self.since
        for stretch in self.it.intervals:
            reached = stretch.until or max(self.it.as_of, stretch.since)
            if stretch.kind == "running":
                yield from self._run(stretch.spans)
            else:
                yield Part("paused", stretch.since, reached)
        if self.it.derivation is not None:
            for span in self.it.derivation.spans:
                if span.until > reached:
                    yield Part(_paint(span), max(span.since, reached), span.until, ahead=True)

    def _run(self, spans: Sequence[SpanLine]) -> Iterator[Part]:
        """What ran beyond the due is late, whatever the calendar says of it."""
        due = self.it.due_at or self.until
        for span in spans:
            if span.since < due:
                yield Part(_paint(span), span.since, min(span.until, due))
            if span.until > due:
                yield Part("late", max(span.since, due), span.until)

    def _marks(self) -> list[Mark]:
        marks = [
            Mark(
                rung.decided_at or rung.planned_at,
                "line",
                f"{rung.name} {self._short(rung.decided_at or rung.planned_at)}",
            )
            for rung in self.it.rungs
            if rung.planned_at is not None and rung.status in ("fired", "pending")
        ]
        marks = [mark for mark in marks if self.since <= mark.at <= self.until][:MARKS_AT_MOST]
        if self.it.due_at is not None:
            marks.append(Mark(self.it.due_at, "due", self.words.say("due_mark", at=self._short(self.it.due_at))))
        running = self.now == self.it.as_of
        marks.append(
            Mark(self.now, "now", self.words.say("now_mark" if running else "end_mark", at=self._short(self.now)))
        )
        return sorted(marks, key=lambda mark: mark.at)

    def _short(self, instant: datetime) -> str:
        return self.words.at(instant)[5:16]

    def _x(self, instant: datetime) -> float:
        share = (instant - self.since) / (self.until - self.since)
        return round(MARGIN + share * (WIDTH - 2 * MARGIN), 2)

    def _painted(self, part: Part) -> str:
        x = self._x(part.since)
        width = round(self._x(part.until) - x, 2)
        faint = ' opacity="0.45"' if part.ahead else ""
        return f'<rect class="{part.paint}" x="{x}" y="{BAR_TOP}" width="{width}" height="{BAR_HEIGHT}"{faint}/>'

    def _legend(self, y: int) -> Iterator[str]:
        x = float(MARGIN)
        for paint in ("working", "closed", "paused", "late"):
            words = self.words.name("paint", paint)
            yield f'<rect class="{paint}" x="{x}" y="{y - 11}" width="14" height="14"/>'
            yield _text(x + 20, y + 1, words, "soft")
            x += 20 + _width(words) + 24


def _paint(span: SpanLine) -> Paint:
    return "closed" if span.kind == "closed" else "working"


def _laid_out(marks: Sequence[tuple[Mark, float]]) -> list[Label]:
    """From left to right, each text left of its line and below every earlier one that it would touch.

    So a line that goes down to its text passes through no other.
    """
    labels: list[Label] = []
    reaches: list[float] = []
    for mark, x in marks:
        left = max(x - GAP - _width(mark.text), MARGIN)
        row = max((label.row + 1 for label, reach in zip(labels, reaches, strict=True) if reach > left), default=0)
        labels.append(Label(mark, x, round(left, 2), row))
        reaches.append(max(x, left + _width(mark.text)) + GAP)
    return labels


def _width(text: str) -> float:
    """A generous guess in pixels: there is no browser here to ask."""
    return sum(13.5 if ord(one) > WIDE_FROM else 7.8 for one in text)


def _line(label: Label) -> str:
    below = BAR_TOP + BAR_HEIGHT + ROW * (label.row + 1) + 4
    wide = 1 if label.mark.style == "line" else 2
    ends = f'x1="{label.x}" y1="{BAR_TOP - 4}" x2="{label.x}" y2="{below}"'
    return f'<line class="{label.mark.style}" {ends} stroke-width="{wide}"/>'


def _named(label: Label) -> Iterator[str]:
    """On a ground of its own: near the left edge a line may pass behind it."""
    y = BAR_TOP + BAR_HEIGHT + ROW * (label.row + 1) + 3
    width = round(_width(label.mark.text), 2)
    yield f'<rect class="back" x="{label.left}" y="{y - 13}" width="{width}" height="17"/>'
    if label.left > MARGIN:
        yield _text(round(label.x - GAP, 2), y, label.mark.text, "ink", "end")
    else:
        yield _text(label.left, y, label.mark.text, "ink")


def _text(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    return f'<text class="{style}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
