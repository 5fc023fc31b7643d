"""How often Python looks for reference cycles: as rarely as a service needs, which makes next to none."""

import gc

ALLOCATIONS_BETWEEN = 50_000  # about ten megabytes of small objects; the default of 700 costs a fifth of the CPU
YOUNG_PER_MIDDLE, MIDDLE_PER_FULL = 20, 50


def collect_rarely() -> None:
    """Called once, when everything is imported: what lives by then lives for ever and is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS_BETWEEN, YOUNG_PER_MIDDLE, MIDDLE_PER_FULL)
