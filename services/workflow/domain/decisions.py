"""The shapes that every action has: a decider makes events of a command, an evolver the next state of an event."""

from collections.abc import Callable, Mapping
from typing import Any

from services.workflow.domain.commands import WorkOrderCommand
from services.workflow.domain.state import WorkOrder
from shared.kernel.aggregate import Event, Facts, Stamp
from shared.kernel.refusal import Refusal, Unchanged

Result = list[Event] | Refusal | Unchanged
Deciders = Mapping[type[WorkOrderCommand], Callable[[WorkOrder, Any, Facts], Result]]
Evolvers = Mapping[type[Event], Callable[[WorkOrder, Any, Stamp], WorkOrder]]
