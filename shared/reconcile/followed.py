"""I5: of every followed aggregate the sequences were applied one by one, from the first, without a hole."""

from collections.abc import Iterator

from shared.reconcile.histories import History
from shared.reconcile.verdict import Violation


def holes(history: History) -> Iterator[Violation]:
    """One violation for each binding's first jump."""
    applied: dict[str, int] = {}
    broken: set[str] = set()
    for each in history.steps:
        if each.decision.mark is None:
            continue
        binding, sequence = each.decision.mark
        expected = applied.get(binding, 0) + 1
        applied[binding] = sequence
        if sequence != expected and binding not in broken:
            broken.add(binding)
            yield Violation("I5", history.id, f"{binding} applied sequence {sequence} where {expected} was due")
