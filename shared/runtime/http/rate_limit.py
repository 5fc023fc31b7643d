"""How much one caller may ask: a bucket of requests for each, filled at a steady rate, by the machine's own clock."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from shared.runtime.http.problems import ProblemError

BURST_SECONDS = 10.0  # how long a caller may save up
MOST_CALLERS = 10_000  # remembered; whoever was not heard of for longest starts with a full bucket again


class RateLimit:
    """`rate` requests a second for each caller of this process, and ten seconds' worth at once; 0: no limit."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # requests left, as of when

    def take(self, caller: str) -> None:
        """Raises ProblemError rate_limited, with the seconds after which it is worth trying again."""
        if not self._rate:
            return
        now, full = self._clock(), self._rate * BURST_SECONDS
        left, since = self._buckets.pop(caller, (full, now))
        left = min(full, left + (now - since) * self._rate)
        self._buckets[caller] = (max(0.0, left - 1), now) if left >= 1 else (left, now)
        if len(self._buckets) > MOST_CALLERS:
            self._buckets.popitem(last=False)
        if left < 1:
            wait = math.ceil((1 - left) / self._rate)
            raise ProblemError("rate_limited", headers={"Retry-After": str(wait)})
