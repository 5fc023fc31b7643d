"""Writes docs/lifecycle.md from the transition table: `python -m services.workflow.lifecycle`."""

from collections import defaultdict
from pathlib import Path

from services.workflow.domain.scope import ROLES
from services.workflow.domain.states import OPEN, Status
from services.workflow.domain.transitions import ABSORBING, NOT_YET_SUPPORTED, TRANSITIONS

DOCUMENT = Path(__file__).parents[2] / "docs" / "lifecycle.md"
HEAD = """# The life of a work order

Generated from the transition table in `services/workflow/domain/transitions.py` by
`python -m services.workflow.lifecycle`; edit the table, not this page.
"""
CALLBACKS = """## What becomes of a callback

| outcome | attempt | what follows |
|---|---|---|
| `satisfied` | any | closed; if the decision was not communicated yet, closed as soon as it is |
| `dissatisfied` | any | the next cycle, routed at once; after the third cycle the order waits for a leader |
| `no_answer`, `wrong_number` | first, second | another attempt |
| `no_answer`, `wrong_number` | third or later | closed with a written notice, once the decision is communicated |
| `refused` | any | counts as an attempt; nobody invents a satisfaction, so after the last one a leader decides |
| `rescheduled` | any | counts as an attempt; the call agreed on is made even beyond the limit |
"""


def document() -> str:
    return "\n".join([HEAD, *_diagram(), "", *_table(), "", CALLBACKS, *_later()]) + "\n"


def _diagram() -> list[str]:
    moves: dict[tuple[Status, Status], list[str]] = defaultdict(list)
    for action, table in TRANSITIONS.items():
        for source, targets in table.items():
            for target in targets - {source}:
                moves[source, target].append(action)
    order = list(Status)
    arrows = sorted(moves.items(), key=lambda move: (order.index(move[0][0]), order.index(move[0][1])))
    return [
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> dispatching: create",
        *(f"    {source} --> {target}: {', '.join(sorted(actions))}" for (source, target), actions in arrows),
        *(f"    {status} --> [*]" for status in order if status in ABSORBING & _reached()),
        "```",
    ]


def _reached() -> set[Status]:
    return {target for table in TRANSITIONS.values() for targets in table.values() for target in targets}


def _table() -> list[str]:
    lines = ["| action | in | leads to | roles |", "|---|---|---|---|"]
    for action, table in TRANSITIONS.items():
        sources = "any open status" if set(table) == OPEN else ", ".join(s for s in Status if s in table)
        targets = {target for source, found in table.items() for target in found - {source}}
        leads = ", ".join(t for t in Status if t in targets) or "the same"
        lines.append(f"| `{action}` | {sources} | {leads} | {', '.join(sorted(ROLES[action]))} |")
    return lines


def _later() -> list[str]:
    return [
        "Known by name and refused as `not_yet_supported`: " + ", ".join(sorted(NOT_YET_SUPPORTED)) + ".",
        "",
        "Open statuses: " + ", ".join(status for status in Status if status in OPEN) + "; the others are terminal.",
    ]


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
