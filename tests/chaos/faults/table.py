"""Writes docs/faults.md from the faults and from what was seen: `python -m tests.chaos.faults.table`."""

from collections.abc import Iterator
from pathlib import Path

from tests.chaos.faults.case import Fault
from tests.chaos.faults.registry import SECTIONS, seen

PAGE = Path(__file__).parents[3] / "docs" / "faults.md"
HEAD = """# Faults

Made from tests/chaos/faults by `python -m tests.chaos.faults.table`; edit there. Each row is a test with the four
services as processes, a real Kafka and a real MongoDB, while complaints arrive and are worked on. It passes when,
without a person: every complaint of the run is closed; nothing is parked, unpublished or behind; no order took a step
twice, no log has a hole or a fork; every mail that came twice was doubted by the notifier; all services are ready and
none was restarted more often than the row allows; and `./closedloop reconcile` finds every invariant kept.

`tests/chaos` tries the rows marked ● in every run. The long form tries all of them, with servers of its own where
it kills them or needs three, and records what it saw:

    CLOSEDLOOP_FAULTS=all CLOSEDLOOP_FAULTS_RECORD=1 python -m pytest tests/chaos/faults

One row: `CLOSEDLOOP_FAULTS=<id>`, the name in the last column.
"""


def page() -> str:
    lines = list(HEAD.splitlines())
    for title, faults in SECTIONS.items():
        lines += [
            "",
            f"## {title}",
            "",
            "| | fault | how injected | expected | seen | id |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_row(fault) for fault in faults]
    return "\n".join(lines) + "\n"


def missing() -> list[str]:
    """Faults that nobody has seen yet."""
    known = seen()
    return [fault.id for fault in _all() if not known.get(fault.id, {}).get("seen")]


def _row(fault: Fault) -> str:
    found = seen().get(fault.id)
    told = f"{found['on']}: {found['seen']}" if found else ""
    return (
        "| " + " | ".join(("●" if fault.short else "", fault.what, fault.how, fault.expected, told, fault.id)) + " |"
    )


def _all() -> Iterator[Fault]:
    for faults in SECTIONS.values():
        yield from faults


if __name__ == "__main__":
    PAGE.write_text(page())
