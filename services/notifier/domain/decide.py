"""The one door to a notice: each command to its decision."""

from services.notifier.domain.attempts import expire_claim, record_outcome, redeliver, start_attempt
from services.notifier.domain.commands import ExpireClaim, RecordOutcome, Redeliver, RequestNotice, StartAttempt
from services.notifier.domain.request import request
from services.notifier.domain.state import Notice
from shared.kernel.aggregate import Command, Facts, Outcome
from shared.kernel.refusal import Refusal


def decide(state: Notice | None, command: Command, facts: Facts) -> Outcome:
    """`facts.reference` is the service's Reference. Raises TypeError for a command that is not ours."""
    if isinstance(command, RequestNotice):
        return request(state, command, facts)
    if state is None:
        return Refusal("not_found")
    match command:
        case StartAttempt():
            return start_attempt(state, command, facts)
        case RecordOutcome():
            return record_outcome(state, command, facts)
        case ExpireClaim():
            return expire_claim(state, command, facts)
        case Redeliver():
            return redeliver(state, command)
    raise TypeError(f"no notice knows {type(command).__name__}")
