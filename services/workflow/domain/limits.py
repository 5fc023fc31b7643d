"""How often something may happen to one order before a leader has to step in."""

from datetime import timedelta

HOPS = 5  # transfers in the life of an order
CYCLES = 3  # handlings before a further one needs a leader
CALLBACK_ATTEMPTS = 3  # within a cycle
FUTURE_TOLERANCE = timedelta(minutes=5)  # how far the clock of a source may be ahead of ours
EFFECTIVE_AFTER = timedelta(seconds=60)  # for a change of the directory to reach every process
