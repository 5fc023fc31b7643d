"""How often something may happen to one order before a leader has to step in."""

from datetime import timedelta

HOPS = 5  # transfers in the life of an order
RETURNS = 2  # in the life of an order; the last one leads to the arbitrator
CYCLES = 3  # handlings before a further one needs a leader
REOPENINGS = 3  # in the life of an order; a further one is a new order
REOPENING = timedelta(days=30)  # since the closing
DEMANDS = 100  # in the life of an order, as its state keeps them; so for sub-orders
SUBORDERS = 100
CALLBACK_ATTEMPTS = 3  # within a cycle
SUSPENSION = timedelta(days=30)  # at once, natural time
SUSPENSION_BY_HANDLER = timedelta(hours=72)  # a longer one is a leader's to grant
URGES_APART = timedelta(minutes=30)  # before somebody is told of the next one
FUTURE_TOLERANCE = timedelta(minutes=5)  # how far the clock of a source may be ahead of ours
EFFECTIVE_AFTER = timedelta(seconds=60)  # for a change of the directory to reach every process
