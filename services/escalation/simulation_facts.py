"""What happened to an order and its clocks, as far as it can matter under other rules."""

from enum import IntEnum
from typing import Any

import msgspec


class What(IntEnum):
    """What happened, in the order in which one record's parts count."""

    ORDER = 0  # is another from here on, be it only by its team
    STOPPED = 1
    CANCELLED = 2
    HELD = 3
    WENT_ON = 4  # after a review that rejected, or with the next cycle
    SUSPENDED = 5  # the order was; which clocks that pauses is the policy's matter
    RESUMED = 6
    STARTED = 7
    EXTENDED = 8
    TERMS = 9  # the order's traits changed: running clocks follow
    MIGRATED = 10


ORDER, STARTED, STOPPED = What.ORDER, What.STARTED, What.STOPPED  # by far the most frequent


class Fact(msgspec.Struct, array_like=True, gc=False):
    """`at`: when it happened; `heard`: when it was decided (epoch seconds both). `number`: the clock's, 0 of none."""

    what: What
    at: int
    heard: int
    number: int = 0
    extra: Any = None
