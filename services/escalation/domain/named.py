"""What a record names of the clock that it starts: a due, a cap, or what the clock is about."""

from services.escalation.domain.moments import Moment
from services.escalation.domain.policies import Match
from services.escalation.domain.steps import Terms
from services.escalation.domain.table import (
    CALLBACK_ATTEMPT,
    COOPERATION,
    EXTENSION_EXPIRY,
    RESOLVE,
    SUPERVISION,
    SUSPENSION,
    WAKE_UP,
)
from shared.events import workorders as order
from shared.kernel.aggregate import Event

NOTHING = Terms()


def terms_of(kind: str, change: Event, match: Match, moment: Moment) -> Terms:
    match kind, change:
        case (_, order.CallbackAttempted()) if kind == CALLBACK_ATTEMPT:
            return Terms(due=change.next_at)
        case (_, order.Suspended()) if kind == WAKE_UP:
            return Terms(due=change.wake_up_at)
        case (_, order.Suspended()) if kind == SUSPENSION:
            pause = moment.rules.policy(match.policy).pauses.get(change.reason.code)
            return NOTHING if pause is None else Terms(cap=pause.max_seconds)
        case (_, order.Supervised()) if kind == SUPERVISION:
            return Terms(due=change.due_at, subject=str(change.number))
        case (_, order.SubOrderOpened()) if kind == COOPERATION:
            return Terms(due=change.due_at, subject=change.suborder_id)
        case (_, order.ExtensionRequested()) if kind == EXTENSION_EXPIRY:
            running = (clock for clock in moment.clocks if clock.kind == RESOLVE and clock.state == "running")
            return Terms(due=next((clock.due_at for clock in running), None))
    return NOTHING
