"""How much one caller may ask."""

import pytest

from shared.runtime.http.problems import ProblemError
from shared.runtime.http.rate_limit import BURST_SECONDS, MOST_CALLERS, RateLimit


class Watch:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


def spend(limit: RateLimit, caller: str = "anna") -> int:
    """How many requests pass before the limit says no."""
    for number in range(100_000):
        if refused(limit, caller):
            return number
    return 100_000


def refused(limit: RateLimit, caller: str) -> bool:
    try:
        limit.take(caller)
    except ProblemError:
        return True
    return False


def test_ten_seconds_worth_may_come_at_once_and_then_no_more(watch: Watch) -> None:
    assert spend(RateLimit(5, watch)) == 5 * BURST_SECONDS


def test_it_fills_up_with_time_and_never_over_the_brim(watch: Watch) -> None:
    limit = RateLimit(5, watch)
    spend(limit)
    watch.now += 2
    assert spend(limit) == 10
    watch.now += 3600
    assert spend(limit) == 5 * BURST_SECONDS


def test_a_slow_rate_says_how_long_to_wait(watch: Watch) -> None:
    limit = RateLimit(0.1, watch)
    limit.take("anna")
    with pytest.raises(ProblemError) as problem:
        limit.take("anna")
    assert (problem.value.status, problem.value.code) == (429, "rate_limited")
    assert problem.value.headers["Retry-After"] == "10"


def test_callers_do_not_use_up_each_others_share(watch: Watch) -> None:
    limit = RateLimit(1, watch)
    spend(limit, "anna")
    limit.take("bert")


def test_zero_is_no_limit(watch: Watch) -> None:
    assert spend(RateLimit(0, watch)) == 100_000


def test_it_remembers_only_so_many_callers(watch: Watch) -> None:
    limit = RateLimit(1, watch)
    spend(limit, "anna")
    for number in range(MOST_CALLERS):
        limit.take(str(number))
    limit.take("anna")
