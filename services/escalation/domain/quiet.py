"""Quiet hours 免打扰: from when to when people are left alone, as instants of the calendar's zone."""

from services.escalation.domain.policies import QuietHours
from shared.kernel.working_time import Zone

MINUTE, DAY = 60, 86_400  # seconds


def quiet_until(hours: QuietHours, zone: Zone, at: int) -> int | None:
    """When the quiet hours end in which `at` lies (epoch seconds), None outside of them.

    They begin and end as the windows of a calendar do: with the first instant that reaches their start, and after the
    last one before their end. So where the clocks go back the repeated hour is as quiet as it was the first time.
    Unlike windows they hold on every date, also on one that the zone skipped: what is left of that night is quiet.
    """
    end = hours.end * MINUTE + (DAY if hours.end < hours.start else 0)
    today = zone.date_at(at)
    for day in (today - 1, today, today + 1):  # where the clocks go back tomorrow may have begun already
        since = zone.first_reaching(day * DAY + hours.start * MINUTE)
        until = zone.last_before(day * DAY + end)
        if since <= at < until:
            # Where the clocks skip all that lies between two nights, they are one.
            return quiet_until(hours, zone, until) or until
    return None
