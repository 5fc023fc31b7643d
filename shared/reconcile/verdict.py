"""What a reconciliation comes to: violations by invariant, and what is reported without being one."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """`invariant`: I1 to I16. `subject`: the id of the aggregate, event, rung or record (`topic/partition/offset`).

    The text is the same whenever the same fault is seen again, and never quotes what people wrote.
    """

    invariant: str
    subject: str
    detail: str


class Fate(StrEnum):
    """What became of one record at one service; of several bindings the first of these counts."""

    WAITING = "waiting"  # not consumed yet, or too young to be judged
    LOST = "lost"
    DEAD_LETTERED = "dead_lettered"
    PARKED = "parked"
    REFUSED = "refused"
    APPLIED = "applied"
    COPIED = "copied"
    DUPLICATE = "duplicate"  # a copy, or it asked for what held already
    SKIPPED = "skipped"


@dataclass(slots=True)
class Verdict:
    """`fates`: (service, topic, fate). `dead_letters`: (service, reason). `parked`: (service, binding, reason).

    `late_twins`: records that were dead-lettered although another copy of them was applied. `under_way`: decisions
    that somebody was still at. `latest_rung`: how late the latest rung fired (business time), and its key.
    """

    violations: set[Violation] = field(default_factory=set)
    fates: Counter[tuple[str, str, Fate]] = field(default_factory=Counter)
    dead_letters: Counter[tuple[str, str]] = field(default_factory=Counter)
    parked: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    late_twins: list[str] = field(default_factory=list)
    under_way: int = 0
    latest_rung: tuple[timedelta, str] = (timedelta(0), "")
    checked: Counter[str] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        return not self.violations

    def as_json(self) -> Mapping[str, Any]:
        """The whole verdict in an order that does not change from run to run."""
        return {
            "clean": self.clean,
            "violations": [
                {"invariant": one.invariant, "subject": one.subject, "detail": one.detail}
                for one in sorted(self.violations, key=_by_number)
            ],
            "records": [
                {"service": service, "topic": topic, "fate": fate.value, "count": count}
                for (service, topic, fate), count in sorted(self.fates.items())
            ],
            "dead_letters": [
                {"service": service, "reason": reason, "count": count}
                for (service, reason), count in sorted(self.dead_letters.items())
            ],
            "parked": [
                {"service": service, "binding": binding, "reason": reason, "count": count}
                for (service, binding, reason), count in sorted(self.parked.items())
            ],
            "late_twins": sorted(self.late_twins),
            "under_way": self.under_way,
            "latest_rung": {"late_seconds": self.latest_rung[0].total_seconds(), "key": self.latest_rung[1]},
            "checked": dict(sorted(self.checked.items())),
        }


def _by_number(violation: Violation) -> tuple[int, str, str]:
    return int(violation.invariant.removeprefix("I")), violation.subject, violation.detail
