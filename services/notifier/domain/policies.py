"""Rules of the notifier as data: when a notice is stale, how often and after how long a delivery is tried again."""

from dataclasses import dataclass
from datetime import timedelta

STALE_AFTER = timedelta(hours=24)

EMAIL, WEBHOOK, IN_APP, NO_CHANNEL = "email", "webhook", "in_app", "none"

RESENDS_IN_DOUBT = {EMAIL: 1}
"""How often a delivery that may have arrived is sent again. A channel that is not listed recognises a copy by the
delivery's id, so that sending again does no harm; mail programs rarely do, and one mail too many beats none."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Seconds between the attempts, in order; one attempt more than there are delays."""

    delays: tuple[int, ...] = (5, 30, 120, 600, 3600)

    def delay_after(self, attempts: int, at_least: int = 0) -> timedelta | None:
        """How long to wait after that many attempts; None when they were the last."""
        if attempts > len(self.delays):
            return None
        return timedelta(seconds=max(self.delays[attempts - 1], at_least))


def may_resend(channel: str, doubts: int) -> bool:
    """Whether a delivery that may have arrived is sent again, after so many earlier doubts."""
    return doubts < RESENDS_IN_DOUBT.get(channel, doubts + 1)
